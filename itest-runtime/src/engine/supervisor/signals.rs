//! The signals that end or pause a run, and the other events outside of it that end it.

use std::io;
use std::time::Instant;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::model::ProcessIdentity;
use crate::process::{is_ignored, wait_for_end};

/// The name that stands for a signal when the cargo-nextest process that started this one has ended.
const ABANDONED: &str = "the end of cargo-nextest";

/// The name that stands for a signal when the time of the run is over.
pub(crate) const TIME_IS_UP: &str = "the end of its time";

/// The request that a signal makes to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// End. The text is the signal's name.
    End(&'static str),
    /// Stop until SIGCONT comes, as after Ctrl-Z.
    Pause,
}

/// Listens for the signals that end or pause a run.
#[derive(Debug)]
pub(crate) struct Signals {
    /// None where this process was started with SIGINT ignored.
    interrupt: Option<Signal>,
    terminate: Signal,
    /// None where this process was started with SIGHUP ignored.
    hangup: Option<Signal>,
    stop: Signal,
    abandoned: mpsc::Receiver<()>,
    until: Option<Instant>,
}

impl Signals {
    /// Listens for signals, for the end of the process that the run depends on, and for the end of the run's time.
    pub(crate) fn listen(runner: Option<ProcessIdentity>, until: Option<Instant>) -> io::Result<Self> {
        let (runner_ended, abandoned) = mpsc::channel(1);
        if let Some(runner) = runner {
            std::thread::Builder::new().name("itest-watch".to_owned()).spawn(move || {
                wait_for_end(runner);
                let _ = runner_ended.blocking_send(());
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

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) -> Request {
        let until = self.until;
        let time_is_up = async move {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = received(&mut self.interrupt) => Request::End("SIGINT"),
            Some(()) = self.terminate.recv() => Request::End("SIGTERM"),
            () = received(&mut self.hangup) => Request::End("SIGHUP"),
            Some(()) = self.stop.recv() => Request::Pause,
            Some(()) = self.abandoned.recv() => Request::End(ABANDONED),
            () = time_is_up => {
                self.until = None;
                Request::End(TIME_IS_UP)
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

/// Stops this process. Returns when SIGCONT continues it.
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
