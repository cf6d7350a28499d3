//! The backoff before a failed test is tried again.

use std::time::Duration;

use crate::model::{Seed, mix};

/// The longest pause before an attempt.
const MAX_PAUSE: Duration = Duration::from_mins(1);

/// The largest jitter, in thousandths of the pause, in either direction.
const JITTER_THOUSANDTHS: u64 = 250;

/// The pause before an attempt. Attempts are counted from 1. There is no pause before the first attempt, the pause
/// `first` before the second, and then it doubles with each attempt, up to one minute.
///
/// A jitter of up to 25 % spreads tests that failed at the same time, because they would disturb each other again
/// otherwise. The jitter depends only on seed, test and attempt, so that the pauses are the same when the run is
/// repeated.
#[must_use]
pub(crate) fn pause_before(attempt: u32, first: Duration, seed: Seed, test: &str) -> Duration {
    let Some(doublings) = attempt.checked_sub(2) else { return Duration::ZERO };
    let pause = first.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(MAX_PAUSE);
    let jitter = mix(Seed(mix(seed, test)), &attempt.to_string()) % (2 * JITTER_THOUSANDTHS + 1);
    let thousandths = u32::try_from(1_000 - JITTER_THOUSANDTHS + jitter).unwrap_or(1_000);
    (pause * thousandths / 1_000).min(MAX_PAUSE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pause_doubles_within_its_jitter_up_to_a_minute(
            seed: u64, test in "[a-z:]{1,20}", attempt in 2_u32..80, millis in 0_u64..100_000,
        ) {
            let first = Duration::from_millis(millis);
            let pause = pause_before(attempt, first, Seed(seed), &test);
            let exact = first.as_secs_f64() * 2_f64.powi(i32::try_from(attempt).unwrap() - 2);
            let (least, most) = ((exact * 0.75).min(45.0), (exact * 1.25).min(60.0));
            prop_assert!((least - 1e-6..=most + 1e-6).contains(&pause.as_secs_f64()), "{pause:?} of {exact} s");
            prop_assert_eq!(pause, pause_before(attempt, first, Seed(seed), &test));
            prop_assert_eq!(pause_before(1, first, Seed(seed), &test), Duration::ZERO);
        }
    }

    #[test]
    fn tests_that_failed_together_get_different_pauses() {
        let pauses: std::collections::BTreeSet<_> = (0..100)
            .map(|number| pause_before(2, Duration::from_secs(1), Seed(7), &format!("test_{number}")))
            .collect();
        assert!(pauses.len() > 80, "{} different pauses of 100", pauses.len());
        let spread = pauses.last().unwrap().saturating_sub(*pauses.first().unwrap());
        assert!(spread > Duration::from_millis(400), "{spread:?}");
    }
}
