//! Handlers for the termination signals, which must not end a process of the session.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Makes this process survive termination signals, because it must finish its work first. Programs that it starts are not affected.
///
/// # Errors
///
/// When a handler cannot be installed.
pub(super) fn survive_termination_signals() -> io::Result<()> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup(), SignalKind::quit()] {
        // Tokio keeps its handler installed until the process ends, even if the listener is dropped.
        drop(signal(kind)?);
    }
    Ok(())
}
