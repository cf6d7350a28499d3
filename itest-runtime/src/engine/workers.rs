//! The supervisor's workers: what each holds, and how it is started and ended.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::process::Child;
use tokio::sync::mpsc;

use super::session::RunSession;
use super::worker::{WORKER_FLAG, work_as_thread};
use crate::inject::Registry;
use crate::model::{AttemptReport, Case, Isolation, Lane, Output, Phase, RunConfig, Turn, WorkerConfig, WorkerId};
use crate::process::{
    FromWorker, Link, Position, Start, is_ended, kill_group, signal_group, spawn_process, spawn_thread,
};

/// What the supervisor hears, and from whom.
pub(super) type Heard = (WorkerId, FromWorker);

/// A case in a worker's hand.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) case: Case,
    /// Where it must run, if that is said beforehand.
    pub(super) lane: Option<Lane>,
    /// Counted from 1.
    pub(super) attempt: u32,
    /// Since when it is the first one in the hand.
    pub(super) since: Option<Instant>,
    /// Whether somebody was told that it is slow.
    pub(super) slow: bool,
}

/// Why the supervisor ended a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Killed {
    /// The case in its hand overran its deadline, in this phase.
    Overrun(Phase),
    /// It said something that nobody understands.
    Unintelligible,
    /// The run was given up.
    GivenUp,
}

/// Whether something may be left of a worker's tests, beyond its process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Litter {
    Nothing,
    Something,
    /// It keeps what its last test has taken, and is not ended.
    Kept,
}

/// So many looks after its end, nothing more will come from a worker.
const PATIENCE_WITH_THE_DEAD: u32 = 6;

/// One worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) link: Link,
    /// What a script has it run, and nothing else.
    pub(super) lane: Option<Lane>,
    /// Cases in the order in which they will run; the first one is running.
    pub(super) hand: VecDeque<Held>,
    pub(super) began: Instant,
    pub(super) ready: bool,
    /// Attempts that other processes made before: cargo-nextest starts one for each.
    earlier_attempts: u32,
    /// How many of its attempts have been reported.
    heard: u32,
    pub(super) farewell: bool,
    pub(super) killed: Option<Killed>,
    /// What its tests left behind.
    pub(super) litter: Litter,
    /// It lived, and could not be heard any more.
    pub(super) cut_off: bool,
    /// What was written after the last report.
    pub(super) last_output: Output,
    pub(super) child: Option<Child>,
    /// How often its process was seen to have ended.
    seen_ended: u32,
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
        heard: &mpsc::UnboundedSender<Heard>,
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
            Isolation::Processes => spawn_process(WORKER_FLAG, &start, heard.clone())?,
            Isolation::InProcess => {
                let registry = Arc::clone(registry);
                spawn_thread(&start, heard.clone(), move |control| work_as_thread(&registry, control))?
            }
        };
        Ok(Self {
            link: spawned.link,
            lane: None,
            hand: VecDeque::new(),
            began: Instant::now(),
            ready: false,
            earlier_attempts: config.session.nextest.as_ref().map_or(0, |run| run.attempt.saturating_sub(1)),
            heard: 0,
            farewell: false,
            killed: None,
            litter: Litter::Nothing,
            cut_off: false,
            last_output: Output::default(),
            seen_ended: 0,
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
    pub(super) fn give(&mut self, cases: Vec<Held>) {
        let turn = |held: &Held| Turn {
            case: held.case.index,
            attempt: self.earlier_attempts.saturating_add(held.attempt),
            round: held.case.round,
        };
        let turns: Vec<Turn> = cases.iter().map(turn).collect();
        self.hand.extend(cases);
        let _ = self.link.dispatch(turns);
    }

    /// Takes the running case out of the hand, if it is this one: a report that comes twice is heard once.
    pub(super) fn take_ended(&mut self, report: &AttemptReport) -> Option<Held> {
        if report.number != self.heard {
            return None;
        }
        let held = self.hand.pop_front_if(|held| held.case.index == report.case)?;
        self.heard += 1;
        Some(held)
    }

    /// Takes back the cases that it has not begun, in their order.
    pub(super) fn recall(&mut self) -> Vec<Case> {
        let recalled = self.link.recall().len();
        let kept = self.hand.len() - recalled.min(self.hand.len());
        self.hand.drain(kept..).map(|held| held.case).collect()
    }

    /// Where the worker is, by its own word: in its running case, or in its own teardown.
    ///
    /// What the beacon says of a case that has ended is old.
    pub(super) fn position(&self) -> Option<Position> {
        let current = self.hand.front().map(|held| held.case.index);
        self.link.position().filter(|position| position.case == current)
    }

    /// How long past its deadline the worker is.
    pub(super) fn overrun(&self, now: Duration) -> Option<Duration> {
        let deadline = self.position()?.deadline?;
        let (_, longer) = self.extended.filter(|(extended, _)| *extended == deadline).unwrap_or_default();
        now.checked_sub(deadline + longer)
    }

    /// For so long it was not allowed to run: what was to end by now may end so much later.
    pub(super) fn pause(&mut self, paused: Duration) {
        if let Some(deadline) = self.position().and_then(|position| position.deadline) {
            let (_, longer) = self.extended.filter(|(extended, _)| *extended == deadline).unwrap_or_default();
            self.extended = Some((deadline, longer + paused));
        }
        for held in &mut self.hand {
            held.since = held.since.map(|since| since + paused);
        }
        self.began += paused;
    }

    /// Sends a signal to the worker's process group, if it has one.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(leader) = self.process {
            signal_group(leader, signal);
        }
    }

    /// How long the running case has been running without the worker ever having said where it is: its beacon must have been
    /// written over.
    pub(super) fn lost(&self) -> Option<Duration> {
        let (_, elapsed) = self.running().filter(|_| self.ready && self.position().is_none())?;
        Some(elapsed)
    }

    /// A worker that has ended is heard of by the end of its socket, unless a child that it forked holds that, too. Then it is
    /// hung up on.
    pub(super) fn look_for_silent_end(&mut self) {
        let Some(process) = self.process.filter(|process| self.child.is_some() && is_ended(*process)) else { return };
        self.seen_ended += 1;
        if self.seen_ended == PATIENCE_WITH_THE_DEAD {
            kill_group(process);
            self.link.hang_up();
        }
    }

    /// Ends the process and everything in its group.
    pub(super) fn kill(&mut self, why: Killed) {
        self.killed.get_or_insert(why);
        if let Some(leader) = self.process.filter(|_| self.litter != Litter::Kept) {
            kill_group(leader);
        }
    }

    /// The case that runs, with its time.
    pub(super) fn running(&self) -> Option<(&Held, Duration)> {
        let held = self.hand.front()?;
        Some((held, held.since?.elapsed()))
    }
}
