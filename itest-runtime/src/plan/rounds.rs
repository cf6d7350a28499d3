//! The same cases again and again, each round in an order of its own.

use std::num::NonZeroU32;

use crate::model::{Case, Order, Seed, mix};

/// What is left of a run that repeats itself.
#[derive(Debug)]
pub(crate) struct Rounds {
    /// None: there is nothing to repeat.
    cases: Option<Vec<Case>>,
    order: Order,
    seed: Seed,
    /// None: until somebody stops it.
    last: Option<NonZeroU32>,
    begun: u32,
}

impl Rounds {
    /// The rounds behind the first one, whose cases and order these are.
    #[must_use]
    pub(crate) fn after(first: &[Case], order: Order, seed: Seed, last: Option<NonZeroU32>) -> Self {
        let repeats = last != Some(NonZeroU32::MIN);
        Self { cases: repeats.then(|| first.to_vec()), order, seed, last, begun: 1 }
    }

    /// The cases of the next round, in their order.
    pub(crate) fn next(&mut self) -> Option<Vec<Case>> {
        let mut cases = self.cases.clone().filter(|cases| !cases.is_empty())?;
        if self.last.is_some_and(|last| self.begun >= last.get()) {
            return None;
        }
        self.begun = self.begun.checked_add(1)?;
        if self.order == Order::Random {
            let seed = Seed(mix(self.seed, &self.begun.to_string()));
            cases.sort_by_cached_key(|case| mix(seed, case.id.as_str()));
        }
        for case in &mut cases {
            case.round = self.begun;
        }
        Some(cases)
    }

    /// How many rounds have begun.
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
    fn every_round_has_all_cases_in_an_order_of_its_own_that_the_seed_fixes() {
        let rounds = |seed| {
            let mut rounds = Rounds::after(&cases(), Order::Random, Seed(seed), NonZeroU32::new(3));
            let told: Vec<_> = std::iter::from_fn(|| rounds.next()).collect();
            for (number, round) in (2..).zip(&told) {
                assert!(round.iter().all(|case| case.round == number));
            }
            let told: Vec<_> = told.iter().map(|cases| ids(cases)).collect();
            assert_eq!(rounds.begun(), 3);
            told
        };
        let told = rounds(7);
        assert_eq!(told.len(), 2);
        assert_ne!(told[0], told[1]);
        assert_eq!(told, rounds(7));
        for mut round in told {
            round.sort();
            let mut all = ids(&cases());
            all.sort();
            assert_eq!(round, all);
        }
    }

    #[test]
    fn a_run_that_is_not_repeated_keeps_nothing() {
        let mut once = Rounds::after(&cases(), Order::Random, Seed(1), Some(NonZeroU32::MIN));
        assert!(once.cases.is_none() && once.next().is_none());
        let mut declared = Rounds::after(&cases(), Order::Declared, Seed(1), None);
        assert_eq!(declared.next().map(|round| ids(&round)), Some(ids(&cases())));
        assert!(
            Rounds::after(&[], Order::Random, Seed(1), None).next().is_none(),
            "nothing cannot be repeated for ever"
        );
    }
}
