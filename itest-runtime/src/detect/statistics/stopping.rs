//! The stopping rule: when there are enough runs to decide whether a condition makes failures more frequent.

use super::confidence::Confidence;
use super::posterior::{probability_of_lead, probability_that_greater};
use super::tally::Tally;

/// The result of comparing runs with a condition and runs without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    /// The test fails more often with the condition.
    Greater,
    /// The test does not fail more often with the condition, or not by a relevant amount.
    NotGreater,
    /// More runs are needed.
    Undecided,
}

/// The rule that ends a sequential comparison.
///
/// The comparison is evaluated after each run and stops as soon as the answer is known. For each of the two answers
/// there is a condition that is reached at some time:
///
/// - *Greater*, when the posterior probability that the rate is greater with the condition reaches the threshold.
///   Alone, this rule might never end: if both rates are equal, that probability wanders between 0 and 1 for ever.
/// - *Not greater*, when the posterior probability that it is greater by at least the relevant difference is below
///   `1 − threshold`. This condition ends comparisons of rates that are equal or nearly equal. It could not be
///   reached with a relevant difference of zero.
///
/// As the counts grow, the posterior distributions become narrow, and between zero and the relevant difference both
/// conditions hold in the end (*greater* is checked first). So each comparison is decided when each side has
/// `most_runs` runs, for any counts.
///
/// A posterior probability does not depend on how often it is evaluated (Edwards, Lindman & Savage: "Bayesian
/// statistical inference for psychological research", 1963), but the share of comparisons with a wrong result does. The
/// table shows how many of 4,000 comparisons of two *equal* rates ended with *greater*, when they were evaluated after
/// every pair of runs with a relevant difference of 0.2. The test `documented_error_rates_are_measured` measures these
/// numbers again; it is ignored because it takes long.
///
/// | threshold | both 2 % | both 10 % | both 50 %, the worst | pairs of runs, on average at 2 % and at 50 % |
/// |---|--:|--:|--:|--:|
/// | 95 % | 0.3 % | 9.2 % | 23.7 % | 10, 16 |
/// | 99 % | 0 | 2.7 % | 8.6 % | 18, 47 |
/// | 99.9 % | 0 | 0.5 % | 1.8 % | 31, 102 |
///
/// The default is 99.9 %, because a test must not be blamed by mistake. Then *always* against *never* takes six pairs
/// of runs, and 50 % against *never* takes 15. A difference that is equal to the relevant one is missed in 1 % (20 %
/// against *never*) to 2 % (50 % against 30 %) of comparisons, and smaller ones more often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StoppingRule {
    threshold: Confidence,
    relevant: f64,
}

impl StoppingRule {
    /// Creates a rule with a threshold, which ignores differences of rates below `relevant`.
    ///
    /// `None` if the threshold is not above 50 %, because both answers would be true at once. Also `None` if the
    /// relevant difference is not between 0.01 and 1; a smaller one would take more than fifty thousand runs at 95 %.
    #[must_use]
    #[cfg(test)]
    pub(crate) fn new(threshold: Confidence, relevant: f64) -> Option<Self> {
        (threshold.probability() > 0.5 && (0.01..=1.0).contains(&relevant)).then_some(Self { threshold, relevant })
    }

    /// Evaluates the comparison after these runs.
    #[must_use]
    pub(crate) fn compare(self, with: Tally, without: Tally) -> Comparison {
        // A probability that equals the threshold mathematically may be a little lower after rounding, such as 95 % for
        // 2 in 2 against 0 in 2.
        const ROUNDING: f64 = 1e-12;
        if probability_that_greater(with, without) >= self.threshold.probability() - ROUNDING {
            Comparison::Greater
        } else if probability_of_lead(with, without, self.relevant) < self.threshold.error_probability() {
            Comparison::NotGreater
        } else {
            Comparison::Undecided
        }
    }

    /// The number of runs on each side after which every comparison is decided.
    ///
    /// A comparison is undecided while the difference is less than `z` standard deviations from zero and from the
    /// relevant difference, where `z` belongs to the threshold. The standard deviation of the difference of two
    /// posterior rates is at most `√(1 / 2(n + 3))`. When twice `z` standard deviations are less than the relevant
    /// difference, no comparison is undecided: `n = 2z² / relevant²`. The derivation takes the posterior distribution
    /// for normal; a test checks every outcome of that many runs.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and at most a few million")]
    #[cfg(test)]
    pub(crate) fn most_runs(self) -> u32 {
        let deviations = self.threshold.one_sided_deviations() / self.relevant;
        (2.0 * deviations * deviations).ceil().max(1.0) as u32
    }
}

impl Default for StoppingRule {
    /// A threshold of 99.9 % and a relevant difference of 0.2.
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
    fn invalid_thresholds_and_differences_are_refused() {
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
    fn always_against_never_is_decided_after_few_runs() {
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
    fn probability_equal_to_the_threshold_is_sufficient() {
        // C(2m + 2, m + 1), from C(2m, m).
        let mut ways = 2.0;
        for runs in 1..12 {
            ways *= f64::from(4 * runs + 2) / f64::from(runs + 1);
            let rule = rule(1.0 - 1.0 / ways, 0.2);
            assert_eq!(rule.compare(Tally::new(runs, runs), Tally::new(runs, 0)), Comparison::Greater, "{runs}");
        }
    }

    #[test]
    fn never_against_never_is_decided_after_few_runs() {
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
    fn comparison_without_runs_on_both_sides_is_undecided() {
        let rule = StoppingRule::default();
        assert_eq!(rule.compare(Tally::default(), Tally::default()), Comparison::Undecided);
        assert_eq!(rule.compare(Tally::new(1, 1), Tally::default()), Comparison::Undecided);
    }

    /// Checks all numbers of failures on both sides. While the result is not *greater*, more failures with the
    /// condition make a lead more likely. So if the last such outcome is decided, those before it are decided as well.
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
    fn every_outcome_is_decided_after_most_runs() {
        for rule in
            [rule(0.95, 0.2), rule(0.99, 0.2), rule(0.9, 0.3), rule(0.95, 0.5), rule(0.999, 0.4), rule(0.6, 1.0)]
        {
            assert_decided(rule, rule.most_runs(), rule.most_runs());
        }
        assert_eq!(rule(0.95, 0.2).most_runs(), 136);
        assert_eq!(StoppingRule::default().most_runs(), 478);
    }

    #[test]
    fn more_runs_on_one_side_leave_every_outcome_decided() {
        let rule = rule(0.95, 0.25);
        assert_decided(rule, rule.most_runs(), rule.most_runs() * 4);
        assert_decided(rule, rule.most_runs() * 4, rule.most_runs());
    }

    /// A rule with a cache of its results, because simulations evaluate the same counts many times.
    struct CachedRule {
        rule: StoppingRule,
        cache: HashMap<(Tally, Tally), Comparison>,
        random: ChaCha8Rng,
    }

    impl CachedRule {
        fn of(rule: StoppingRule) -> Self {
            Self { rule, cache: HashMap::new(), random: ChaCha8Rng::seed_from_u64(20_130_618) }
        }

        fn draw(&mut self, rate: f64) -> Tally {
            Tally::new(1, u32::from(f64::from(self.random.next_u32()) < rate * 4_294_967_296.0))
        }

        /// The result of a comparison that is evaluated after every pair of runs, and the number of pairs it took.
        fn sequential(&mut self, with: f64, without: f64) -> (Comparison, u32) {
            let (mut seen_with, mut seen_without) = (Tally::default(), Tally::default());
            loop {
                seen_with = seen_with.add(self.draw(with));
                seen_without = seen_without.add(self.draw(without));
                let rule = self.rule;
                let cached = self.cache.entry((seen_with, seen_without));
                let comparison = *cached.or_insert_with(|| rule.compare(seen_with, seen_without));
                if comparison != Comparison::Undecided {
                    return (comparison, seen_with.runs());
                }
            }
        }

        /// The share of comparisons that end with this answer, and the average and the largest number of pairs they
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
    fn equal_rates_are_rarely_reported_as_different() {
        let (false_positives, _, most) =
            CachedRule::of(StoppingRule::default()).share(Comparison::Greater, 0.1, 0.1, 250);
        assert!(false_positives < 0.02, "{false_positives}");
        assert!(most <= StoppingRule::default().most_runs(), "{most}");
        let (false_positives, ..) = CachedRule::of(rule(0.95, 0.2)).share(Comparison::Greater, 0.5, 0.5, 300);
        assert!(
            false_positives > 0.15 && false_positives < 0.3,
            "the documentation says why not to trust 95 %: {false_positives}"
        );
    }

    #[test]
    fn large_differences_are_detected_after_few_runs() {
        let mut cached_rule = CachedRule::of(StoppingRule::default());
        assert_eq!(cached_rule.share(Comparison::NotGreater, 1.0, 0.0, 10), (0.0, 6.0, 6));
        let (missed, pairs, _) = cached_rule.share(Comparison::NotGreater, 0.5, 0.0, 500);
        assert!(missed < 0.01 && pairs < 20.0, "{missed} missed, {pairs} pairs");
    }

    #[test]
    #[ignore = "takes a minute, and prints the numbers of the documentation"]
    fn documented_error_rates_are_measured() {
        for (threshold, worst) in [(0.95, 0.26), (0.99, 0.1), (0.999, 0.025)] {
            let mut cached_rule = CachedRule::of(rule(threshold, 0.2));
            for rate in [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9] {
                let (share, pairs, most) = cached_rule.share(Comparison::Greater, rate, rate, 4000);
                println!("{threshold}, both {rate}: {share} greater, {pairs} pairs, at most {most}");
                assert!(share < worst && most <= cached_rule.rule.most_runs());
            }
            for (with, without) in [(1.0, 0.0), (0.5, 0.0), (0.3, 0.0), (0.2, 0.0), (0.1, 0.0), (1.0, 0.8), (0.5, 0.3)]
            {
                let (share, pairs, most) = cached_rule.share(Comparison::NotGreater, with, without, 4000);
                println!("{threshold}, {with} against {without}: {share} missed, {pairs} pairs, at most {most}");
                assert!(most <= cached_rule.rule.most_runs());
            }
        }
    }

    proptest! {
        #[test]
        fn more_failures_with_the_condition_never_weaken_the_result(runs in 1_u32..60, with in 0_u32..60, without in 0_u32..60) {
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
