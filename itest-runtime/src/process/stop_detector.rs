//! The pulse of a process: a beat that comes much too late says that the process was stopped, as by Ctrl-Z.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::Timespec;

use super::status_file::monotonic;

/// For how long a process was stopped since it began; clones tell the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pulse {
    stopped_nanos: Arc<AtomicU64>,
}

impl Pulse {
    /// From one beat to the next.
    pub(crate) const BEAT: Duration = Duration::from_millis(100);

    /// Nobody is kept from running for so long by a busy machine alone.
    pub(crate) const LATE: Duration = Duration::from_millis(400);

    /// Waits for something, and for a beat at most.
    pub(super) fn feel<T>(&self, wait: impl FnOnce(&Timespec) -> T) -> T {
        let began = monotonic();
        let waited = wait(&Timespec { tv_sec: 0, tv_nsec: Self::BEAT.subsec_nanos().into() });
        let late = monotonic().saturating_sub(began).saturating_sub(Self::BEAT);
        if late > Self::LATE {
            self.stopped_nanos.fetch_add(u64::try_from(late.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        waited
    }

    /// The time that it was stopped, all in all.
    #[must_use]
    pub(crate) fn stopped(&self) -> Duration {
        Duration::from_nanos(self.stopped_nanos.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_beat_that_comes_much_too_late_is_counted() {
        let pulse = Pulse::default();
        pulse.feel(|_| std::thread::sleep(Duration::from_millis(120)));
        assert_eq!(pulse.stopped(), Duration::ZERO);
        pulse.feel(|_| std::thread::sleep(Duration::from_millis(700)));
        assert!(pulse.clone().stopped() >= Duration::from_millis(600));
    }
}
