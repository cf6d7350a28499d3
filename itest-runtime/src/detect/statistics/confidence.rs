//! Confidence levels.

use std::f64::consts::TAU;
use std::fmt;

/// A confidence level: a probability strictly between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Confidence(f64);

impl Confidence {
    /// 95 %.
    pub(crate) const P95: Self = Self(0.95);
    /// 99 %.
    pub(crate) const P99: Self = Self(0.99);
    /// 99.9 %.
    pub(crate) const P999: Self = Self(0.999);

    /// Creates a confidence level; `None` if the probability is not strictly between 0 and 1.
    #[must_use]
    #[cfg(test)]
    pub(crate) fn new(probability: f64) -> Option<Self> {
        (probability > 0.0 && probability < 1.0).then_some(Self(probability))
    }

    /// The confidence level as a number.
    #[must_use]
    pub(crate) fn probability(self) -> f64 {
        self.0
    }

    /// The probability of being wrong: `1 − probability`.
    #[must_use]
    pub(crate) fn error_probability(self) -> f64 {
        1.0 - self.0
    }

    /// The number of standard deviations around the mean of a normal distribution that contain this probability: 1.96
    /// for 95 %.
    pub(super) fn two_sided_deviations(self) -> f64 {
        deviations(self.0 / 2.0)
    }

    /// The number of standard deviations above the mean of a normal distribution below which this probability lies:
    /// 1.64 for 95 %, and 0 for all levels up to 50 %.
    #[cfg(test)]
    pub(super) fn one_sided_deviations(self) -> f64 {
        deviations((self.0 - 0.5).max(0.0))
    }
}

impl fmt::Display for Confidence {
    /// Formats as `95 %`, with up to six decimals where they are needed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = format!("{:.6}", self.0 * 100.0);
        write!(formatter, "{} %", percent.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// The point above the mean of the standard normal distribution such that this probability lies between the mean and
/// the point. The probability is less than one half.
///
/// Newton's method, starting at the mean. Above the mean the distribution function is concave, so the steps approach
/// the point from below and need no bracket. The probability between mean and point is the series `φ(x)·(x + x³/3 +
/// x⁵/(3·5) + …)` (Marsaglia: "Evaluating the normal distribution", Journal of Statistical Software 11(4), 2004), whose
/// terms are all positive.
fn deviations(probability: f64) -> f64 {
    // Each step is at least a fixed fraction of 1/x. The largest representable result, 8.3, takes about forty steps.
    const STEPS: u32 = 100;
    let mut point = 0.0_f64;
    for _ in 0..STEPS {
        let density = (-point * point / 2.0).exp() / TAU.sqrt();
        let step = (probability - density * odd_series(point)) / density;
        point += step;
        if step <= 1e-15 * point {
            break;
        }
    }
    point
}

/// `x + x³/3 + x⁵/(3·5) + x⁷/(3·5·7) + …`
fn odd_series(point: f64) -> f64 {
    let (mut term, mut sum, mut odd) = (point, point, 1.0);
    while term > f64::EPSILON * sum / 4.0 {
        odd += 2.0;
        term *= point * point / odd;
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_outside_zero_to_one_are_refused() {
        for wrong in [0.0, 1.0, -0.1, 1.5, f64::NAN, f64::INFINITY] {
            assert_eq!(Confidence::new(wrong), None, "{wrong}");
        }
        assert_eq!(Confidence::new(0.95), Some(Confidence::P95));
    }

    #[test]
    fn confidence_is_formatted_in_percent() {
        for (probability, written) in [(0.95, "95 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.57, "57 %"), (0.9, "90 %")]
        {
            assert_eq!(Confidence::new(probability).unwrap().to_string(), written);
        }
    }

    #[test]
    fn deviations_match_reference_tables() {
        // Reference values, computed with fifty digits.
        let table = [
            (0.5, 0.674_489_750_196_081_7),
            (0.9, 1.644_853_626_951_472_7),
            (0.95, 1.959_963_984_540_054),
            (0.99, 2.575_829_303_548_901),
            (0.999_999, 4.891_638_475_692_932),
        ];
        for (probability, expected) in table {
            let actual = Confidence::new(probability).unwrap().two_sided_deviations();
            assert!((actual - expected).abs() < 1e-10, "{probability}: {actual}");
        }
        let actual = Confidence::P95.one_sided_deviations();
        assert!((actual - 1.644_853_626_951_472_7).abs() < 1e-12, "{actual}");
        assert!(Confidence::new(0.3).unwrap().one_sided_deviations().abs() < 1e-15);
    }

    #[test]
    fn deviations_exist_for_the_largest_confidence() {
        let largest = Confidence::new(1.0 - f64::EPSILON / 2.0).unwrap().two_sided_deviations();
        assert!(largest > 8.0 && largest < 8.5, "{largest}");
    }
}
