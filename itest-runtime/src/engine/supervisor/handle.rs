//! The supervisor's side of one worker: its assignments, its state, and the force that ends it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::mpsc;

use super::super::judgement::{WorkerEnd, died, hung};
use super::super::worker::{WORKER_FLAG, work_as_thread};
use super::assignment::Assignment;
use super::departure::{Disconnected, EndCause, LostCase, WorkerEnded};
use super::process::WorkerProcess;
use super::queue::AssignmentQueue;
use super::state::{KillReason, WorkerState};
use crate::inject::Registry;
use crate::model::{
    AttemptReport, Case, Isolation, Lane, Limits, Output, PanicRecord, Phase, Running, WorkerConfig, WorkerId,
};
use crate::process::{
    FromWorker, Link, Position, Reaped, Start, Terminal, UnexpectedExit, spawn_process, spawn_thread,
};

/// A message of a worker, and which worker has sent it.
pub(super) type WorkerMessage = (WorkerId, FromWorker);

/// The reason that a report gives for a worker whose process lives although its socket is closed.
const CONNECTION_LOST: &str = "the worker lost its connection to the supervisor, and its process was killed; \
                               did the test close file descriptors that it did not open?";

/// The reason that a report gives for a worker whose messages cannot be decoded.
const PROTOCOL_ERROR: &str = "the worker's connection to the supervisor carries bytes that are not its own; \
                              did the test write to file descriptors that it did not open?";

/// Whether the tests of a worker may have left processes outside of its process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leftovers {
    None,
    Possible,
    /// The worker keeps the resources of a failed test (`--keep-failed`), so that the supervisor does not end it.
    Kept,
}

/// How a worker takes part in a run that is the same for all of them.
#[derive(Debug)]
pub(super) struct WorkerSettings {
    pub(super) config: WorkerConfig,
    /// The stack of a test that runs on a thread of this process.
    pub(super) stack_bytes: usize,
    /// Attempts that other processes have made before: cargo-nextest starts a process for each attempt.
    pub(super) earlier_attempts: u32,
}

/// One worker.
#[derive(Debug)]
pub(super) struct WorkerHandle {
    link: Link,
    lane: Option<Lane>,
    queue: AssignmentQueue,
    state: WorkerState,
    /// None for a worker that is a thread of this process.
    process: Option<WorkerProcess>,
    leftovers: Leftovers,
    /// The output after the last report.
    last_output: Output,
    /// The deadline of the running phase, and how much longer it is because of pauses.
    extended: Option<(Duration, Duration)>,
}

impl WorkerHandle {
    /// Starts a process or a thread, as the run's isolation says.
    pub(super) fn start(
        id: WorkerId,
        lane: Option<Lane>,
        settings: WorkerSettings,
        registry: &Arc<Registry>,
        messages: &mpsc::UnboundedSender<WorkerMessage>,
    ) -> io::Result<Self> {
        let isolation = settings.config.isolation;
        let start = Start { worker: id, config: settings.config };
        let spawned = match isolation {
            Isolation::Processes => spawn_process(WORKER_FLAG, &start, messages.clone())?,
            Isolation::InProcess => {
                let registry = Arc::clone(registry);
                let work = move |control| work_as_thread(&registry, control);
                spawn_thread(&start, settings.stack_bytes, messages.clone(), work)?
            }
        };
        Ok(Self {
            link: spawned.link,
            lane,
            queue: AssignmentQueue::new(settings.earlier_attempts),
            state: WorkerState::starting(),
            process: spawned.child.and_then(WorkerProcess::new),
            leftovers: Leftovers::None,
            last_output: Output::default(),
            extended: None,
        })
    }

    /// Whether the worker is a process, which can be ended by force.
    pub(super) fn is_process(&self) -> bool {
        self.process.is_some()
    }

    pub(super) fn lane(&self) -> Option<Lane> {
        self.lane
    }

    /// How many cases the worker holds, the running one included.
    pub(super) fn load(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether the worker takes more cases.
    pub(super) fn is_open(&self) -> bool {
        !self.link.is_closed()
    }

    /// Gives the worker no more cases: it shuts down after those that it holds.
    pub(super) fn close(&mut self) {
        self.link.close();
    }

    /// Asks the running test to end.
    pub(super) fn cancel(&mut self) {
        self.link.cancel();
    }

    /// Gives cases to the worker. If they cannot be sent the worker is dying, and its end returns them to the schedule.
    pub(super) fn give(&mut self, cases: Vec<Assignment>) {
        let turns = self.queue.add(cases);
        let _ = self.link.dispatch(turns);
    }

    /// Takes back the cases that the worker has not begun, in their order.
    pub(super) fn recall(&mut self) -> Vec<Assignment> {
        let recalled = self.link.recall();
        self.queue.take_back(&recalled)
    }

    /// The assignment that runs.
    pub(super) fn current(&mut self) -> Option<&mut Assignment> {
        self.queue.current_mut()
    }

    /// The case that runs, its time and its phase.
    pub(super) fn running(&self) -> Option<Running> {
        let assigned = self.queue.current()?;
        let phase = self.position().map(|position| position.phase);
        Some(Running { id: assigned.case().id.clone(), elapsed: assigned.since()?.elapsed(), phase })
    }

    /// Notes that the worker can run cases.
    pub(super) fn become_ready(&mut self) {
        self.state.become_ready();
    }

    /// Notes that the worker has torn its fixtures down.
    pub(super) fn shut_down(&mut self) {
        self.state.shut_down();
    }

    /// Takes the running case out of the assignments if the report is about it, because a report that comes twice counts once.
    pub(super) fn take_finished(&mut self, report: &AttemptReport) -> Option<Assignment> {
        if report.kept.is_some() {
            self.leftovers = Leftovers::Kept;
        } else if !report.leaks.is_empty() && self.is_process() && self.leftovers == Leftovers::None {
            self.leftovers = Leftovers::Possible;
        }
        self.queue.take_finished(report)
    }

    /// The reports that the worker holds back while it is in a test that turned out to be long.
    pub(super) fn unsent_reports(&self) -> Vec<AttemptReport> {
        self.link.unsent()
    }

    /// Notes that the worker's connection is closed, and its last output.
    pub(super) fn disconnect(&mut self, output: Output) -> Disconnected {
        self.last_output = output;
        let child = self.process.as_mut().and_then(WorkerProcess::take_child);
        match child {
            Some(_) if self.leftovers == Leftovers::Kept => {
                self.shut_down();
                Disconnected::Over
            }
            Some(child) => Disconnected::Process(child),
            None => Disconnected::Over,
        }
    }

    pub(super) fn has_shut_down(&self) -> bool {
        self.state == WorkerState::ShutDown
    }

    /// Whether processes of this worker may live outside of its process group. A worker that has shut down in good order has left none,
    /// unless one of its tests leaked.
    pub(super) fn may_have_leftovers(&self) -> bool {
        self.leftovers == Leftovers::Possible || !self.has_shut_down()
    }

    /// Whether other work waits for what the worker's running case has taken.
    pub(super) fn is_waited_for(&self, retries: u32) -> bool {
        !self.has_shut_down() && self.queue.current().is_some_and(|assigned| assigned.is_waited_for(retries))
    }

    /// The place in its test that the worker has published: in its running case, or in the worker's own teardown. None if the published
    /// place belongs to a case that has ended.
    fn position(&self) -> Option<Position> {
        self.link.position().filter(|position| position.case == self.queue.current_case())
    }

    /// Turns a worker that has ended into what the run has to do about it.
    pub(super) fn end(mut self, reaped: Reaped, limits: &Limits) -> WorkerEnded {
        let reason = match self.state {
            WorkerState::Starting { .. } | WorkerState::Ready if reaped.is_killed => CONNECTION_LOST.to_owned(),
            _ => UnexpectedExit::new(reaped.status).to_string(),
        };
        let position = self.position();
        let running = match (&self.state, position) {
            // The worker has reported its last case. The next assignment may be the same case in another round, which has not begun.
            (WorkerState::ShutDown, _) => None,
            // No case has begun that could be the cause of the end.
            (WorkerState::Starting { .. } | WorkerState::Ready | WorkerState::Killed(KillReason::RunEnded), None) => {
                None
            }
            _ => self.queue.take_current(),
        };
        let cause = match (running, &self.state) {
            (Some(assigned), _) => {
                let phase = position.map_or(Phase::Setup, |position| position.phase);
                let report = self.report_of_lost_case(assigned.case(), phase, reason, limits);
                EndCause::InCase(Box::new(LostCase { assigned, report, output: std::mem::take(&mut self.last_output) }))
            }
            (None, WorkerState::ShutDown | WorkerState::Killed(_)) => EndCause::Expected,
            (None, WorkerState::Starting { .. }) => EndCause::BeforeStart { reason },
            (None, WorkerState::Ready) => EndCause::BetweenCases { reason },
        };
        WorkerEnded { not_begun: self.queue.take_all(), cause }
    }

    /// The report of the case that was running when the worker ended.
    fn report_of_lost_case(&self, case: &Case, phase: Phase, reason: String, limits: &Limits) -> AttemptReport {
        let end = |phase, reason| WorkerEnd { phase, panics: self.panics(), reason };
        match &self.state {
            WorkerState::Killed(KillReason::Overrun { phase, stopped_processes }) => {
                hung(case, end(*phase, self.describe_hang(stopped_processes)), limits)
            }
            WorkerState::Killed(KillReason::ProtocolError) => died(case, end(phase, PROTOCOL_ERROR.to_owned())),
            WorkerState::Killed(KillReason::RunEnded) => AttemptReport::interrupted(case.index),
            WorkerState::Starting { .. } | WorkerState::Ready | WorkerState::ShutDown => died(case, end(phase, reason)),
        }
    }

    /// The panics of the running attempt that fail it.
    fn panics(&self) -> Vec<PanicRecord> {
        self.link.panics(self.queue.current_number())
    }

    /// Why the running attempt did not end by itself, and the force that ended it.
    fn describe_hang(&self, stopped_processes: &[String]) -> String {
        let force = if self.is_process() {
            "its process was killed"
        } else {
            "the whole run ends, because the test runs in it"
        };
        let stop = self.process.as_ref().and_then(WorkerProcess::describe_stop);
        let why = stop.unwrap_or_else(|| match stopped_processes {
            [] => "it blocks its thread".to_owned(),
            stopped => format!("it blocks its thread; stopped processes: {}", stopped.join(", ")),
        });
        format!("{why}; {force}")
    }

    /// The process, if it runs a case now.
    pub(super) fn running_process(&self) -> Option<u32> {
        let process = self.process.as_ref().filter(|process| process.is_owned() && !self.is_idle())?;
        Some(process.id())
    }

    /// Notes which signal has stopped the process, if it is stopped.
    pub(super) fn set_stopped_by(&mut self, signal: Option<i32>) {
        if let Some(process) = &mut self.process {
            process.set_stopped_by(signal);
        }
    }

    /// Takes the terminal back from the worker's process. Returns whether the process had it.
    pub(super) fn return_terminal(&self, terminal: &mut Terminal) -> bool {
        self.process.as_ref().is_some_and(|process| terminal.take_back_from(process.id()))
    }

    /// Takes a pause of the worker, or of the whole run, out of its deadline and its times.
    pub(super) fn pause(&mut self, paused: Duration) {
        if let Some(deadline) = self.position().and_then(|position| position.deadline) {
            self.extended = Some((deadline, self.extension_of(deadline) + paused));
        }
        self.queue.pause(paused);
        self.state.pause(paused);
    }

    fn extension_of(&self, deadline: Duration) -> Duration {
        self.extended.filter(|(extended, _)| *extended == deadline).map_or(Duration::ZERO, |(_, longer)| longer)
    }

    /// Sends a signal to the worker's process group, if it has one.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }

    /// The phase of the running case, and how long it has been past its deadline.
    pub(super) fn overrun(&self, now: Duration) -> Option<(Phase, Duration)> {
        let position = self.position()?;
        let deadline = position.deadline?;
        Some((position.phase, now.checked_sub(deadline + self.extension_of(deadline))?))
    }

    pub(super) fn phase(&self) -> Option<Phase> {
        self.position().map(|position| position.phase)
    }

    /// For how long the case has been running if the worker publishes no position. A test has then overwritten the memory that holds it.
    pub(super) fn time_without_position(&self) -> Option<Duration> {
        let is_lost = self.state == WorkerState::Ready && self.position().is_none();
        let assigned = self.queue.current().filter(|_| is_lost)?;
        Some(assigned.since()?.elapsed())
    }

    /// The time limit that the running test sets for itself.
    pub(super) fn own_timeout(&self) -> Option<Duration> {
        self.queue.current().and_then(|assigned| assigned.case().meta.timeout)
    }

    /// Whether the worker should have sent its first message by now.
    pub(super) fn is_startup_overdue(&self) -> bool {
        self.state.is_startup_overdue()
    }

    /// The supervisor learns of a worker's end when its socket closes. A child that the worker forked can keep the socket open, so that
    /// the supervisor then closes its own end.
    pub(super) fn check_for_silent_end(&mut self) {
        if self.process.as_mut().is_some_and(WorkerProcess::check_for_silent_end) {
            self.link.disconnect();
        }
    }

    /// Ends the worker because its running case overran its deadline.
    pub(super) fn kill_for_overrun(&mut self, phase: Phase) {
        let process = self.process.as_ref().filter(|_| !self.state.is_killed());
        let stopped_processes = process.map(WorkerProcess::stopped_descendants).unwrap_or_default();
        self.kill(KillReason::Overrun { phase, stopped_processes });
    }

    /// Ends the process and everything in its group. The first reason stays.
    pub(super) fn kill(&mut self, reason: KillReason) {
        self.mark_as_killed(reason);
        if let Some(process) = self.process.as_ref().filter(|_| self.leftovers != Leftovers::Kept) {
            process.kill();
        }
    }

    /// Notes why the process is ended by something else than the supervisor.
    pub(super) fn mark_as_killed(&mut self, reason: KillReason) {
        self.state.kill(reason);
    }

    /// Whether the supervisor wants the worker to end and cannot end it, because it is a thread.
    pub(super) fn is_hanging_thread(&self) -> bool {
        !self.is_process() && self.state.is_killed()
    }
}
