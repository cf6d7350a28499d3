//! A stopwatch that one thread starts and another thread reads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::status_file::monotonic;

/// The start time of a stopwatch that was not started.
const IDLE: u64 = u64::MAX;

/// A stopwatch that measures the time since it was last started.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    /// The start time on the clock of [`monotonic`].
    began_nanos: AtomicU64,
}

impl Stopwatch {
    /// A stopwatch that was not started.
    #[must_use]
    pub(crate) const fn idle() -> Self {
        Self { began_nanos: AtomicU64::new(IDLE) }
    }

    /// Starts or restarts the stopwatch.
    pub(crate) fn begin(&self) {
        self.began_nanos.store(now_nanos(), Ordering::Relaxed);
    }

    /// The time since the last start. It is zero if the stopwatch was not started.
    #[must_use]
    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_nanos(now_nanos().saturating_sub(self.began_nanos.load(Ordering::Relaxed)))
    }
}

fn now_nanos() -> u64 {
    u64::try_from(monotonic().as_nanos()).unwrap_or(IDLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elapsed_time_counts_from_the_last_start() {
        let stopwatch = Stopwatch::idle();
        assert_eq!(stopwatch.elapsed(), Duration::ZERO);
        stopwatch.begin();
        let first = monotonic();
        while stopwatch.elapsed() < Duration::from_millis(1) {
            std::thread::yield_now();
        }
        assert!(monotonic().saturating_sub(first) >= Duration::from_micros(900));
        stopwatch.begin();
        assert!(stopwatch.elapsed() < Duration::from_secs(1));
    }
}
