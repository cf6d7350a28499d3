//! Formats counts as a sentence. The sentence gives bounds of the failure rate, and never claims that a test is stable.

use super::confidence::Confidence;
use super::tally::Tally;

impl Tally {
    /// Describes the failure rate, for example "0 failures in 59 runs: below 5.0 % at 95 % confidence" or "3 failures
    /// in 40 runs: 7.5 %, between 2.6 % and 19.9 % at 95 % confidence".
    ///
    /// If all runs passed or all failed, the bound is the exact one-sided one, rounded so that it stays true. Otherwise
    /// the bounds are Wilson's interval.
    #[must_use]
    pub(crate) fn in_words(self, confidence: Confidence) -> String {
        let Some(rate) = self.rate() else { return "no runs yet".to_owned() };
        let counted = format!("{} in {}", plural(self.failures(), "failure"), plural(self.runs(), "run"));
        let bounds = if self.failures() == 0 {
            format!("below {}", percent(self.upper_bound(confidence), f64::ceil))
        } else if self.passes() == 0 {
            format!("above {}", percent(self.lower_bound(confidence), f64::floor))
        } else {
            let interval = self.wilson(confidence);
            let [rate, low, high] = [rate, interval.low(), interval.high()].map(|share| percent(share, f64::round));
            format!("{rate}, between {low} and {high}")
        };
        format!("{counted}: {bounds} at {confidence} confidence")
    }
}

fn plural(count: u32, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// Formats a share in percent with one decimal. Close to 0 % and 100 % it has more decimals, so that two digits of the
/// distance are visible and a rare failure is not shown as 0 %.
pub(crate) fn percent(share: f64, round: fn(f64) -> f64) -> String {
    let percent = share * 100.0;
    let distance = percent.min(100.0 - percent);
    let (mut decimals, mut scale) = (1_usize, 10.0);
    while distance > 0.0 && distance * scale < 9.95 && decimals < 12 {
        decimals += 1;
        scale *= 10.0;
    }
    // A value that is mathematically a round number may differ in the last digit of a float. It is used as it is, so
    // that it is not rounded away.
    let exact = (percent * scale).round();
    let scaled = if (percent * scale - exact).abs() < 1e-6 { exact } else { round(percent * scale) };
    format!("{:.decimals$} %", scaled / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_match_examples() {
        let sentences = [
            (0, 0, "no runs yet"),
            (1, 0, "0 failures in 1 run: below 95.0 % at 95 % confidence"),
            (59, 0, "0 failures in 59 runs: below 5.0 % at 95 % confidence"),
            (58, 0, "0 failures in 58 runs: below 5.1 % at 95 % confidence"),
            (100_000, 0, "0 failures in 100000 runs: below 0.0030 % at 95 % confidence"),
            (40, 3, "3 failures in 40 runs: 7.5 %, between 2.6 % and 19.9 % at 95 % confidence"),
            (2, 1, "1 failure in 2 runs: 50.0 %, between 9.5 % and 90.5 % at 95 % confidence"),
            (1, 1, "1 failure in 1 run: above 5.0 % at 95 % confidence"),
            (40, 40, "40 failures in 40 runs: above 92.7 % at 95 % confidence"),
            (10_000, 2, "2 failures in 10000 runs: 0.020 %, between 0.0055 % and 0.073 % at 95 % confidence"),
            (10_000, 9_998, "9998 failures in 10000 runs: 99.980 %, between 99.927 % and 99.9945 % at 95 % confidence"),
        ];
        for (runs, failures, sentence) in sentences {
            assert_eq!(Tally::new(runs, failures).in_words(Confidence::P95), sentence);
        }
        let sentence = Tally::new(299, 0).in_words(Confidence::new(0.999).unwrap());
        assert_eq!(sentence, "0 failures in 299 runs: below 2.3 % at 99.9 % confidence");
    }

    #[test]
    fn rounding_never_makes_a_bound_untrue() {
        for runs in 1..500 {
            let bound = Tally::new(runs, 0).upper_bound(Confidence::P95);
            let sentence = Tally::new(runs, 0).in_words(Confidence::P95);
            let written = sentence.split("below ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
            let written: f64 = written.parse().unwrap();
            assert!(written / 100.0 >= bound - 1e-12 && written / 100.0 < bound + 0.001_000_1, "{sentence}: {bound}");
        }
    }
}
