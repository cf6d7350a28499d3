//! Measures for how long this process was stopped, for example by Ctrl-Z. A thread wakes up at fixed intervals. If it wakes up
//! much too late, the process was stopped in the meantime.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::Timespec;

use super::status_file::monotonic;

/// Counts the time for which a process was stopped. Clones share the count.
#[derive(Debug, Clone, Default)]
pub(crate) struct StopDetector {
    stopped_nanos: Arc<AtomicU64>,
}

impl StopDetector {
    /// The longest time that one wait takes while the process runs.
    pub(crate) const INTERVAL: Duration = Duration::from_millis(100);

    /// A wait that exceeds its interval by more than this counts as stopped time. A busy machine alone does not delay a thread
    /// for so long.
    pub(crate) const MIN_STOP: Duration = Duration::from_millis(400);

    /// Calls a function that waits for at most the given timeout, and counts a long delay as stopped time.
    pub(super) fn wait<T>(&self, wait: impl FnOnce(&Timespec) -> T) -> T {
        let began = monotonic();
        let result = wait(&Timespec { tv_sec: 0, tv_nsec: Self::INTERVAL.subsec_nanos().into() });
        let delay = monotonic().saturating_sub(began).saturating_sub(Self::INTERVAL);
        if delay > Self::MIN_STOP {
            self.stopped_nanos.fetch_add(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        result
    }

    /// The total time for which the process was stopped.
    #[must_use]
    pub(crate) fn stopped(&self) -> Duration {
        Duration::from_nanos(self.stopped_nanos.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_delay_counts_as_stopped() {
        let detector = StopDetector::default();
        detector.wait(|_| std::thread::sleep(Duration::from_millis(120)));
        assert_eq!(detector.stopped(), Duration::ZERO);
        detector.wait(|_| std::thread::sleep(Duration::from_millis(700)));
        assert!(detector.clone().stopped() >= Duration::from_millis(600));
    }
}
