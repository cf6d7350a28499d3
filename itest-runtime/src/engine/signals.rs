//! The signals that ask a run to end, or to pause, and what else ends it from outside.

use std::io;
use std::time::Instant;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::model::ProcessIdentity;
use crate::process::{is_ignored, wait_for_end};

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
    /// None where the process that started this one has the signal ignored.
    interrupt: Option<Signal>,
    terminate: Signal,
    /// The same.
    hangup: Option<Signal>,
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
            interrupt: unless_ignored(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: unless_ignored(SignalKind::hangup())?,
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
            () = received(&mut self.interrupt) => Asked::End("SIGINT"),
            Some(()) = self.terminate.recv() => Asked::End("SIGTERM"),
            () = received(&mut self.hangup) => Asked::End("SIGHUP"),
            Some(()) = self.stop.recv() => Asked::Pause,
            Some(()) = self.abandoned.recv() => Asked::End(ABANDONED),
            () = time_is_up => {
                self.until = None;
                Asked::End(TIME_IS_UP)
            }
        }
    }
}

fn unless_ignored(kind: SignalKind) -> io::Result<Option<Signal>> {
    if is_ignored(kind.as_raw_value()) { Ok(None) } else { signal(kind).map(Some) }
}

async fn received(signal: &mut Option<Signal>) {
    let received = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if received.is_none() {
        std::future::pending::<()>().await;
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
