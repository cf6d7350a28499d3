//! When enough runs were made to say whether a condition makes failures more frequent.

use super::confidence::Confidence;
use super::posterior::{probability_of_lead, probability_that_greater};
use super::tally::Tally;

/// What is known after so many runs with a condition and so many without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    /// It fails more often with the condition.
    Greater,
    /// It does not fail relevantly more often with the condition.
    NotGreater,
    /// More runs are needed.
    Undecided,
}

/// When a sequential comparison ends, either way.
///
/// Somebody who looks after every run stops as soon as the answer is known, and needs two answers to be known at some
/// time:
///
/// - *Greater*, when the posterior probability that the rate is greater with the condition reaches the threshold.
///   Alone, this rule might never end: if both rates are equal, that probability wanders between 0 and 1 for ever.
/// - *Not greater*, when the posterior probability that it is greater by at least the relevant difference is below what
///   the threshold leaves. Rates that are equal, or nearly, are found out by this rule; that is why the difference
///   cannot be zero.
///
/// As counts grow the posterior distributions become narrow, and between zero and the relevant difference both rules
/// hold at last (*greater* comes first then): whatever the counts are, a comparison is decided when each side has
/// [`Self::most_runs`].
///
/// A posterior probability does not depend on how often somebody looks (Edwards, Lindman & Savage: "Bayesian
/// statistical inference for psychological research", 1963), but the share of comparisons that end wrongly does. Of
/// 4,000 comparisons of two *equal* rates, with a look after every pair of runs and a relevant difference of 0.2, so
/// many ended with *greater* (`the_numbers_of_the_documentation`, which is ignored because it takes long, measures them
/// again):
///
/// | threshold | both 2 % | both 10 % | both 50 %, the worst | pairs of runs, on average at 2 % and at 50 % |
/// |---|--:|--:|--:|--:|
/// | 95 % | 0.3 % | 9.2 % | 23.7 % | 10, 16 |
/// | 99 % | 0 | 2.7 % | 8.6 % | 18, 47 |
/// | 99.9 % | 0 | 0.5 % | 1.8 % | 31, 102 |
///
/// That is why 99.9 % is the default: whoever names a culprit must be right. *Always* against *never* takes six pairs
/// of runs then, 50 % against *never* 15. A difference that is just the relevant one is missed in 1 % (20 % against
/// *never*) to 2 % (50 % against 30 %), and smaller ones more often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StoppingRule {
    threshold: Confidence,
    relevant: f64,
}

impl StoppingRule {
    /// Stops when this sure, and does not care for differences of rates below the relevant one.
    ///
    /// None if the threshold is not above 50 % (both answers would hold at once), or if the difference is not between
    /// 0.01 and 1 (a smaller one takes more than fifty thousand runs at 95 %).
    #[must_use]
    #[cfg(test)]
    pub(crate) fn new(threshold: Confidence, relevant: f64) -> Option<Self> {
        (threshold.probability() > 0.5 && (0.01..=1.0).contains(&relevant)).then_some(Self { threshold, relevant })
    }

    /// What is known after these runs.
    #[must_use]
    pub(crate) fn compare(self, with: Tally, without: Tally) -> Comparison {
        // A probability that is the threshold on paper, as that of 2 in 2 against 0 in 2 is 95 %, may come out a little
        // less.
        const ROUNDING: f64 = 1e-12;
        if probability_that_greater(with, without) >= self.threshold.probability() - ROUNDING {
            Comparison::Greater
        } else if probability_of_lead(with, without, self.relevant) < self.threshold.doubt() {
            Comparison::NotGreater
        } else {
            Comparison::Undecided
        }
    }

    /// The runs with the condition, and as many without it, after which every comparison is decided.
    ///
    /// Undecided is what is less than `z` standard deviations from zero and from the relevant difference, for the `z`
    /// that belongs to the threshold; the standard deviation of the difference of two posterior rates is at most `√(1 /
    /// 2(n + 3))`. When twice `z` of these are less than the relevant difference, nothing is undecided: `n = 2z² /
    /// relevant²`. That takes the posterior distribution for normal; a test looks at every outcome of that many runs.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and at most a few million")]
    #[cfg(test)]
    pub(crate) fn most_runs(self) -> u32 {
        let deviations = self.threshold.one_sided_deviations() / self.relevant;
        (2.0 * deviations * deviations).ceil().max(1.0) as u32
    }
}

impl Default for StoppingRule {
    /// 99.9 % sure, of a difference of 0.2.
    fn default() -> Self {
        Self { threshold: Confidence::P999, relevant: 0.2 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    fn rule(threshold: f64, relevant: f64) -> StoppingRule {
        StoppingRule::new(Confidence::new(threshold).unwrap(), relevant).unwrap()
    }

    #[test]
    fn rules_that_could_not_end_or_not_differ_are_refused() {
        for (threshold, relevant) in [(0.5, 0.2), (0.3, 0.2), (0.95, 0.0), (0.95, -0.2), (0.95, 1.1), (0.95, f64::NAN)]
        {
            assert_eq!(
                StoppingRule::new(Confidence::new(threshold).unwrap(), relevant),
                None,
                "{threshold} {relevant}"
            );
        }
        assert_eq!(StoppingRule::new(Confidence::P999, 0.2), Some(StoppingRule::default()));
    }

    #[test]
    fn always_against_never_is_decided_at_once() {
        let decided = |threshold: f64| {
            (0..100).find(|runs| {
                let comparison = rule(threshold, 0.2).compare(Tally::new(*runs, *runs), Tally::new(*runs, 0));
                assert_ne!(comparison, Comparison::NotGreater);
                comparison == Comparison::Greater
            })
        };
        assert_eq!(decided(0.95), Some(2));
        assert_eq!(decided(0.99), Some(4));
        assert_eq!(decided(0.999), Some(6));
    }

    #[test]
    fn a_probability_that_is_the_threshold_is_enough() {
        // C(2m + 2, m + 1), from C(2m, m).
        let mut ways = 2.0;
        for runs in 1..12 {
            ways *= f64::from(4 * runs + 2) / f64::from(runs + 1);
            let rule = rule(1.0 - 1.0 / ways, 0.2);
            assert_eq!(rule.compare(Tally::new(runs, runs), Tally::new(runs, 0)), Comparison::Greater, "{runs}");
        }
    }

    #[test]
    fn never_against_never_is_decided_soon() {
        let decided = |threshold: f64| {
            (0..100).find(|runs| {
                let comparison = rule(threshold, 0.2).compare(Tally::new(*runs, 0), Tally::new(*runs, 0));
                assert_ne!(comparison, Comparison::Greater);
                comparison == Comparison::NotGreater
            })
        };
        assert_eq!(decided(0.95), Some(9));
        assert_eq!(decided(0.99), Some(16));
    }

    #[test]
    fn fewer_failures_with_the_condition_are_not_greater() {
        assert_eq!(rule(0.95, 0.2).compare(Tally::new(3, 0), Tally::new(3, 3)), Comparison::NotGreater);
    }

    #[test]
    fn nothing_is_known_without_runs_on_both_sides() {
        let rule = StoppingRule::default();
        assert_eq!(rule.compare(Tally::default(), Tally::default()), Comparison::Undecided);
        assert_eq!(rule.compare(Tally::new(1, 1), Tally::default()), Comparison::Undecided);
    }

    /// Looks at every number of failures on both sides. Where the rule is not yet *greater*, more failures with the
    /// condition make a lead more likely: if the last such outcome is decided, those before it are.
    fn assert_decided(rule: StoppingRule, with: u32, without: u32) {
        let mut failures = 0;
        for without in (0..=without).map(|failures| Tally::new(without, failures)) {
            while failures <= with && rule.compare(Tally::new(with, failures), without) != Comparison::Greater {
                failures += 1;
            }
            let doubtful = Tally::new(with, failures.saturating_sub(1));
            assert_ne!(rule.compare(doubtful, without), Comparison::Undecided, "{rule:?}: {doubtful:?} {without:?}");
        }
    }

    #[test]
    fn every_outcome_is_decided_after_the_most_runs() {
        for rule in
            [rule(0.95, 0.2), rule(0.99, 0.2), rule(0.9, 0.3), rule(0.95, 0.5), rule(0.999, 0.4), rule(0.6, 1.0)]
        {
            assert_decided(rule, rule.most_runs(), rule.most_runs());
        }
        assert_eq!(rule(0.95, 0.2).most_runs(), 136);
        assert_eq!(StoppingRule::default().most_runs(), 478);
    }

    #[test]
    fn more_runs_on_one_side_only_leave_nothing_undecided_either() {
        let rule = rule(0.95, 0.25);
        assert_decided(rule, rule.most_runs(), rule.most_runs() * 4);
        assert_decided(rule, rule.most_runs() * 4, rule.most_runs());
    }

    /// A rule that remembers what it has said: simulations ask the same questions again and again.
    struct Memory {
        rule: StoppingRule,
        said: HashMap<(Tally, Tally), Comparison>,
        random: ChaCha8Rng,
    }

    impl Memory {
        fn of(rule: StoppingRule) -> Self {
            Self { rule, said: HashMap::new(), random: ChaCha8Rng::seed_from_u64(20_130_618) }
        }

        fn draw(&mut self, rate: f64) -> Tally {
            Tally::new(1, u32::from(f64::from(self.random.next_u32()) < rate * 4_294_967_296.0))
        }

        /// The answer of somebody who looks after every pair of runs, and how many pairs it took.
        fn sequential(&mut self, with: f64, without: f64) -> (Comparison, u32) {
            let (mut seen_with, mut seen_without) = (Tally::default(), Tally::default());
            loop {
                seen_with = seen_with.add(self.draw(with));
                seen_without = seen_without.add(self.draw(without));
                let rule = self.rule;
                let known = self.said.entry((seen_with, seen_without));
                let comparison = *known.or_insert_with(|| rule.compare(seen_with, seen_without));
                if comparison != Comparison::Undecided {
                    return (comparison, seen_with.runs());
                }
            }
        }

        /// The share of comparisons that end with this answer, the pairs they take on average, and the most that one
        /// took.
        fn share(&mut self, answer: Comparison, with: f64, without: f64, comparisons: u32) -> (f64, f64, u32) {
            let (mut given, mut pairs, mut most) = (0, 0, 0);
            for _ in 0..comparisons {
                let (comparison, runs) = self.sequential(with, without);
                given += u32::from(comparison == answer);
                pairs += runs;
                most = most.max(runs);
            }
            let average = |sum: u32| f64::from(sum) / f64::from(comparisons);
            (average(given), average(pairs), most)
        }
    }

    #[test]
    fn equal_rates_are_rarely_taken_for_different_ones() {
        let (accused, _, most) = Memory::of(StoppingRule::default()).share(Comparison::Greater, 0.1, 0.1, 250);
        assert!(accused < 0.02, "{accused}");
        assert!(most <= StoppingRule::default().most_runs(), "{most}");
        let (accused, ..) = Memory::of(rule(0.95, 0.2)).share(Comparison::Greater, 0.5, 0.5, 300);
        assert!(accused > 0.15 && accused < 0.3, "the documentation says why not to trust 95 %: {accused}");
    }

    #[test]
    fn large_differences_are_found_soon() {
        let mut memory = Memory::of(StoppingRule::default());
        assert_eq!(memory.share(Comparison::NotGreater, 1.0, 0.0, 10), (0.0, 6.0, 6));
        let (missed, pairs, _) = memory.share(Comparison::NotGreater, 0.5, 0.0, 500);
        assert!(missed < 0.01 && pairs < 20.0, "{missed} missed, {pairs} pairs");
    }

    #[test]
    #[ignore = "takes a minute, and prints the numbers of the documentation"]
    fn the_numbers_of_the_documentation() {
        for (threshold, worst) in [(0.95, 0.26), (0.99, 0.1), (0.999, 0.025)] {
            let mut memory = Memory::of(rule(threshold, 0.2));
            for rate in [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9] {
                let (share, pairs, most) = memory.share(Comparison::Greater, rate, rate, 4000);
                println!("{threshold}, both {rate}: {share} greater, {pairs} pairs, at most {most}");
                assert!(share < worst && most <= memory.rule.most_runs());
            }
            for (with, without) in [(1.0, 0.0), (0.5, 0.0), (0.3, 0.0), (0.2, 0.0), (0.1, 0.0), (1.0, 0.8), (0.5, 0.3)]
            {
                let (share, pairs, most) = memory.share(Comparison::NotGreater, with, without, 4000);
                println!("{threshold}, {with} against {without}: {share} missed, {pairs} pairs, at most {most}");
                assert!(most <= memory.rule.most_runs());
            }
        }
    }

    proptest! {
        #[test]
        fn more_failures_with_it_never_acquit_it(runs in 1_u32..60, with in 0_u32..60, without in 0_u32..60) {
            let rank = |comparison| match comparison {
                Comparison::NotGreater => 0,
                Comparison::Undecided => 1,
                Comparison::Greater => 2,
            };
            let rule = rule(0.95, 0.2);
            let without = Tally::new(runs, without);
            let fewer = rule.compare(Tally::new(runs, with), without);
            let more = rule.compare(Tally::new(runs, with + 1), without);
            prop_assert!(rank(more) >= rank(fewer));
        }
    }
}
