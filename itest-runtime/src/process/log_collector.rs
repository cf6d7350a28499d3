//! Collects the records that the code under test logs, while a test observes them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_core::callsite::rebuild_interest_cache;

use crate::inject::running_attempt;
use crate::model::{Level, LogContent, LogRecord, Phase};

/// The most records that an observer keeps: the last ones.
pub(crate) const MAX_RECORDS: usize = 10_000;

/// The most bytes of texts that an observer keeps.
const MAX_BYTES: usize = 32 << 20;

/// The observers of this process. A process runs one test at a time, but a test may have several observers.
static OBSERVERS: Mutex<Vec<Arc<Mutex<Buffer>>>> = Mutex::new(Vec::new());

/// Whether there is an observer. Events are filtered by this flag, so that they cost nothing without an observer.
static IS_OBSERVED: AtomicBool = AtomicBool::new(false);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a test observes what is logged.
#[must_use]
pub(crate) fn is_log_observed() -> bool {
    IS_OBSERVED.load(Ordering::Relaxed)
}

/// Adds a record to all observers. Any thread may call this function.
pub(crate) fn add_log(content: LogContent) {
    let Some(attempt) = running_attempt() else { return };
    let record = Arc::new(LogRecord::new(content, attempt.elapsed(), attempt.phase()));
    for buffer in &*lock(&OBSERVERS) {
        lock(buffer).add(Arc::clone(&record));
    }
}

/// Collects all records from its creation until it is dropped.
#[derive(Debug)]
pub(crate) struct LogObserver(Arc<Mutex<Buffer>>);

impl LogObserver {
    /// Begins to collect records.
    #[must_use]
    pub(crate) fn begin() -> Self {
        let buffer = Arc::new(Mutex::new(Buffer::default()));
        change_observers(|observers| observers.push(Arc::clone(&buffer)));
        Self(buffer)
    }

    /// The records until now.
    #[must_use]
    pub(crate) fn collected(&self) -> CollectedLogs {
        let buffer = lock(&self.0);
        CollectedLogs { records: buffer.records.iter().cloned().collect(), removed: buffer.removed.clone() }
    }
}

impl Drop for LogObserver {
    fn drop(&mut self) {
        change_observers(|observers| observers.retain(|other| !Arc::ptr_eq(other, &self.0)));
    }
}

fn change_observers(change: impl FnOnce(&mut Vec<Arc<Mutex<Buffer>>>)) {
    let (was_observed, is_observed) = {
        let mut observers = lock(&OBSERVERS);
        change(&mut observers);
        let is_observed = !observers.is_empty();
        (IS_OBSERVED.swap(is_observed, Ordering::Relaxed), is_observed)
    };
    if was_observed != is_observed {
        // `tracing` caches which events are enabled. The lock is free here, because `tracing` calls the filters.
        rebuild_interest_cache();
    }
}

/// The records that an observer has collected.
#[derive(Debug, Clone, Default)]
pub(crate) struct CollectedLogs {
    /// The last records.
    pub(crate) records: Vec<Arc<LogRecord>>,
    /// The numbers of earlier records, which were removed because there were too many.
    pub(crate) removed: Vec<RemovedLogs>,
}

/// The number of removed records of one level and one phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemovedLogs {
    pub(crate) level: Level,
    pub(crate) phase: Phase,
    pub(crate) count: u64,
}

/// The records of one observer.
#[derive(Debug, Default)]
struct Buffer {
    records: VecDeque<Arc<LogRecord>>,
    bytes: usize,
    removed: Vec<RemovedLogs>,
}

impl Buffer {
    fn add(&mut self, record: Arc<LogRecord>) {
        self.bytes += record.bytes();
        self.records.push_back(record);
        while self.records.len() > MAX_RECORDS || self.bytes > MAX_BYTES {
            let Some(first) = self.records.pop_front() else { return };
            self.bytes -= first.bytes();
            self.note_removal(first.level(), first.phase());
        }
    }

    fn note_removal(&mut self, level: Level, phase: Phase) {
        match self.removed.iter_mut().find(|removed| removed.level == level && removed.phase == phase) {
            Some(removed) => removed.count += 1,
            None => self.removed.push(RemovedLogs { level, phase, count: 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn record(level: Level, message: String, phase: Phase) -> Arc<LogRecord> {
        let content = LogContent { level, target: "shop".to_owned(), message, fields: Vec::new() };
        Arc::new(LogRecord::new(content, Duration::ZERO, phase))
    }

    #[test]
    fn first_records_are_removed_and_counted_by_level_and_phase() {
        let mut buffer = Buffer::default();
        buffer.add(record(Level::ERROR, "first".to_owned(), Phase::Arrange));
        for number in 0..=MAX_RECORDS {
            buffer.add(record(Level::DEBUG, format!("number {number}"), Phase::Act));
        }
        assert_eq!(buffer.records.len(), MAX_RECORDS);
        assert_eq!(buffer.records[0].message(), "number 1");
        let removed = |level, phase| RemovedLogs { level, phase, count: 1 };
        assert_eq!(buffer.removed, [removed(Level::ERROR, Phase::Arrange), removed(Level::DEBUG, Phase::Act)]);
    }

    #[test]
    fn long_records_are_limited_by_their_bytes() {
        let mut buffer = Buffer::default();
        for _ in 0..5 {
            buffer.add(record(Level::INFO, "x".repeat(MAX_BYTES / 2 - 100), Phase::Body));
        }
        assert_eq!((buffer.records.len(), buffer.removed[0].count), (2, 3));
        assert!(buffer.bytes <= MAX_BYTES);
    }
}
