//! Repeated rounds of the same cases. In random order each round has its own order.

use std::num::NonZeroU32;

use crate::model::{Case, Order, Seed, mix, sort_by_cached_key};

/// The rounds of a repeated run that have not started yet.
#[derive(Debug)]
pub(crate) struct Rounds {
    /// `None` if the run has only one round.
    cases: Option<Vec<Case>>,
    order: Order,
    seed: Seed,
    /// The number of rounds; `None` if the run repeats until it is stopped.
    last: Option<NonZeroU32>,
    begun: u32,
}

impl Rounds {
    /// Creates the rounds that follow the first one. `first` are the cases of the first round, in its order.
    #[must_use]
    pub(crate) fn after(first: &[Case], order: Order, seed: Seed, last: Option<NonZeroU32>) -> Self {
        let repeats = last != Some(NonZeroU32::MIN);
        Self { cases: repeats.then(|| first.to_vec()), order, seed, last, begun: 1 }
    }

    /// The cases of the next round, in their order; `None` after the last round.
    pub(crate) fn next(&mut self) -> Option<Vec<Case>> {
        let mut cases = self.cases.clone().filter(|cases| !cases.is_empty())?;
        if self.last.is_some_and(|last| self.begun >= last.get()) {
            return None;
        }
        self.begun = self.begun.checked_add(1)?;
        if self.order == Order::Random {
            let seed = Seed(mix(self.seed, &self.begun.to_string()));
            sort_by_cached_key(&mut cases, |case| mix(seed, case.id.as_str()));
        }
        for case in &mut cases {
            case.round = self.begun;
        }
        Some(cases)
    }

    /// The number of rounds that have started.
    #[must_use]
    pub(crate) fn begun(&self) -> u32 {
        self.begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CaseIndex, CaseMeta, SourceLocation, TestId};

    fn cases() -> Vec<Case> {
        let case = |number: u32| Case {
            id: TestId::new(format!("test_{number}")),
            index: CaseIndex(number),
            location: SourceLocation::new("a.rs:1:1"),
            meta: &CaseMeta::PLAIN,
            locks: Vec::new(),
            round: 1,
        };
        (0..20).map(case).collect()
    }

    fn ids(cases: &[Case]) -> Vec<String> {
        cases.iter().map(|case| case.id.to_string()).collect()
    }

    #[test]
    fn every_round_has_all_cases_in_its_own_order_fixed_by_the_seed() {
        let rounds = |seed| {
            let mut rounds = Rounds::after(&cases(), Order::Random, Seed(seed), NonZeroU32::new(3));
            let rounds_run: Vec<_> = std::iter::from_fn(|| rounds.next()).collect();
            for (number, round) in (2..).zip(&rounds_run) {
                assert!(round.iter().all(|case| case.round == number));
            }
            let rounds_run: Vec<_> = rounds_run.iter().map(|cases| ids(cases)).collect();
            assert_eq!(rounds.begun(), 3);
            rounds_run
        };
        let rounds_run = rounds(7);
        assert_eq!(rounds_run.len(), 2);
        assert_ne!(rounds_run[0], rounds_run[1]);
        assert_eq!(rounds_run, rounds(7));
        for mut round in rounds_run {
            round.sort();
            let mut all = ids(&cases());
            all.sort();
            assert_eq!(round, all);
        }
    }

    #[test]
    fn run_with_one_round_keeps_no_cases() {
        let mut once = Rounds::after(&cases(), Order::Random, Seed(1), Some(NonZeroU32::MIN));
        assert!(once.cases.is_none() && once.next().is_none());
        let mut declared = Rounds::after(&cases(), Order::Declared, Seed(1), None);
        assert_eq!(declared.next().map(|round| ids(&round)), Some(ids(&cases())));
        assert!(
            Rounds::after(&[], Order::Random, Seed(1), None).next().is_none(),
            "a run without cases does not repeat for ever"
        );
    }
}
