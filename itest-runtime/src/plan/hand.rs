//! How many cases a worker is given at a time.

use std::time::Duration;

/// Enough work to keep a worker busy while a message travels, and no more.
const WORTH_IN_HAND: Duration = Duration::from_millis(5);

/// Before anything is known. What a worker has not begun can be taken back from it, so this costs nothing.
const FIRST_HAND: usize = 8;

/// The one that runs, and the next: nobody who has more to do waits for a message between two tests.
const SMALLEST_HAND: usize = 2;

/// The most cases ever given ahead.
const LARGEST_HAND: usize = 512;

/// How many cases a worker may hold, the running one included.
///
/// A round trip between processes costs more than an empty test, so fast tests are handed over in bundles; slow ones one ahead. Near
/// the end the bundles shrink, so that the workers finish together (guided self-scheduling: Polychronopoulos and Kuck, IEEE Trans.
/// Computers, 1987).
#[must_use]
pub(crate) fn hand_size(typical: Option<Duration>, waiting: usize, workers: usize) -> usize {
    let by_time = typical.map_or(FIRST_HAND, |typical| {
        let fitting = WORTH_IN_HAND.as_nanos() / typical.as_nanos().max(1);
        usize::try_from(fitting).unwrap_or(LARGEST_HAND).min(LARGEST_HAND)
    });
    let fair_share = waiting.div_ceil(workers.max(1) * 2);
    by_time.max(SMALLEST_HAND).min(fair_share).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_held_ahead_before_the_first_measurement() {
        assert_eq!(hand_size(None, 1_000, 2), FIRST_HAND);
        assert_eq!(hand_size(None, 6, 3), 1);
    }

    #[test]
    fn fast_tests_come_in_bundles_and_slow_ones_in_pairs() {
        assert_eq!(hand_size(Some(Duration::from_micros(5)), 10_000, 2), LARGEST_HAND);
        assert_eq!(hand_size(Some(Duration::from_micros(500)), 1_000, 2), 10);
        assert_eq!(hand_size(Some(Duration::from_millis(50)), 1_000, 2), 2);
        assert_eq!(hand_size(Some(Duration::from_millis(50)), 2, 2), 1);
    }

    #[test]
    fn bundles_shrink_towards_the_end() {
        let fast = Some(Duration::from_micros(1));
        assert_eq!(hand_size(fast, 16, 2), 4);
        assert_eq!(hand_size(fast, 3, 2), 1);
        assert_eq!(hand_size(fast, 0, 2), 1);
        assert_eq!(hand_size(Some(Duration::ZERO), 10, 0), 5);
    }
}
