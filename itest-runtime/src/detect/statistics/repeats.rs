//! The number of runs that are needed to observe a failure.

use super::confidence::Confidence;
use super::tally::Tally;

/// The number of runs that show at least one failure with this confidence, if each run fails with this rate: 29 for 10
/// %, 59 for 5 % and 299 for 1 % at 95 %.
///
/// The result is the smallest `n` with `1 − (1 − rate)ⁿ ≥ confidence`, and at least 1. If the rate is zero, negative or
/// not a number, no number of runs is sufficient, and the result is `u32::MAX`.
#[must_use]
pub(crate) fn runs_needed(rate: f64, confidence: Confidence) -> u32 {
    if rate > 0.0 { at_least(confidence.error_probability().ln() / (-rate.min(1.0)).ln_1p()) } else { u32::MAX }
}

impl Tally {
    /// How often a probe must be repeated, and pass each time, until the condition that was counted here is ruled out
    /// with this confidence.
    ///
    /// [`runs_needed`] expects the true rate. A bisection that used the observed rate instead would trust passes too
    /// early: a condition that failed in 3 of 3 runs need not always fail. Here the rate is as uncertain as the counts
    /// leave it (uniform prior), and the probability of `n` passes in a row is that of the beta-binomial distribution
    /// (Skellam 1948): `B(failures + 1, passes + 1 + n) / B(failures + 1, passes + 1)`. The result is the smallest `n`,
    /// at least 1, for which this probability is at most `1 − confidence`. At 95 % it is 19 before the first run, 5
    /// after 1 failure in 1 run, and 2 after 10 in 10. A condition that never failed takes 19 times as many runs as
    /// were made, plus 19. `u32::MAX` stands for more than that.
    #[must_use]
    pub(crate) fn repeats_to_trust_a_pass(self, confidence: Confidence) -> u32 {
        // The answer lies between the two bounds: the lower one is never sufficient, and the upper one is, if there is
        // an answer.
        let (mut too_few, mut sufficient) = (0, u32::MAX);
        let error_probability = confidence.error_probability() * (1.0 + ROUNDING);
        while sufficient - too_few > 1 {
            let middle = u32::midpoint(too_few, sufficient);
            if self.probability_of_passes(middle) <= error_probability {
                sufficient = middle;
            } else {
                too_few = middle;
            }
        }
        sufficient
    }

    /// The probability that the next `repeats` runs all pass.
    fn probability_of_passes(self, repeats: u32) -> f64 {
        let (failures, passes) = (f64::from(self.failures()) + 1.0, f64::from(self.passes()) + 1.0);
        // The quotient of beta functions is a product with one factor for each repeat, or equivalently one for each
        // failure. The shorter product is computed.
        let (factors, farther) =
            if repeats <= self.failures() { (repeats, failures) } else { (self.failures() + 1, f64::from(repeats)) };
        let mut probability = 1.0;
        for factor in 0..factors {
            let numerator = passes + f64::from(factor);
            probability *= numerator / (numerator + farther);
            if probability < f64::MIN_POSITIVE {
                return 0.0;
            }
        }
        probability
    }
}

/// The relative tolerance for a quotient that is mathematically a whole number, but a little larger after rounding.
const ROUNDING: f64 = 1e-12;

/// Rounds up to a whole number, at least 1 and at most `u32::MAX`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, and this one is at least 1"
)]
fn at_least(number: f64) -> u32 {
    (number * (1.0 - ROUNDING)).ceil().max(1.0) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn runs_needed_match_well_known_values() {
        for (rate, runs) in [(0.1, 29), (0.05, 59), (0.01, 299), (0.5, 5), (1.0, 1), (0.999, 1)] {
            assert_eq!(runs_needed(rate, Confidence::P95), runs, "{rate}");
        }
        assert_eq!(runs_needed(0.01, Confidence::P99), 459);
        assert_eq!(runs_needed(0.5, Confidence::new(0.75).unwrap()), 2, "exactly two");
        assert_eq!(runs_needed(0.5, Confidence::new(0.875).unwrap()), 3, "exactly three");
    }

    #[test]
    fn zero_rate_needs_unlimited_runs() {
        for rate in [0.0, -0.5, f64::NAN, 1e-300] {
            assert_eq!(runs_needed(rate, Confidence::P95), u32::MAX, "{rate}");
        }
        assert_eq!(runs_needed(7.0, Confidence::P95), 1);
    }

    #[test]
    fn more_failures_need_fewer_repeats() {
        let repeats = |runs, failures| Tally::new(runs, failures).repeats_to_trust_a_pass(Confidence::P95);
        assert_eq!(repeats(0, 0), 19);
        assert_eq!(repeats(59, 0), 19 * 60);
        assert_eq!(repeats(1, 1), 5);
        assert_eq!(repeats(10, 10), 2);
        assert_eq!(repeats(1000, 1000), 1);
        // If the rate was certain, 5 repeats would be sufficient.
        assert_eq!(repeats(4, 2), 7);
        assert_eq!(repeats(100_000, 50_000), 5);
        assert_eq!(repeats(u32::MAX, 0), u32::MAX);
    }

    #[test]
    fn whole_numbers_are_not_rounded_up() {
        for rate in [0.1, 0.2, 0.3, 0.4, 0.5, 0.6_f64] {
            for runs in 1..=8 {
                let seen = Confidence::new(1.0 - (1.0 - rate).powi(runs)).unwrap();
                assert_eq!(runs_needed(rate, seen), runs.unsigned_abs(), "{rate}");
            }
        }
    }

    proptest! {
        #[test]
        fn one_run_less_is_insufficient(rate in 1e-6..1.0, probability in 0.5..0.9999) {
            let runs = runs_needed(rate, Confidence::new(probability).unwrap());
            let seen = |runs: u32| 1.0 - (1.0_f64 - rate).powf(f64::from(runs));
            prop_assert!(seen(runs) >= probability - 1e-9);
            prop_assert!(runs == 1 || seen(runs - 1) < probability + 1e-9);
        }

        #[test]
        fn product_equals_that_of_single_runs(runs in 0_u32..200, failures in 0_u32..200, repeats in 0_u32..300) {
            let tally = Tally::new(runs, failures);
            let (mut product, mut passed) = (1.0, tally);
            for _ in 0..repeats {
                // This is Laplace's rule of succession.
                product *= (f64::from(passed.passes()) + 1.0) / (f64::from(passed.runs()) + 2.0);
                passed = passed.add(Tally::new(1, 0));
            }
            let actual = tally.probability_of_passes(repeats);
            prop_assert!((actual - product).abs() <= 1e-12 * product, "{actual} {product}");
        }

        #[test]
        fn uncertain_rate_needs_more_repeats_than_a_known_one(runs in 1_u32..3000, failures in 1_u32..3000) {
            let tally = Tally::new(runs, failures);
            let known = runs_needed(f64::from(tally.failures() + 1) / f64::from(tally.runs() + 2), Confidence::P95);
            prop_assert!(tally.repeats_to_trust_a_pass(Confidence::P95) >= known);
        }
    }
}
