//! The workers of a run: they are started, listened to, and waited for when they end.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::departure::{Disconnected, not_reaped};
use super::handle::{WorkerHandle, WorkerMessage, WorkerSettings};
use super::session::RunSession;
use super::state::KillReason;
use crate::inject::{Registry, boxed, given_fixture_settings};
use crate::model::{
    AttemptReport, HarnessError, Isolation, Lane, Output, RunConfig, TraceScope, WorkerConfig, WorkerId, sort,
};
use crate::process::{Departure, FromWorker, NotLent, Reaped, Terminal, UnexpectedExit, reap, stop_signal};

/// An event of a worker.
#[expect(
    clippy::large_enum_variant,
    reason = "almost all events are messages, and boxing them would cost an allocation for each"
)]
#[derive(Debug)]
pub(super) enum WorkerEvent {
    Message(WorkerId, FromWorker),
    /// A worker's process has ended.
    Exited(WorkerId, io::Result<Reaped>),
}

/// A request to the run that comes from the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TerminalRequest {
    None,
    /// Ctrl-Z reached a test that has the terminal, and was meant for the run.
    Pause,
}

/// The workers of a run.
#[derive(Debug)]
pub(super) struct WorkerPool {
    workers: BTreeMap<WorkerId, WorkerHandle>,
    next_id: u32,
    /// How many workers may take cases at a time.
    size: NonZeroUsize,
    config: RunConfig,
    registry: Arc<Registry>,
    sender: mpsc::UnboundedSender<WorkerMessage>,
    messages: mpsc::UnboundedReceiver<WorkerMessage>,
    /// Tasks that wait for the end of processes.
    exits: JoinSet<(WorkerId, io::Result<Reaped>)>,
    terminal: Terminal,
}

impl WorkerPool {
    /// A pool without workers.
    pub(super) fn new(config: RunConfig, registry: Arc<Registry>) -> Self {
        let (sender, messages) = mpsc::unbounded_channel();
        Self {
            workers: BTreeMap::new(),
            next_id: 0,
            size: config.jobs,
            config,
            registry,
            sender,
            messages,
            exits: JoinSet::new(),
            terminal: Terminal::default(),
        }
    }

    /// Starts a worker, for one lane of a script if there is one.
    ///
    /// # Errors
    ///
    /// When the system has no more processes, threads or sockets.
    pub(super) fn start(&mut self, session: &RunSession, lane: Option<Lane>) -> Result<WorkerId, HarnessError> {
        let id = WorkerId(self.next_id);
        self.next_id += 1;
        let settings = self.settings(session, id, lane);
        let worker = WorkerHandle::start(id, lane, settings, &self.registry, &self.sender)
            .map_err(HarnessError::io(format!("start {id}")))?;
        self.workers.insert(id, worker);
        Ok(id)
    }

    fn settings(&self, session: &RunSession, id: WorkerId, lane: Option<Lane>) -> WorkerSettings {
        let config = &self.config;
        let nextest = config.session.nextest.as_ref();
        let fixtures = given_fixture_settings().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = config.environment.iter().cloned().chain(fixtures).collect();
        let worker = WorkerConfig {
            seed: config.seed,
            limits: config.limits,
            jobs: nextest.map_or(config.jobs, |run| run.jobs),
            capture: config.capture,
            require: config.require,
            leaks: config.leaks,
            failed: config.failed,
            isolation: config.isolation,
            trace: config.trace,
            environment,
            cases: self.registry.run_time_cases(),
            session: session.address(),
            session_config: session.config(),
            calls: config.calls.of(lane),
            mark: match config.isolation {
                Isolation::Processes => Some(session.mark_of(id)),
                Isolation::InProcess => session.own_mark(),
            },
        };
        let earlier_attempts = nextest.map_or(0, |run| run.attempt.saturating_sub(1));
        WorkerSettings { config: worker, stack_bytes: config.stack, earlier_attempts }
    }

    /// Has the workers that start from now on collect `tracing` events of their threads only.
    pub(super) fn trace_by_thread(&mut self) {
        self.config.trace = TraceScope::Threads;
    }

    /// How many workers may take cases at a time.
    pub(super) fn size(&self) -> usize {
        self.size.get()
    }

    /// Lets no more workers run than these, because the system cannot start more.
    pub(super) fn shrink(&mut self, size: usize) {
        self.size = NonZeroUsize::new(size).unwrap_or(NonZeroUsize::MIN);
        self.config.jobs = self.size;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// The number of workers that have not ended.
    pub(super) fn len(&self) -> usize {
        self.workers.len()
    }

    pub(super) fn get(&self, id: WorkerId) -> Option<&WorkerHandle> {
        self.workers.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: WorkerId) -> Option<&mut WorkerHandle> {
        self.workers.get_mut(&id)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (WorkerId, &mut WorkerHandle)> {
        self.workers.iter_mut().map(|(id, worker)| (*id, worker))
    }

    /// The workers that take cases, the least loaded one first.
    pub(super) fn open_by_load(&self) -> Vec<WorkerId> {
        let open = self.workers.iter().filter(|(_, worker)| worker.is_open());
        let mut open: Vec<_> = open.map(|(id, worker)| (worker.load(), *id)).collect();
        sort(&mut open);
        open.into_iter().map(|(_, id)| id).collect()
    }

    /// The number of workers that take cases.
    pub(super) fn open(&self) -> usize {
        self.workers.values().filter(|worker| worker.is_open()).count()
    }

    /// A worker that takes cases and runs none.
    pub(super) fn idle(&mut self) -> Option<&mut WorkerHandle> {
        self.workers.values_mut().find(|worker| worker.is_open() && worker.is_idle())
    }

    /// The open worker of a lane.
    pub(super) fn of_lane(&self, lane: Lane) -> Option<WorkerId> {
        let mut workers = self.workers.iter();
        workers.find(|(_, worker)| worker.lane() == Some(lane) && worker.is_open()).map(|(id, _)| *id)
    }

    /// The most loaded worker, but for this one.
    pub(super) fn most_loaded_except(&mut self, idle: WorkerId) -> Option<&mut WorkerHandle> {
        let others = self.workers.iter_mut().filter(|(id, _)| **id != idle);
        others.max_by_key(|(_, worker)| worker.load()).map(|(_, worker)| worker)
    }

    /// Waits for the next thing that happens to a worker.
    pub(super) async fn next_event(&mut self) -> WorkerEvent {
        tokio::select! {
            Some((id, message)) = self.messages.recv() => WorkerEvent::Message(id, message),
            Some(Ok((id, reaped))) = self.exits.join_next(), if !self.exits.is_empty() => WorkerEvent::Exited(id, reaped),
            // The pool keeps a sender of messages, so that there is always a next one to wait for.
            else => std::future::pending().await,
        }
    }

    /// The next message, if one has arrived.
    pub(super) fn try_next_message(&mut self) -> Option<WorkerMessage> {
        self.messages.try_recv().ok()
    }

    /// The reports that workers hold back while they are in a test that turned out to be long.
    pub(super) fn unsent_reports(&self) -> Vec<(WorkerId, AttemptReport)> {
        let reports = |(id, worker): (&WorkerId, &WorkerHandle)| {
            let id = *id;
            worker.unsent_reports().into_iter().map(move |report| (id, report))
        };
        self.workers.iter().flat_map(reports).collect()
    }

    /// Waits for the end of a worker whose connection is closed, and ends what it leaves behind. Returns the end of a worker that
    /// has no process to wait for.
    pub(super) fn disconnect(&mut self, id: WorkerId, output: Output, session: &RunSession) -> Option<Reaped> {
        let worker = self.workers.get_mut(&id)?;
        let Disconnected::Process(child) = worker.disconnect(output) else { return Some(not_reaped()) };
        let departure = if worker.has_shut_down() { Departure::ShutDown } else { Departure::Crash };
        let mark = worker.may_have_leftovers().then(|| session.mark_of(id));
        // The locks of the case are freed, and its next attempt begins, after the session's server has given back what it took.
        let process = child.id().filter(|_| worker.is_waited_for(self.config.retries));
        let settled = process.map(|process| session.settle(process));
        self.exits.spawn(boxed(async move {
            let reaped = reap(child, departure, mark).await;
            if let Some(settled) = settled {
                settled.await;
            }
            (id, reaped)
        }));
        None
    }

    /// Takes a worker that has ended out of the pool. The result also shows whether Ctrl-C ended the worker while it had the terminal. The
    /// signal then reached only that process, but was meant for the run.
    pub(super) fn remove(&mut self, id: WorkerId, reaped: Reaped) -> Option<RemovedWorker> {
        let mut worker = self.workers.remove(&id)?;
        let had_terminal = worker.return_terminal(&mut self.terminal);
        if had_terminal && UnexpectedExit::new(reaped.status).is_caused_by(Signal::INT) {
            worker.mark_as_killed(KillReason::RunEnded);
            return Some(RemovedWorker::EndedByCtrlC(worker));
        }
        Some(RemovedWorker::Ended(worker))
    }

    /// Takes the terminal back from a worker whose case has ended.
    pub(super) fn return_terminal(&mut self, id: WorkerId) {
        if let Some(worker) = self.workers.get(&id) {
            worker.return_terminal(&mut self.terminal);
        }
    }

    /// Lends the terminal to tests that have stopped because they want it, one test at a time.
    pub(super) fn lend_terminal(&mut self, check_interval: Duration) -> TerminalRequest {
        let mut request = TerminalRequest::None;
        for worker in self.workers.values_mut() {
            let Some(process) = worker.running_process() else { continue };
            let stopped = stop_signal(process);
            worker.set_stopped_by(stopped);
            match stopped {
                Some(signal) if Terminal::is_stop_signal(signal) => match self.terminal.lend(process) {
                    Ok(()) => worker.set_stopped_by(None),
                    // The test's time does not run while it waits for another test's use of the terminal.
                    Err(NotLent::InUse) => worker.pause(check_interval),
                    Err(NotLent::Unavailable) => {}
                },
                Some(signal) if signal == Signal::TSTP.as_raw() && self.terminal.is_lent_to(process) => {
                    request = TerminalRequest::Pause;
                }
                _ => {}
            }
        }
        if request == TerminalRequest::Pause {
            self.terminal = Terminal::default();
        }
        request
    }

    pub(super) fn signal_all(&self, signal: Signal) {
        for worker in self.workers.values() {
            worker.signal(signal);
        }
    }

    /// Takes a pause of the whole run out of the times of all workers.
    pub(super) fn pause(&mut self, paused: Duration) {
        for worker in self.workers.values_mut() {
            worker.pause(paused);
        }
    }

    /// Asks all running tests to end.
    pub(super) fn cancel_all(&mut self) {
        for worker in self.workers.values_mut() {
            worker.cancel();
        }
    }

    /// Ends all workers at once.
    pub(super) fn kill_all(&mut self) {
        for worker in self.workers.values_mut() {
            worker.kill(KillReason::RunEnded);
        }
    }

    /// Waits until the processes of all disconnected workers have ended, and their leftovers are dealt with.
    pub(super) async fn wait_for_exits(&mut self) {
        while self.exits.join_next().await.is_some() {}
    }
}

/// A worker that has left the pool.
#[derive(Debug)]
pub(super) enum RemovedWorker {
    Ended(WorkerHandle),
    EndedByCtrlC(WorkerHandle),
}
