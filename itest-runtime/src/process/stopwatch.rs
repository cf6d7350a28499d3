//! How long something has been going on, told to whoever looks from another thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::status_file::monotonic;

/// Nothing has begun.
const IDLE: u64 = u64::MAX;

/// A beginning, on the clock of [`monotonic`].
#[derive(Debug)]
pub(crate) struct Stopwatch {
    began_nanos: AtomicU64,
}

impl Stopwatch {
    /// One that has not begun.
    #[must_use]
    pub(crate) const fn idle() -> Self {
        Self { began_nanos: AtomicU64::new(IDLE) }
    }

    /// Begins, once more or for the first time.
    pub(crate) fn begin(&self) {
        self.began_nanos.store(now_nanos(), Ordering::Relaxed);
    }

    /// The time since it began; none has passed for one that has not.
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
    fn time_passes_from_the_last_beginning() {
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
