//! The supervisor: one loop over everything that can happen to a run.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::resting::{RestingCases, until};
use super::run::Run;
use super::session::{Finished, RunSession};
use super::signals::{Asked, Signals, stop_this_process};
use super::workers::{Assignment, Killed, Leftovers, Worker, WorkerMessage};
use crate::inject::Registry;
use crate::model::{
    AttemptReport, CaseReport, Event, HarnessError, Outcome, Output, Phase, Prospects, RetryOn, RunConfig, SessionEnd,
    Summary, TraceScope, WorkerId,
};
use crate::plan::{Admission, Rounds, Script};
use crate::process::{Death, FromWorker, Reaped, Terminal, affordable_workers, reap, release_exit};
use crate::session::LockGuard;

/// How often hanging, slow and running tests are looked at.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// So many workers in a row may die before their first test.
const FAILED_STARTS: u32 = 3;

/// What is said of a worker whose process lives, and whose socket is closed.
const CUT_OFF: &str = "the worker lost its connection to the supervisor, and its process was killed; \
                       did the test close file descriptors that it did not open?";

/// Runs everything and tells what happens.
///
/// # Errors
///
/// When the harness itself cannot go on. All its workers are gone then, too.
pub(crate) fn supervise(
    mut run: Run,
    registry: Arc<Registry>,
    emit: &mut dyn FnMut(Event),
) -> Result<Summary, HarnessError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(HarnessError::io("start the supervisor's event loop"))?;
    let began = Instant::now();
    let affordable = affordable_workers();
    let asked = run.config.jobs;
    run.config.jobs = asked.min(affordable);
    emit(Event::RunStarted {
        selected: run.cases.len() * run.config.repeats.last().map_or(1, |last| last.get() as usize) + run.ignored.len(),
        repeats: run.config.repeats,
        order: run.config.order,
        seed: run.config.seed,
        jobs: run.config.jobs.get().min(run.cases.len().max(1)),
        facts: std::mem::take(&mut run.facts),
    });
    if asked > affordable && run.cases.len() > affordable.get() {
        emit(Event::Warning(format!("the limit of open files is enough for {affordable} workers, not {asked}")));
    }
    for (id, reason) in &run.ignored {
        emit(Event::CaseIgnored { id: id.clone(), reason: (*reason).into() });
    }
    let (mut summary, result) = runtime.block_on(async {
        let supervisor = Supervisor::new(run, registry, emit)?;
        Ok::<_, HarnessError>(supervisor.run().await)
    })?;
    release_exit();
    summary.elapsed = began.elapsed();
    summary.problems.extend(result.as_ref().err().map(HarnessError::chain));
    emit(Event::RunFinished(summary.clone()));
    result.map(|()| summary)
}

pub(super) struct Supervisor<'a> {
    pub(super) config: RunConfig,
    pub(super) session: RunSession,
    pub(super) registry: Arc<Registry>,
    pub(super) is_watched: bool,
    pub(super) emit: &'a mut dyn FnMut(Event),
    pub(super) admission: Admission,
    pub(super) rounds: Rounds,
    /// Instead of both of these, if there is one.
    pub(super) script: Option<Script>,
    /// Cases that failed and wait to be tried again.
    pub(super) resting: RestingCases,
    pub(super) workers: BTreeMap<WorkerId, Worker>,
    pub(super) next_worker: u32,
    pub(super) messages: (mpsc::UnboundedSender<WorkerMessage>, mpsc::UnboundedReceiver<WorkerMessage>),
    pub(super) dying: JoinSet<(WorkerId, std::io::Result<Reaped>)>,
    pub(super) signals: Signals,
    pub(super) terminal: Terminal,
    /// A running mean of the length of tests.
    pub(super) typical: Option<Duration>,
    pub(super) failed_starts: u32,
    pub(super) began: Instant,
    /// A second signal came.
    pub(super) leaves_at_once: bool,
    /// Since when no more tests are started.
    pub(super) stopping: Option<Instant>,
    pub(super) summary: Summary,
}

impl<'a> Supervisor<'a> {
    fn new(run: Run, registry: Arc<Registry>, emit: &'a mut dyn FnMut(Event)) -> Result<Self, HarnessError> {
        let last = run.config.repeats.last();
        let (cases, script) = if run.places.is_empty() {
            (run.cases, None)
        } else {
            (Vec::new(), Some(Script::new(run.cases, run.places, last)))
        };
        let rounds = Rounds::after(&cases, run.config.order, run.config.seed, last);
        let summary = Summary {
            filtered_out: run.filtered_out,
            ignored: run.ignored.len(),
            flaky_result: run.config.flaky_result,
            ..Summary::default()
        };
        let session = RunSession::new(&run.config);
        Ok(Self {
            signals: Signals::listen(session.runner(), run.until).map_err(HarnessError::io("listen for signals"))?,
            session,
            config: run.config,
            registry,
            is_watched: run.is_watched,
            emit,
            rounds,
            script,
            admission: Admission::new(cases),
            resting: RestingCases::default(),
            workers: BTreeMap::new(),
            next_worker: 0,
            messages: mpsc::unbounded_channel(),
            dying: JoinSet::new(),
            terminal: Terminal::default(),
            typical: None,
            failed_starts: 0,
            began: Instant::now(),
            leaves_at_once: false,
            stopping: None,
            summary,
        })
    }

    /// The summary is there whatever happened: what was found out until then is not lost.
    async fn run(mut self) -> (Summary, Result<(), HarnessError>) {
        let result = match self.wait_for_other_processes().await {
            Ok(guard) => {
                let result = self.run_to_the_end().await;
                drop(guard);
                result
            }
            Err(error) => Err(error),
        };
        for worker in self.workers.values_mut() {
            worker.kill(Killed::GivenUp);
        }
        while self.dying.join_next().await.is_some() {}
        self.finish_session().await;
        self.summary.rounds = self.script.as_ref().map_or_else(|| self.rounds.begun(), Script::begun);
        (self.summary, result)
    }

    /// Under cargo-nextest other processes may hold what the tests of this one need.
    async fn wait_for_other_processes(&mut self) -> Result<Option<LockGuard>, HarnessError> {
        let locks = self.script.as_ref().map_or_else(|| self.admission.all_locks(), Script::all_locks);
        tokio::select! {
            locked = self.session.lock(locks) => locked.map_err(|reason| HarnessError::Session { reason }),
            asked = self.signals.next() => {
                self.obey(asked);
                Ok(None)
            }
        }
    }

    /// Gives back what belongs to the run as a whole. A signal that comes twice is not kept waiting: the session's server goes
    /// on by itself.
    async fn finish_session(&mut self) {
        if self.leaves_at_once || !self.session.is_worth_finishing() {
            return;
        }
        let slow = self.config.slow;
        let finished = {
            let finishing = self.session.finish();
            tokio::pin!(finishing);
            loop {
                tokio::select! {
                    finished = &mut finishing => break finished,
                    asked = self.signals.next() => match asked {
                        Asked::End(_) => break Finished::default(),
                        Asked::Pause => stop_this_process(),
                    },
                    () = tokio::time::sleep(slow) => {
                        (self.emit)(Event::Warning(format!("the session is still being torn down, after {slow:?}")));
                    }
                }
            }
        };
        let Finished { end: SessionEnd { recovered, used }, swept } = finished;
        self.summary.used = used;
        // They were ready in any order.
        self.summary.used.sort();
        self.summary.given_back = recovered.given_back;
        self.summary.problems.extend(recovered.problems.into_iter().map(|problem| format!("session: {problem}")));
        self.summary.swept = swept;
    }

    async fn run_to_the_end(&mut self) -> Result<(), HarnessError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.feed()?;
            if self.workers.is_empty() && self.resting.is_empty() {
                return Ok(());
            }
            let due = self.resting.next_due();
            tokio::select! {
                Some((id, message)) = self.messages.1.recv() => {
                    self.hear(id, message)?;
                    // What else has arrived is handled before anyone is fed: one wake-up, many reports.
                    while let Ok((id, message)) = self.messages.1.try_recv() {
                        self.hear(id, message)?;
                    }
                }
                Some(Ok((id, reaped))) = self.dying.join_next(), if !self.dying.is_empty() => {
                    if let (Some(worker), Ok(reaped)) = (self.workers.get_mut(&id), &reaped) {
                        worker.cut_off = reaped.by_force && !worker.has_shut_down && worker.killed.is_none();
                    }
                    self.bury(id, reaped.map(|reaped| reaped.status))?;
                }
                asked = self.signals.next() => self.obey(asked),
                () = until(due), if due.is_some() => {}
                _ = tick.tick() => {
                    self.collect_unsent()?;
                    self.look_around();
                }
            }
        }
    }

    pub(super) fn hear(&mut self, id: WorkerId, message: FromWorker) -> Result<(), HarnessError> {
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        match message {
            FromWorker::Ready { fingerprint } if fingerprint == self.registry.fingerprint() => {
                worker.ready = true;
            }
            FromWorker::Ready { .. } => return Err(HarnessError::OtherBuild { worker: id.to_string() }),
            FromWorker::Broken => worker.kill(Killed::ProtocolError),
            // The worker shuts down next, and its assignments are queued again.
            FromWorker::LeaveSubscriber => self.config.trace = TraceScope::Threads,
            FromWorker::ShutDown { problems, remarks } => {
                worker.has_shut_down = true;
                for remark in remarks {
                    remark.add_to(&mut self.summary.remarks);
                }
                self.summary.problems.extend(problems.iter().map(|problem| format!("teardown of {id}: {problem}")));
            }
            FromWorker::Finished { report, output } => {
                self.failed_starts = 0;
                if report.kept.is_some() {
                    worker.leftovers = Leftovers::Kept;
                }
                if !report.leaks.is_empty() && worker.is_process() {
                    worker.leftovers = Leftovers::Possible;
                }
                if let Some(assigned) = worker.take_ended(&report) {
                    worker.give_back_terminal(&mut self.terminal);
                    self.announce(id);
                    self.conclude(id, assigned, report, output)?;
                }
            }
            FromWorker::Gone { output } => {
                worker.last_output = output;
                match worker.child.take() {
                    // It stays, with what its test has taken.
                    Some(_) if worker.leftovers == Leftovers::Kept => {
                        worker.has_shut_down = true;
                        self.bury(id, Ok(ExitStatus::default()))?;
                    }
                    Some(child) => {
                        let left = worker.has_shut_down;
                        // One that left in good order left nothing behind.
                        let mark = (worker.leftovers == Leftovers::Possible || !left).then(|| self.session.mark_of(id));
                        // Its locks are free, and another attempt begins, when what it took is given back.
                        let is_waited_for = !left
                            && worker
                                .assignments
                                .front()
                                .is_some_and(|assigned| assigned.is_followed(self.config.retries));
                        let settled = child.id().filter(|_| is_waited_for).map(|child| self.session.settle(child));
                        self.dying.spawn(async move {
                            let reaped = reap(child, left, mark).await;
                            if let Some(settled) = settled {
                                settled.await;
                            }
                            (id, reaped)
                        });
                    }
                    None => self.bury(id, Ok(ExitStatus::default()))?,
                }
            }
        }
        Ok(())
    }

    /// Ends a worker's part in the run, and sees to what was assigned to it.
    pub(super) fn bury(&mut self, id: WorkerId, status: std::io::Result<ExitStatus>) -> Result<(), HarnessError> {
        let Some(mut worker) = self.workers.remove(&id) else { return Ok(()) };
        let status = status.map_err(HarnessError::io(format!("wait for the end of {id}")))?;
        let position = worker.position();
        let output = std::mem::take(&mut worker.last_output);
        let running = match (&worker.killed, position) {
            // It has begun no case that could be the cause.
            (None | Some(Killed::GivenUp), None) => None,
            // It has reported its last case; the next one may be the same case once more.
            (None, _) if worker.has_shut_down => None,
            _ => worker.assignments.pop_front(),
        };
        if self.stopping.is_some() {
            self.summary.not_run += worker.assignments.len();
        } else {
            for assigned in worker.assignments.drain(..).rev() {
                self.put_back(assigned.case, assigned.lane);
            }
        }
        let reason = if worker.cut_off { CUT_OFF.to_owned() } else { Death::new(status).to_string() };
        if worker.give_back_terminal(&mut self.terminal) && Death::new(status).is_by(Signal::INT) {
            // Ctrl-C reached the foreground alone, and was meant for the run.
            worker.killed.get_or_insert(Killed::GivenUp);
            self.obey(Asked::End("SIGINT"));
        }
        if let Some(assigned) = running {
            let phase = position.map_or(Phase::Setup, |position| position.phase);
            let report = worker.report_of_lost_case(&assigned.case, phase, reason, &self.config.limits);
            return self.conclude(id, assigned, report, output);
        }
        if !worker.has_shut_down && worker.killed.is_none() {
            if worker.ready {
                self.summary.problems.push(format!("{id} died between two tests: {reason}"));
            }
            self.failed_starts += 1;
            if self.failed_starts == FAILED_STARTS {
                return Err(HarnessError::WorkersDoNotStart { attempts: self.failed_starts, reason });
            }
        }
        Ok(())
    }

    /// A case ended: for good, or to be tried again.
    pub(super) fn conclude(
        &mut self,
        id: WorkerId,
        assigned: Assignment,
        mut report: AttemptReport,
        output: Output,
    ) -> Result<(), HarnessError> {
        let elapsed = report.elapsed();
        let elapsed = if elapsed.is_zero() { assigned.since.map_or(elapsed, |since| since.elapsed()) } else { elapsed };
        self.typical = Some(self.typical.map_or(elapsed, |typical| (typical + elapsed) / 2));
        if assigned.attempt > 1 && report.outcome == Outcome::Passed {
            report.outcome = Outcome::Flaky;
        }
        let failed = !report.outcome.is_success() && report.outcome != Outcome::Interrupted;
        let retries = assigned.case.meta.retries.unwrap_or(self.config.retries);
        let (case_id, location) = (assigned.case.id.clone(), assigned.case.location.clone());
        let quarantine = self.config.quarantined.get(&case_id).filter(|_| failed).cloned();
        let started = assigned.since.map_or(Duration::ZERO, |since| since.saturating_duration_since(self.began));
        let attempts = assigned.attempt;
        let case =
            CaseReport { id: case_id, location, worker: id, attempts, report, output, started, elapsed, quarantine };
        let hopeless = case.report.prospects == Prospects::None
            || self.config.retry_on == RetryOn::Errored && case.report.outcome != Outcome::Errored;
        let is_retried = assigned.attempt <= retries && assigned.lane.is_none() && self.stopping.is_none();
        if failed && !hopeless && is_retried {
            return self.retry(id, assigned, case);
        }
        self.finish(&assigned);
        self.summary.count(&case);
        let counts = !case.is_success() && failed;
        (self.emit)(Event::CaseFinished(case));
        if counts && self.config.max_failures().is_some_and(|limit| self.summary.failed >= limit.get()) {
            self.stop();
        }
        Ok(())
    }

    /// Starts no more tests.
    pub(super) fn stop(&mut self) {
        self.stopping.get_or_insert_with(Instant::now);
        for worker in self.workers.values_mut() {
            self.summary.not_run += worker.recall().len();
        }
        self.summary.not_run += self.admission.drain().len() + self.script.as_mut().map_or(0, Script::drain);
        self.give_up_resting();
    }
}
