//! The supervisor's workers: what each holds, and how it is started and ended.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::process::Child;
use tokio::sync::mpsc;

use super::judgement::{WorkerEnd, died, hung};
use super::session::RunSession;
use super::worker::{WORKER_FLAG, work_as_thread};
use crate::inject::Registry;
use crate::model::{
    AttemptReport, Case, Isolation, Lane, Limits, Output, PanicRecord, Phase, RunConfig, Turn, WorkerConfig, WorkerId,
};
use crate::process::{
    FromWorker, Link, Position, Start, Terminal, is_ended, kill_group, signal_group, signal_in_words, spawn_process,
    spawn_thread, stopped_descendants,
};

/// A message of a worker, and which worker has sent it.
pub(super) type WorkerMessage = (WorkerId, FromWorker);

/// A case that was assigned to a worker.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) case: Case,
    /// Where it must run, if that is said beforehand.
    pub(super) lane: Option<Lane>,
    /// Counted from 1.
    pub(super) attempt: u32,
    /// Since when it is the worker's first one, and runs.
    pub(super) since: Option<Instant>,
    /// Whether an event has named it as slow.
    pub(super) slow: bool,
}

impl Assignment {
    /// The case as the worker receives it; under cargo-nextest another process may have made attempts before.
    fn turn(&self, earlier_attempts: u32) -> Turn {
        let attempt = earlier_attempts.saturating_add(self.attempt);
        Turn { case: self.case.index, attempt, round: self.case.round }
    }

    /// Whether what comes after this attempt depends on what it has taken: tests that wait for its locks, or another attempt.
    pub(super) fn is_followed(&self, retries: u32) -> bool {
        !self.case.locks.is_empty() || self.attempt <= self.case.meta.retries.unwrap_or(retries)
    }
}

/// Why the supervisor ended a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Killed {
    /// The running case overran its deadline, in this phase.
    Overrun(Phase),
    /// It sent a message that the supervisor cannot decode.
    ProtocolError,
    /// The run was given up.
    GivenUp,
}

/// Whether a worker's tests may have left processes outside of its process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leftovers {
    None,
    Possible,
    /// The worker keeps what a failed test has taken (`--keep-failed`), so that the supervisor does not end it.
    Kept,
}

/// What is said of a worker whose control socket carries nonsense.
const UNINTELLIGIBLE: &str = "the worker's connection to the supervisor carries bytes that are not its own; \
                              did the test write to file descriptors that it did not open?";

/// After so many checks the supervisor closes the socket of a worker that has ended.
const MAX_CHECKS_AFTER_EXIT: u32 = 6;

/// One worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) link: Link,
    /// What a script has it run, and nothing else.
    pub(super) lane: Option<Lane>,
    /// Cases in the order in which they will run; the first one is running.
    pub(super) assignments: VecDeque<Assignment>,
    pub(super) began: Instant,
    pub(super) ready: bool,
    /// Attempts that other processes made before: cargo-nextest starts one for each.
    earlier_attempts: u32,
    /// How many of its attempts have been reported.
    reports: u32,
    /// Whether it has said that it ends, in good order.
    pub(super) has_shut_down: bool,
    pub(super) killed: Option<Killed>,
    pub(super) leftovers: Leftovers,
    /// Its process was alive when its socket closed.
    pub(super) cut_off: bool,
    /// What was written after the last report.
    pub(super) last_output: Output,
    pub(super) child: Option<Child>,
    /// How often its process was seen to have ended.
    seen_ended: u32,
    /// The signal that has stopped its process.
    stopped_by: Option<i32>,
    /// The processes of its test that were stopped when it was ended.
    stopped_processes: Vec<String>,
    /// A deadline, and how much later it is because of pauses.
    extended: Option<(Duration, Duration)>,
    process: Option<u32>,
}

impl Worker {
    /// Starts a worker of the kind that the run asks for.
    pub(super) fn start(
        id: WorkerId,
        config: &RunConfig,
        session: &RunSession,
        registry: &Arc<Registry>,
        messages: &mpsc::UnboundedSender<WorkerMessage>,
    ) -> io::Result<Self> {
        let told = WorkerConfig {
            seed: config.seed,
            limits: config.limits,
            jobs: config.session.nextest.as_ref().map_or(config.jobs, |run| run.jobs),
            capture: config.capture,
            require: config.require,
            leaks: config.leaks,
            failed: config.failed,
            show_data: config.show_data,
            isolation: config.isolation,
            trace: config.trace,
            environment: config.environment.clone(),
            session: session.address(),
            session_config: session.config(),
            mark: match config.isolation {
                Isolation::Processes => Some(session.mark_of(id)),
                Isolation::InProcess => session.own_mark(),
            },
        };
        let start = Start { worker: id, config: told };
        let spawned = match config.isolation {
            Isolation::Processes => spawn_process(WORKER_FLAG, &start, messages.clone())?,
            Isolation::InProcess => {
                let registry = Arc::clone(registry);
                spawn_thread(&start, config.stack, messages.clone(), move |control| work_as_thread(&registry, control))?
            }
        };
        Ok(Self {
            link: spawned.link,
            lane: None,
            assignments: VecDeque::new(),
            began: Instant::now(),
            ready: false,
            earlier_attempts: config.session.nextest.as_ref().map_or(0, |run| run.attempt.saturating_sub(1)),
            reports: 0,
            has_shut_down: false,
            killed: None,
            leftovers: Leftovers::None,
            cut_off: false,
            last_output: Output::default(),
            seen_ended: 0,
            stopped_by: None,
            stopped_processes: Vec::new(),
            extended: None,
            process: spawned.child.as_ref().and_then(Child::id),
            child: spawned.child,
        })
    }

    /// Whether it can be ended by force.
    pub(super) fn is_process(&self) -> bool {
        self.process.is_some()
    }

    /// Gives it cases. When they cannot be sent it is dying, and they come back with its death.
    pub(super) fn give(&mut self, cases: Vec<Assignment>) {
        let turns: Vec<Turn> = cases.iter().map(|assigned| assigned.turn(self.earlier_attempts)).collect();
        self.assignments.extend(cases);
        let _ = self.link.dispatch(turns);
    }

    /// Takes the running case out of the assignments, if the report is about it: a report that comes twice counts once.
    pub(super) fn take_ended(&mut self, report: &AttemptReport) -> Option<Assignment> {
        if report.number != self.reports {
            return None;
        }
        let assigned = self.assignments.pop_front_if(|assigned| assigned.case.index == report.case)?;
        self.reports += 1;
        Some(assigned)
    }

    /// Takes back the cases that it has not begun, in their order.
    pub(super) fn recall(&mut self) -> Vec<Case> {
        let recalled = self.link.recall();
        take_back(&mut self.assignments, &recalled, self.earlier_attempts)
    }

    /// Where the status file says that the worker is: in its running case, or in its own teardown.
    ///
    /// None if the status file still shows a case that has ended.
    pub(super) fn position(&self) -> Option<Position> {
        let current = self.assignments.front().map(|assigned| assigned.case.index);
        self.link.position().filter(|position| position.case == current)
    }

    /// The panics of the running attempt that fail it.
    pub(super) fn panics(&self) -> Vec<PanicRecord> {
        self.link.panics(self.reports)
    }

    /// The process, if it runs a case now.
    pub(super) fn running_process(&self) -> Option<u32> {
        self.process.filter(|_| self.child.is_some() && !self.assignments.is_empty())
    }

    /// Its process has been stopped by this signal, or runs.
    pub(super) fn stopped_by(&mut self, signal: Option<i32>) {
        self.stopped_by = signal;
    }

    /// Gives the terminal back, if it had that; whether it had.
    pub(super) fn give_back_terminal(&self, terminal: &mut Terminal) -> bool {
        self.process.is_some_and(|process| terminal.take_back_from(process))
    }

    /// The report of the case that was running when the worker ended, in this phase and for this reason.
    pub(super) fn report_of_lost_case(
        &self,
        case: &Case,
        phase: Phase,
        reason: String,
        limits: &Limits,
    ) -> AttemptReport {
        let end = |phase, reason| WorkerEnd { phase, panics: self.panics(), reason };
        match self.killed {
            Some(Killed::Overrun(phase)) => hung(case, end(phase, self.hang_in_words()), limits),
            Some(Killed::ProtocolError) => died(case, end(phase, UNINTELLIGIBLE.to_owned())),
            Some(Killed::GivenUp) => AttemptReport::interrupted(case.index),
            None => died(case, end(phase, reason)),
        }
    }

    /// Why the running attempt had to be ended by force, and what the force was.
    pub(super) fn hang_in_words(&self) -> String {
        let force = if self.is_process() {
            "its process was killed"
        } else {
            "the whole run ends, because the test runs in it"
        };
        let stopped = &self.stopped_processes;
        let why = match self.stopped_by {
            Some(signal) if Terminal::is_stop_signal(signal) => {
                "its process is stopped: it uses the terminal, but the run is not in the foreground of one".to_owned()
            }
            Some(signal) => format!("its process is stopped, by {}", signal_in_words(signal)),
            None if !stopped.is_empty() => {
                format!("it blocks its thread; stopped processes: {}", stopped.join(", "))
            }
            None => "it blocks its thread".to_owned(),
        };
        format!("{why}; {force}")
    }

    /// How long past its deadline the worker is.
    pub(super) fn overrun(&self, now: Duration) -> Option<Duration> {
        let deadline = self.position()?.deadline?;
        let (_, longer) = self.extended.filter(|(extended, _)| *extended == deadline).unwrap_or_default();
        now.checked_sub(deadline + longer)
    }

    /// Moves every deadline by the time for which the worker was stopped.
    pub(super) fn pause(&mut self, paused: Duration) {
        if let Some(deadline) = self.position().and_then(|position| position.deadline) {
            let (_, longer) = self.extended.filter(|(extended, _)| *extended == deadline).unwrap_or_default();
            self.extended = Some((deadline, longer + paused));
        }
        for assigned in &mut self.assignments {
            assigned.since = assigned.since.map(|since| since + paused);
        }
        self.began += paused;
    }

    /// Sends a signal to the worker's process group, if it has one.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(leader) = self.process {
            signal_group(leader, signal);
        }
    }

    /// For how long the case has been running if the status file shows no position: then something has overwritten the status file.
    pub(super) fn time_without_position(&self) -> Option<Duration> {
        let (_, elapsed) = self.running().filter(|_| self.ready && self.position().is_none())?;
        Some(elapsed)
    }

    /// The supervisor learns of a worker's end when its socket closes. A child that the worker forked can keep the socket open, so that
    /// the supervisor then closes its own end.
    pub(super) fn check_for_silent_end(&mut self) {
        let Some(process) = self.process.filter(|process| self.child.is_some() && is_ended(*process)) else { return };
        self.seen_ended += 1;
        if self.seen_ended == MAX_CHECKS_AFTER_EXIT {
            kill_group(process);
            self.link.disconnect();
        }
    }

    /// Ends the process and everything in its group.
    pub(super) fn kill(&mut self, why: Killed) {
        if let (None, Killed::Overrun(_), Some(process)) = (self.killed, why, self.process) {
            self.stopped_processes = stopped_descendants(process);
        }
        self.killed.get_or_insert(why);
        if let Some(leader) = self.process.filter(|_| self.leftovers != Leftovers::Kept) {
            kill_group(leader);
        }
    }

    /// The case that runs, with its time.
    pub(super) fn running(&self) -> Option<(&Assignment, Duration)> {
        let assigned = self.assignments.front()?;
        Some((assigned, assigned.since?.elapsed()))
    }
}

/// Takes the recalled cases out of a worker's assignments, in the same order.
///
/// They need not be the last ones: a worker that claims several cases at the same moment may get some from between them.
fn take_back(assignments: &mut VecDeque<Assignment>, recalled: &[Turn], earlier_attempts: u32) -> Vec<Case> {
    let mut recalled = recalled.iter().peekable();
    let mut taken = Vec::new();
    for assigned in std::mem::take(assignments) {
        if recalled.next_if(|turn| **turn == assigned.turn(earlier_attempts)).is_some() {
            taken.push(assigned.case);
        } else {
            assignments.push_back(assigned);
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::model::{CaseIndex, CaseMeta, SourceLocation, TestId};

    fn assigned(index: u32) -> Assignment {
        let case = Case {
            id: TestId::from(Cow::Owned(format!("case_{index}"))),
            index: CaseIndex(index),
            location: SourceLocation::new("a.rs:1:1"),
            meta: &CaseMeta::PLAIN,
            locks: Vec::new(),
            round: 1,
        };
        Assignment { case, lane: None, attempt: 1, since: None, slow: false }
    }

    /// The worker claimed 2, 3 and 4 after 1 had been read back, and before 5 was.
    #[test]
    fn cases_that_the_worker_claims_during_a_recall_stay_in_its_hand() {
        let mut assignments: VecDeque<Assignment> = (0..6).map(assigned).collect();
        let recalled = [1, 5].map(|index| assigned(index).turn(0));
        let taken: Vec<u32> = take_back(&mut assignments, &recalled, 0).iter().map(|case| case.index.0).collect();
        let left: Vec<u32> = assignments.iter().map(|assigned| assigned.case.index.0).collect();
        assert_eq!((taken, left), (vec![1, 5], vec![0, 2, 3, 4]));
    }
}
