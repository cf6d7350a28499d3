//! The signals that ask a run to end, or to pause.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::model::ProcessIdentity;
use crate::process::wait_for_end;

/// What is told as a signal when whoever started this process is gone.
const ABANDONED: &str = "the end of cargo-nextest";

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// To end; the signal's name.
    End(&'static str),
    /// To stop until somebody continues, as Ctrl-Z does.
    Pause,
}

/// Listens for the signals that a run gives way to.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    stop: Signal,
    abandoned: mpsc::Receiver<()>,
}

impl Signals {
    /// Listens, and watches over another process, with whose end the run is to end.
    pub(super) fn listen(runner: Option<ProcessIdentity>) -> io::Result<Self> {
        let (gone, abandoned) = mpsc::channel(1);
        if let Some(runner) = runner {
            std::thread::Builder::new().name("itest-watch".to_owned()).spawn(move || {
                wait_for_end(runner);
                let _ = gone.blocking_send(());
            })?;
        }
        Ok(Self {
            abandoned,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
        })
    }

    /// What the next one asks for.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Asked::End("SIGINT"),
            Some(()) = self.terminate.recv() => Asked::End("SIGTERM"),
            Some(()) = self.hangup.recv() => Asked::End("SIGHUP"),
            Some(()) = self.stop.recv() => Asked::Pause,
            Some(()) = self.abandoned.recv() => Asked::End(ABANDONED),
            else => std::future::pending().await,
        }
    }
}

/// Returns when somebody continues this process.
pub(super) fn stop_this_process() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
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
