//! Statistics of the durations of attempts.

use std::time::Duration;

/// How clearly the second group of durations is longer (positive) or shorter (negative) than the first one, in standard
/// deviations. It is the normal approximation of the rank-sum test with ties (Mann and Whitney, 1947).
pub(super) fn shift(before: &[Duration], after: &[Duration]) -> f64 {
    let (n1, n2) = (as_f64(before.len()), as_f64(after.len()));
    let mut all: Vec<(Duration, bool)> =
        before.iter().map(|time| (*time, false)).chain(after.iter().map(|time| (*time, true))).collect();
    all.sort_unstable();
    let (mut ranks, mut ties, mut at) = (0.0, 0.0, 0);
    while at < all.len() {
        let same = all[at..].iter().take_while(|(time, _)| *time == all[at].0).count();
        let rank = as_f64(2 * at + same + 1) / 2.0;
        ranks += rank * as_f64(all[at..at + same].iter().filter(|(_, is_after)| *is_after).count());
        ties += as_f64(same).powi(3) - as_f64(same);
        at += same;
    }
    let n = n1 + n2;
    let deviation = (n1 * n2 / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)))).sqrt();
    if deviation > 0.0 { (ranks - n2 * (n + 1.0) / 2.0) / deviation } else { 0.0 }
}

/// A percentile of sorted durations, by the nearest-rank method; zero if there are none.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// A count as a float. The conversion is exact below 2^52.
#[expect(clippy::cast_precision_loss, reason = "counts of attempts are far below 2^52")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 5e-4
    }

    #[test]
    fn longer_durations_are_a_shift_and_equal_ones_are_not() {
        let times = |from: u64| (from..from + 20).map(Duration::from_millis).collect::<Vec<_>>();
        assert!(shift(&times(100), &times(120)) > 5.0);
        assert!(shift(&times(120), &times(100)) < -5.0);
        assert!(close(shift(&times(100), &times(100)), 0.0));
        assert!(close(shift(&[Duration::ZERO; 9], &[Duration::ZERO; 9]), 0.0));
        // U = 1 of 9, the textbook's 1, 2, 4 against 3, 5, 6: z = (8 − 4.5) / sqrt(9 · 7 / 12).
        let few = |times: [u64; 3]| times.map(Duration::from_secs);
        assert!(close(shift(&few([1, 2, 4]), &few([3, 5, 6])), 3.5 / 5.25_f64.sqrt()));
    }

    #[test]
    fn percentiles_are_observed_values() {
        let times: Vec<_> = (1..=20).map(Duration::from_secs).collect();
        assert_eq!(percentile(&times, 50), Duration::from_secs(10));
        assert_eq!(percentile(&times, 95), Duration::from_secs(19));
        assert_eq!(percentile(&times[..1], 95), Duration::from_secs(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
