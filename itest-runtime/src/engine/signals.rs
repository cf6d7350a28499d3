//! The signals that ask a run to end, or to pause, and what else ends it from outside.

use std::io;
use std::time::Instant;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::model::ProcessIdentity;
use crate::process::wait_for_end;

/// What is told as a signal when whoever started this process is gone.
const ABANDONED: &str = "the end of cargo-nextest";

/// What is told as a signal when a run has had all the time that it may take.
pub(super) const TIME_IS_UP: &str = "the end of its time";

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
    until: Option<Instant>,
}

impl Signals {
    /// Listens, and watches over another process, with whose end the run is to end, and over the time until which it may take.
    pub(super) fn listen(runner: Option<ProcessIdentity>, until: Option<Instant>) -> io::Result<Self> {
        let (gone, abandoned) = mpsc::channel(1);
        if let Some(runner) = runner {
            std::thread::Builder::new().name("itest-watch".to_owned()).spawn(move || {
                wait_for_end(runner);
                let _ = gone.blocking_send(());
            })?;
        }
        Ok(Self {
            abandoned,
            until,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
        })
    }

    /// What the next one asks for.
    pub(super) async fn next(&mut self) -> Asked {
        let until = self.until;
        let time_is_up = async move {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(()) = self.interrupt.recv() => Asked::End("SIGINT"),
            Some(()) = self.terminate.recv() => Asked::End("SIGTERM"),
            Some(()) = self.hangup.recv() => Asked::End("SIGHUP"),
            Some(()) = self.stop.recv() => Asked::Pause,
            Some(()) = self.abandoned.recv() => Asked::End(ABANDONED),
            () = time_is_up => {
                self.until = None;
                Asked::End(TIME_IS_UP)
            }
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
