//! The signals that ask a process to end, and that a process of the session must not obey.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// From now on, this process goes on when it is asked to end: it ends when its work is done. Programs that it starts are not
/// affected.
///
/// # Errors
///
/// When the system takes no handler.
pub(super) fn outlive_signals() -> io::Result<()> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup(), SignalKind::quit()] {
        // The handler stays for the life of the process, also when nothing listens to it any more.
        drop(signal(kind)?);
    }
    Ok(())
}
