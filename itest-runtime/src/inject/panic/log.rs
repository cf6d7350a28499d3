//! The log of panics. It survives this process.

use std::sync::OnceLock;

use crate::model::PanicRecord;

/// Writes a panic to a place that survives this process, because the process may die before a handler reports the panic.
type Log = Box<dyn Fn(&PanicRecord) + Send + Sync>;

static LOG: OnceLock<Log> = OnceLock::new();

/// Sets the log to which each panic is written immediately.
pub(crate) fn log_panics(log: impl Fn(&PanicRecord) + Send + Sync + 'static) {
    // A worker process has one worker, which sets the log once. Workers that are threads have no log: their panics are printed at once.
    let _ = LOG.set(Box::new(log));
}

/// Writes a panic to the log. A panic is written again if its record changes.
pub(super) fn log(record: &PanicRecord) {
    if let Some(log) = LOG.get() {
        log(record);
    }
}
