//! The signals that ask a run to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for the signals that a run gives way to.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The name of the next one.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            Some(()) = self.interrupt.recv() => "SIGINT",
            Some(()) = self.terminate.recv() => "SIGTERM",
            Some(()) = self.hangup.recv() => "SIGHUP",
            else => std::future::pending().await,
        }
    }
}

/// The number of a signal that [`Signals::next`] named.
#[must_use]
pub(crate) fn signal_number(name: &str) -> u8 {
    let kind = match name {
        "SIGINT" => SignalKind::interrupt(),
        "SIGTERM" => SignalKind::terminate(),
        _ => SignalKind::hangup(),
    };
    u8::try_from(kind.as_raw_value()).unwrap_or(u8::MAX)
}
