//! How many cases the supervisor assigns to a worker at a time.

use std::time::Duration;

/// The time that the cases of one batch should take together: long enough to keep the worker busy while a message
/// travels between the processes.
const TARGET_BATCH_TIME: Duration = Duration::from_millis(5);

/// The batch size before any case was timed. A larger batch does no harm, because the supervisor can take back cases
/// that the worker has not started.
const INITIAL_BATCH: usize = 8;

/// One case that runs and one that waits, so that the worker does not wait for a message between two tests.
const MIN_BATCH: usize = 2;

/// The largest batch.
const MAX_BATCH: usize = 512;

/// The number of cases that a worker may have, including the running one.
///
/// A round trip between processes costs more than an empty test, so a worker gets fast tests in large batches, and slow
/// tests one ahead of time. Near the end of the run the batches shrink, so that all workers finish at about the same
/// time (guided self-scheduling: Polychronopoulos and Kuck, IEEE Trans. Computers, 1987).
#[must_use]
pub(crate) fn batch_size(typical: Option<Duration>, waiting: usize, workers: usize) -> usize {
    let by_time = typical.map_or(INITIAL_BATCH, |typical| {
        let cases_in_time = TARGET_BATCH_TIME.as_nanos() / typical.as_nanos().max(1);
        usize::try_from(cases_in_time).unwrap_or(MAX_BATCH).min(MAX_BATCH)
    });
    let fair_share = waiting.div_ceil(workers.max(1) * 2);
    by_time.max(MIN_BATCH).min(fair_share).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_is_small_before_the_first_measurement() {
        assert_eq!(batch_size(None, 1_000, 2), INITIAL_BATCH);
        assert_eq!(batch_size(None, 6, 3), 1);
    }

    #[test]
    fn fast_tests_get_large_batches_and_slow_tests_get_pairs() {
        assert_eq!(batch_size(Some(Duration::from_micros(5)), 10_000, 2), MAX_BATCH);
        assert_eq!(batch_size(Some(Duration::from_micros(500)), 1_000, 2), 10);
        assert_eq!(batch_size(Some(Duration::from_millis(50)), 1_000, 2), 2);
        assert_eq!(batch_size(Some(Duration::from_millis(50)), 2, 2), 1);
    }

    #[test]
    fn batches_shrink_towards_the_end() {
        let fast = Some(Duration::from_micros(1));
        assert_eq!(batch_size(fast, 16, 2), 4);
        assert_eq!(batch_size(fast, 3, 2), 1);
        assert_eq!(batch_size(fast, 0, 2), 1);
        assert_eq!(batch_size(Some(Duration::ZERO), 10, 0), 5);
    }
}
