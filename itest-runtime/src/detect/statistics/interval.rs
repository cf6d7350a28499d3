//! Confidence intervals of a failure rate.

use super::beta::{Beta, Tail};
use super::confidence::Confidence;
use super::tally::Tally;

/// The bounds of a rate: `0 ≤ low ≤ high ≤ 1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    low: f64,
    high: f64,
}

impl Interval {
    /// The interval before the first run.
    const WHOLE_RANGE: Self = Self { low: 0.0, high: 1.0 };

    fn new(low: f64, high: f64) -> Self {
        let low = low.clamp(0.0, 1.0);
        Self { low, high: high.clamp(low, 1.0) }
    }

    /// The lower bound.
    #[must_use]
    pub(crate) fn low(self) -> f64 {
        self.low
    }

    /// The upper bound.
    #[must_use]
    pub(crate) fn high(self) -> f64 {
        self.high
    }

    /// Whether the rate lies between the bounds or on one of them.
    #[must_use]
    #[cfg(test)]
    pub(crate) fn contains(self, rate: f64) -> bool {
        self.low <= rate && rate <= self.high
    }
}

impl Tally {
    /// The score interval (Wilson: "Probable inference, the law of succession, and statistical inference", 1927): all
    /// rates that a normal approximation does not reject.
    ///
    /// On average over all rates it contains the true rate with about this confidence, and for some rates with a little
    /// less. It is shorter than the exact interval, so it is the one that is shown. Before the first run it is the
    /// whole range.
    #[must_use]
    pub(crate) fn wilson(self, confidence: Confidence) -> Interval {
        let Some(rate) = self.rate() else { return Interval::WHOLE_RANGE };
        let runs = f64::from(self.runs());
        let square = confidence.two_sided_deviations().powi(2);
        let center = (f64::from(self.failures()) + square / 2.0) / (runs + square);
        let variance = rate * (1.0 - rate) / runs + square / (4.0 * runs * runs);
        let half = (square * variance).sqrt() * runs / (runs + square);
        // Mathematically the formula gives these two bounds as well, but rounding would make them inexact.
        let low = if self.failures() == 0 { 0.0 } else { center - half };
        let high = if self.passes() == 0 { 1.0 } else { center + half };
        Interval::new(low, high)
    }

    /// The exact interval (Clopper & Pearson: "The use of confidence or fiducial limits illustrated in the case of the
    /// binomial", 1934): all rates that neither one-sided binomial test rejects at half of `1 − confidence`.
    ///
    /// It contains each true rate with at least this confidence, usually with more. Before the first run it is the
    /// whole range. The bounds are quantiles of beta distributions, accurate to 1e-9 or better.
    #[must_use]
    pub(crate) fn clopper_pearson(self, confidence: Confidence) -> Interval {
        let error_probability = confidence.error_probability() / 2.0;
        Interval::new(self.lowest(error_probability), self.highest(error_probability))
    }

    /// The one-sided upper bound of Clopper & Pearson: the true rate is below it with this confidence.
    ///
    /// After zero failures in `n` runs it is `1 − (1 − confidence)^(1/n)`, which is about `3/n` for 95 % (the rule of
    /// three; Hanley & Lippman-Hand: "If nothing goes wrong, is everything all right?", JAMA 249, 1983). Before the
    /// first run it is 1.
    #[must_use]
    pub(crate) fn upper_bound(self, confidence: Confidence) -> f64 {
        self.highest(confidence.error_probability())
    }

    /// The one-sided lower bound, the counterpart of [`Self::upper_bound`]: the true rate is above it with this
    /// confidence. Before the first run it is 0.
    #[must_use]
    pub(crate) fn lower_bound(self, confidence: Confidence) -> f64 {
        self.lowest(confidence.error_probability())
    }

    /// The rate for which this many failures or fewer have the probability `error_probability`.
    fn highest(self, error_probability: f64) -> f64 {
        let (failures, passes) = (f64::from(self.failures()), f64::from(self.passes()));
        if self.passes() == 0 {
            return 1.0;
        }
        if self.failures() == 0 {
            return -(error_probability.ln() / passes).exp_m1();
        }
        Beta::new(failures + 1.0, passes).point(Tail::Above(error_probability))
    }

    /// The rate for which this many failures or more have the probability `error_probability`.
    fn lowest(self, error_probability: f64) -> f64 {
        let (failures, passes) = (f64::from(self.failures()), f64::from(self.passes()));
        if self.failures() == 0 {
            return 0.0;
        }
        if self.passes() == 0 {
            return (error_probability.ln() / failures).exp();
        }
        Beta::new(failures, passes + 1.0).point(Tail::Below(error_probability))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-10, "{actual} instead of {expected}");
    }

    #[test]
    fn exact_interval_matches_reference_values() {
        // Reference values, computed with fifty digits.
        for (runs, failures, confidence, low, high) in EXACT {
            let interval = Tally::new(runs, failures).clopper_pearson(confidence);
            close(interval.low(), low);
            close(interval.high(), high);
        }
    }

    #[test]
    fn score_interval_matches_published_values() {
        // Newcombe: "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, 1998, table
        // I.
        for (failures, runs, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let interval = Tally::new(runs, failures).wilson(Confidence::P95);
            assert!((interval.low() - low).abs() < 5e-5, "{failures} of {runs}: {interval:?}");
            assert!((interval.high() - high).abs() < 5e-5, "{failures} of {runs}: {interval:?}");
        }
    }

    #[test]
    fn upper_bounds_match_reference_values() {
        // Reference values, computed with fifty digits.
        for (runs, failures, expected) in UPPER {
            close(Tally::new(runs, failures).upper_bound(Confidence::P95), expected);
        }
    }

    #[test]
    fn upper_bound_without_failures_matches_the_formula() {
        for runs in [1_u32, 3, 29, 59, 299, 100_000] {
            let expected = 1.0 - 0.05_f64.powf(1.0 / f64::from(runs));
            close(Tally::new(runs, 0).upper_bound(Confidence::P95), expected);
            assert!(expected < 3.0 / f64::from(runs), "the rule of three");
        }
        close(Tally::new(59, 0).upper_bound(Confidence::P95), 0.049_507_609_888_226_95);
    }

    #[test]
    fn interval_without_runs_is_the_whole_range() {
        let none = Tally::default();
        assert_eq!(none.wilson(Confidence::P99), Interval::WHOLE_RANGE);
        assert_eq!(none.clopper_pearson(Confidence::P99), Interval::WHOLE_RANGE);
        close(none.upper_bound(Confidence::P99), 1.0);
        close(none.lower_bound(Confidence::P99), 0.0);
    }

    #[test]
    fn largest_tally_has_bounds() {
        let rare = Tally::new(u32::MAX, 4).clopper_pearson(Confidence::P95);
        assert!(rare.low() > 2.5e-10 && rare.high() < 2.4e-9, "{rare:?}");
        let even = Tally::new(u32::MAX, u32::MAX / 2).clopper_pearson(Confidence::P95);
        assert!((even.high() - even.low() - 2.0 * 1.96 * 0.5 / 65_536.0).abs() < 1e-8, "{even:?}");
    }

    fn confidences() -> impl Strategy<Value = Confidence> {
        (0.5..0.9999).prop_map(|probability| Confidence::new(probability).unwrap())
    }

    fn tallies(most: u32) -> impl Strategy<Value = Tally> {
        (1..=most).prop_flat_map(|runs| (Just(runs), 0..=runs)).prop_map(|(runs, failures)| Tally::new(runs, failures))
    }

    fn both(tally: Tally, confidence: Confidence) -> [Interval; 2] {
        [tally.wilson(confidence), tally.clopper_pearson(confidence)]
    }

    proptest! {
        #[test]
        fn bounds_are_ordered_around_the_rate(tally in tallies(100_000), confidence in confidences()) {
            let rate = tally.rate().unwrap();
            for interval in both(tally, confidence) {
                prop_assert!(0.0 <= interval.low() && interval.high() <= 1.0, "{interval:?}");
                prop_assert!(interval.contains(rate), "{interval:?}");
            }
            prop_assert!(tally.lower_bound(confidence) <= rate && rate <= tally.upper_bound(confidence));
            prop_assert!(tally.upper_bound(confidence) <= tally.clopper_pearson(confidence).high());
        }

        #[test]
        fn one_more_failure_never_lowers_a_bound(tally in tallies(3000), confidence in confidences()) {
            let more = Tally::new(tally.runs() + 1, tally.failures() + 1);
            let less = Tally::new(tally.runs() + 1, tally.failures());
            for (more, less) in both(more, confidence).into_iter().zip(both(less, confidence)) {
                prop_assert!(more.low() >= less.low() && more.high() >= less.high());
            }
            prop_assert!(more.upper_bound(confidence) >= less.upper_bound(confidence));
        }

        #[test]
        fn intervals_of_failures_and_passes_are_mirrored(tally in tallies(100_000), confidence in confidences()) {
            let mirrored = Tally::new(tally.runs(), tally.passes());
            for (one, other) in both(tally, confidence).into_iter().zip(both(mirrored, confidence)) {
                prop_assert!((one.low() - (1.0 - other.high())).abs() < 1e-12);
                prop_assert!((one.high() - (1.0 - other.low())).abs() < 1e-12);
            }
        }

        #[test]
        fn exact_interval_contains_the_center_of_wilsons(tally in tallies(5000), confidence in confidences()) {
            let [wilson, exact] = both(tally, confidence);
            prop_assert!(exact.contains(f64::midpoint(wilson.low(), wilson.high())));
        }

        #[test]
        fn higher_confidence_gives_a_wider_interval(tally in tallies(5000)) {
            for (wide, narrow) in both(tally, Confidence::P99).into_iter().zip(both(tally, Confidence::P95)) {
                prop_assert!(wide.low() <= narrow.low() && narrow.high() <= wide.high());
            }
        }
    }

    /// The coverage is simulated, so that this test shares no formula with the tested code.
    #[test]
    fn intervals_cover_the_true_rate_as_often_as_promised() {
        const DRAWS: u32 = 200;
        let mut random = ChaCha8Rng::seed_from_u64(20_120_905);
        let mut pairs = 0.0;
        let mut covered = [0.0; 3];
        for runs in [5_u32, 10, 20, 40, 59, 100, 200] {
            let intervals: Vec<_> =
                (0..=runs).map(|failures| both(Tally::new(runs, failures), Confidence::P95)).collect();
            let uppers: Vec<_> =
                (0..=runs).map(|failures| Tally::new(runs, failures).upper_bound(Confidence::P95)).collect();
            for rate in [0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.93, 0.99] {
                pairs += 1.0;
                for _ in 0..DRAWS {
                    let failures = (0..runs).filter(|_| f64::from(random.next_u32()) < rate * 4_294_967_296.0).count();
                    let [wilson, exact] = intervals[failures];
                    let shares = [wilson.contains(rate), exact.contains(rate), rate <= uppers[failures]];
                    for (sum, is_covered) in covered.iter_mut().zip(shares) {
                        *sum += f64::from(u8::from(is_covered)) / f64::from(DRAWS);
                    }
                }
            }
        }
        let [wilson, exact, upper] = covered.map(|sum| sum / pairs);
        assert!(wilson >= 0.94, "Wilson's covers {wilson}");
        assert!(exact >= 0.95, "Clopper and Pearson's covers {exact}");
        assert!(upper >= 0.95, "the upper bound covers {upper}");
    }

    const EXACT: [(u32, u32, Confidence, f64, f64); 10] = [
        (10, 0, Confidence::P95, 0.0, 0.308_497_107_818_760_8),
        (10, 1, Confidence::P95, 0.002_528_578_544_461_785, 0.445_016_117_028_195_4),
        (10, 5, Confidence::P95, 0.187_086_028_447_398_53, 0.812_913_971_552_601_5),
        (20, 20, Confidence::P95, 0.831_566_529_016_914_7, 1.0),
        (40, 3, Confidence::P95, 0.015_742_179_851_041_53, 0.203_864_748_732_899),
        (100, 10, Confidence::P99, 0.038_195_653_205_081_56, 0.201_953_520_781_344_17),
        (1000, 999, Confidence::P95, 0.994_441_075_720_173_3, 0.999_974_682_512_508_7),
        (100_000, 1, Confidence::P95, 2.531_780_477_933_314e-7, 5.571_516_034_774_276e-5),
        (100_000, 500, Confidence::P95, 0.004_572_244_150_070_587, 0.005_456_841_177_010_281),
        (100_000, 50_000, Confidence::P95, 0.496_896_062_491_800_4, 0.503_103_937_508_199_6),
    ];

    const UPPER: [(u32, u32, f64); 4] = [
        (59, 0, 0.049_507_609_888_226_95),
        (40, 3, 0.182_586_850_015_901_24),
        (10, 9, 0.994_883_803_108_176_3),
        (100_000, 7, 0.000_131_477_096_239_092_65),
    ];
}
