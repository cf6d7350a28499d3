//! The supervisor: one loop over everything that can happen to a run.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::signals::Signals;
use super::verdict::{died, hung};
use super::workers::{Heard, Held, Killed, Worker};
use crate::inject::Registry;
use crate::model::{
    AttemptReport, Case, CaseReport, Event, HarnessError, Limits, Outcome, Output, Phase, RunConfig, Running, Summary,
    TestId, WorkerId,
};
use crate::plan::{Admission, hand_size};
use crate::process::{FromWorker, monotonic, reap};

/// How often hanging, slow and running tests are looked at.
const TICK: Duration = Duration::from_millis(50);

/// A worker that has not said a word for so long never will.
const START_LIMIT: Duration = Duration::from_secs(30);

/// So many workers in a row may die before their first test.
const FAILED_STARTS: u32 = 3;

/// How long a cancelled test may take to notice.
const CANCEL_LIMIT: Duration = Duration::from_secs(2);

/// A run, ready to start.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its settings.
    pub config: RunConfig,
    /// What runs, in order.
    pub cases: Vec<Case>,
    /// What the tests themselves leave out, with their reasons.
    pub ignored: Vec<(TestId, &'static str)>,
    /// How many cases the selection left out.
    pub filtered_out: usize,
    /// Whether anyone watches the progress.
    pub live: bool,
}

/// Runs everything and tells what happens.
///
/// # Errors
///
/// When the harness itself cannot go on. All its workers are gone then, too.
pub(crate) fn supervise(
    run: Run,
    registry: Arc<Registry>,
    emit: &mut dyn FnMut(Event),
) -> Result<Summary, HarnessError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(HarnessError::io("start the supervisor's event loop"))?;
    let began = Instant::now();
    emit(Event::RunStarted {
        selected: run.cases.len() + run.ignored.len(),
        order: run.config.order,
        seed: run.config.seed,
        jobs: run.config.jobs.get().min(run.cases.len().max(1)),
    });
    for (id, reason) in &run.ignored {
        emit(Event::CaseIgnored { id: id.clone(), reason });
    }
    let mut summary = runtime.block_on(async { Supervisor::new(run, registry, emit)?.run().await })?;
    summary.elapsed = began.elapsed();
    emit(Event::RunFinished(summary.clone()));
    Ok(summary)
}

struct Supervisor<'a> {
    config: RunConfig,
    registry: Arc<Registry>,
    live: bool,
    emit: &'a mut dyn FnMut(Event),
    admission: Admission,
    workers: BTreeMap<WorkerId, Worker>,
    next_worker: u32,
    heard: (mpsc::UnboundedSender<Heard>, mpsc::UnboundedReceiver<Heard>),
    dying: JoinSet<(WorkerId, std::io::Result<ExitStatus>)>,
    signals: Signals,
    /// A running mean of the length of tests.
    typical: Option<Duration>,
    failed_starts: u32,
    /// Since when no more tests are started.
    stopping: Option<Instant>,
    summary: Summary,
}

impl<'a> Supervisor<'a> {
    fn new(run: Run, registry: Arc<Registry>, emit: &'a mut dyn FnMut(Event)) -> Result<Self, HarnessError> {
        let summary = Summary { filtered_out: run.filtered_out, ignored: run.ignored.len(), ..Summary::default() };
        Ok(Self {
            config: run.config,
            registry,
            live: run.live,
            emit,
            admission: Admission::new(run.cases),
            workers: BTreeMap::new(),
            next_worker: 0,
            heard: mpsc::unbounded_channel(),
            dying: JoinSet::new(),
            signals: Signals::listen().map_err(HarnessError::io("listen for signals"))?,
            typical: None,
            failed_starts: 0,
            stopping: None,
            summary,
        })
    }

    async fn run(mut self) -> Result<Summary, HarnessError> {
        let result = self.run_to_the_end().await;
        for worker in self.workers.values_mut() {
            worker.kill(Killed::GivenUp);
        }
        while self.dying.join_next().await.is_some() {}
        result.map(|()| self.summary)
    }

    async fn run_to_the_end(&mut self) -> Result<(), HarnessError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.feed()?;
            if self.workers.is_empty() {
                return Ok(());
            }
            tokio::select! {
                Some((id, message)) = self.heard.1.recv() => {
                    self.hear(id, message)?;
                    // What else has arrived is handled before anyone is fed: one wake-up, many reports.
                    while let Ok((id, message)) = self.heard.1.try_recv() {
                        self.hear(id, message)?;
                    }
                }
                Some(Ok((id, status))) = self.dying.join_next(), if !self.dying.is_empty() => self.bury(id, status)?,
                signal = self.signals.next() => self.interrupt(signal),
                _ = tick.tick() => {
                    self.collect_unsent()?;
                    self.look_around();
                }
            }
        }
    }

    /// Gives work to whoever can take some, and lets go of whoever is not needed any more.
    fn feed(&mut self) -> Result<(), HarnessError> {
        if self.stopping.is_none() {
            self.hire()?;
            self.hand_out();
        }
        let done = self.stopping.is_some() || self.admission.waiting() == 0;
        for worker in self.workers.values_mut().filter(|worker| done && worker.hand.is_empty()) {
            worker.link.close();
        }
        Ok(())
    }

    /// Starts as many workers as there is work for.
    fn hire(&mut self) -> Result<(), HarnessError> {
        let open = self.workers.values().filter(|worker| !worker.link.is_closed());
        let (mut open, idle) =
            open.fold((0, 0), |(open, idle), worker| (open + 1, idle + usize::from(worker.hand.is_empty())));
        let mut unattended = self.admission.waiting().saturating_sub(idle);
        while open < self.config.jobs.get() && unattended > 0 {
            self.start_worker()?;
            open += 1;
            unattended -= 1;
        }
        Ok(())
    }

    fn start_worker(&mut self) -> Result<WorkerId, HarnessError> {
        let id = WorkerId(self.next_worker);
        self.next_worker += 1;
        let worker = Worker::start(id, &self.config, &self.registry, &self.heard.0)
            .map_err(HarnessError::io(format!("start {id}")))?;
        self.workers.insert(id, worker);
        Ok(id)
    }

    fn hand_out(&mut self) {
        let jobs = self.config.jobs.get();
        let mut ids: Vec<WorkerId> =
            self.workers.iter().filter(|(_, worker)| !worker.link.is_closed()).map(|(id, _)| *id).collect();
        // Whoever holds least comes first.
        ids.sort_by_key(|id| self.workers[id].hand.len());
        for id in ids {
            let Some(held) = self.workers.get(&id).map(|worker| worker.hand.len()) else { continue };
            // Whoever wants to stop at a failure does not want others to be under way already.
            let size = match self.config.fail_fast {
                Some(_) => 1,
                None => hand_size(self.typical, self.admission.waiting(), jobs),
            };
            let mut cases = Vec::new();
            if held == 0 {
                if self.admission.waiting() == 0 {
                    self.recall_from_others(id);
                }
                cases.extend(self.admission.next());
            }
            let holds_locks = cases.first().is_some_and(|case| !case.locks.is_empty());
            if !holds_locks && (held == 0 || held <= size / 2) {
                let more = std::iter::from_fn(|| self.admission.next_without_locks());
                cases.extend(more.take(size.saturating_sub(held + cases.len())));
            }
            if !cases.is_empty() {
                let first = |case| Held { case, attempt: 1, since: None, slow: false };
                self.give(id, cases.into_iter().map(first).collect());
            }
        }
    }

    fn give(&mut self, id: WorkerId, cases: Vec<Held>) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.give(cases);
        }
        self.announce(id);
    }

    /// Tells that the first case of a hand has started, once.
    fn announce(&mut self, id: WorkerId) {
        let Some(held) = self.workers.get_mut(&id).and_then(|worker| worker.hand.front_mut()) else { return };
        if held.since.is_none() {
            held.since = Some(Instant::now());
            (self.emit)(Event::CaseStarted { id: held.case.id.clone(), worker: id, attempt: held.attempt });
        }
    }

    fn recall_from_others(&mut self, idle: WorkerId) {
        let fullest =
            self.workers.iter_mut().filter(|(id, _)| **id != idle).max_by_key(|(_, worker)| worker.hand.len());
        if let Some((_, worker)) = fullest.filter(|(_, worker)| worker.hand.len() > 1) {
            for case in worker.recall().into_iter().rev() {
                self.admission.put_back(case);
            }
        }
    }

    fn hear(&mut self, id: WorkerId, message: FromWorker) -> Result<(), HarnessError> {
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        match message {
            FromWorker::Ready { fingerprint } if fingerprint == self.registry.fingerprint() => {
                worker.ready = true;
                self.failed_starts = 0;
            }
            FromWorker::Ready { .. } => return Err(HarnessError::OtherBuild { worker: id.to_string() }),
            FromWorker::Broken(error) => return Err(error),
            FromWorker::Farewell { problems } => {
                worker.farewell = true;
                let told = problems.into_iter().map(|problem| format!("teardown of {id}: {problem}"));
                self.summary.problems.extend(told);
            }
            FromWorker::Finished { report, output } => {
                if let Some(held) = worker.take_ended(report.case) {
                    self.announce(id);
                    self.conclude(id, held, report, output)?;
                }
            }
            FromWorker::Gone { output } => {
                worker.last_output = output;
                match worker.child.take() {
                    Some(child) => {
                        let left = worker.farewell;
                        self.dying.spawn(async move { (id, reap(child, left).await) });
                    }
                    None => self.bury(id, Ok(ExitStatus::default()))?,
                }
            }
        }
        Ok(())
    }

    /// Takes leave of a worker and sees to what it still held.
    fn bury(&mut self, id: WorkerId, status: std::io::Result<ExitStatus>) -> Result<(), HarnessError> {
        let Some(mut worker) = self.workers.remove(&id) else { return Ok(()) };
        let status = status.map_err(HarnessError::io(format!("wait for the end of {id}")))?;
        let position = worker.position();
        let output = std::mem::take(&mut worker.last_output);
        let running = match (&worker.killed, position) {
            // It was never seen to begin anything: nobody is to blame but itself.
            (None | Some(Killed::GivenUp), None) => None,
            _ => worker.hand.pop_front(),
        };
        if self.stopping.is_some() {
            self.summary.not_run += worker.hand.len();
        } else {
            for held in worker.hand.drain(..).rev() {
                self.admission.put_back(held.case);
            }
        }
        let reason = crate::process::Death::new(status).to_string();
        if let Some(held) = running {
            let phase = position.map_or(Phase::Setup, |position| position.phase);
            let report = match worker.killed {
                Some(Killed::Overrun(phase)) => hung(&held.case, phase),
                Some(Killed::GivenUp) => AttemptReport::interrupted(held.case.index),
                None => died(&held.case, phase, reason),
            };
            return self.conclude(id, held, report, output);
        }
        if !worker.farewell && worker.killed.is_none() {
            if worker.ready {
                self.summary.problems.push(format!("{id} died between two tests: {reason}"));
            } else {
                self.failed_starts += 1;
                if self.failed_starts == FAILED_STARTS {
                    let attempts = self.failed_starts;
                    return Err(HarnessError::WorkersDoNotStart { attempts, reason });
                }
            }
        }
        Ok(())
    }

    /// A case ended: for good, or to be tried again.
    fn conclude(
        &mut self,
        id: WorkerId,
        held: Held,
        mut report: AttemptReport,
        output: Output,
    ) -> Result<(), HarnessError> {
        let elapsed: Duration = report.phases.iter().map(|phase| phase.elapsed).sum();
        let elapsed = if elapsed.is_zero() { held.since.map_or(elapsed, |since| since.elapsed()) } else { elapsed };
        self.typical = Some(self.typical.map_or(elapsed, |typical| (typical + elapsed) / 2));
        if held.attempt > 1 && report.outcome == Outcome::Passed {
            report.outcome = Outcome::Flaky;
        }
        let failed = !report.outcome.is_success() && report.outcome != Outcome::Interrupted;
        let retries = held.case.meta.retries.unwrap_or(self.config.retries);
        let (case_id, location) = (held.case.id.clone(), held.case.location.clone());
        let case = CaseReport { id: case_id, location, worker: id, attempts: held.attempt, report, output, elapsed };
        if failed && held.attempt <= retries && self.stopping.is_none() {
            (self.emit)(Event::CaseRetried(case));
            return self.retry(id, held);
        }
        self.admission.finish(&held.case);
        self.summary.count(&case);
        (self.emit)(Event::CaseFinished(case));
        if failed && self.config.fail_fast.is_some_and(|limit| self.summary.failed >= limit.get()) {
            self.stop();
        }
        Ok(())
    }

    /// Another attempt, in a fresh worker; the case keeps its locks. The old worker goes, with its fixtures.
    fn retry(&mut self, old: WorkerId, held: Held) -> Result<(), HarnessError> {
        if let Some(worker) = self.workers.get_mut(&old) {
            for case in worker.recall().into_iter().rev() {
                self.admission.put_back(case);
            }
            worker.link.close();
        }
        let fresh = self.start_worker()?;
        self.give(fresh, vec![Held { attempt: held.attempt + 1, since: None, slow: false, ..held }]);
        Ok(())
    }

    /// Starts no more tests.
    fn stop(&mut self) {
        self.stopping.get_or_insert_with(Instant::now);
        for worker in self.workers.values_mut() {
            self.summary.not_run += worker.recall().len();
        }
        self.summary.not_run += self.admission.drain().len();
    }

    fn interrupt(&mut self, signal: &'static str) {
        if self.summary.interrupted_by.is_some() {
            for worker in self.workers.values_mut() {
                worker.kill(Killed::GivenUp);
            }
            return;
        }
        self.summary.interrupted_by = Some(signal);
        self.stop();
        self.stopping = Some(Instant::now());
        let running = self.workers.values().filter_map(|worker| Some(worker.running()?.0.case.id.clone()));
        (self.emit)(Event::Interrupting { signal, running: running.collect() });
        for worker in self.workers.values_mut() {
            worker.link.cancel();
        }
    }

    /// Takes the reports that workers hold back while they are in a test that turned out to be long.
    fn collect_unsent(&mut self) -> Result<(), HarnessError> {
        let unsent: Vec<_> = self
            .workers
            .iter()
            .flat_map(|(id, worker)| worker.link.unsent().into_iter().map(|report| (*id, report)))
            .collect();
        for (id, report) in unsent {
            self.hear(id, FromWorker::Finished { report, output: Output::default() })?;
        }
        Ok(())
    }

    /// Ends what hangs, names what is slow, tells what runs.
    fn look_around(&mut self) {
        let now = monotonic();
        let cancelled = self.summary.interrupted_by.and(self.stopping);
        let mut lost = Vec::new();
        for (id, worker) in &mut self.workers {
            let overrun = worker.overrun(now).is_some_and(|overrun| overrun > Limits::GRACE);
            let phase = worker.position().map_or(Phase::Setup, |position| position.phase);
            let unheeded = phase != Phase::Teardown && cancelled.is_some_and(|since| since.elapsed() > CANCEL_LIMIT);
            if overrun && !unheeded {
                worker.kill(Killed::Overrun(phase));
            } else if unheeded || (!worker.ready && worker.began.elapsed() > START_LIMIT) {
                worker.kill(Killed::GivenUp);
            }
            if worker.killed.is_some() && !worker.is_process() {
                lost.push(*id);
            }
            if let Some(running) = running(worker).filter(|running| running.elapsed > self.config.slow) {
                if let Some(held) = worker.hand.front_mut().filter(|held| !held.slow) {
                    held.slow = true;
                    (self.emit)(Event::CaseSlow(running));
                }
            }
        }
        lost.into_iter().for_each(|id| self.abandon(id));
        if self.live {
            let running = self.workers.values().filter_map(running).collect();
            let finished = self.summary.passed + self.summary.failed + self.summary.ignored;
            (self.emit)(Event::Progress { running, finished, failed: self.summary.failed });
        }
    }

    /// A thread that hangs cannot be ended: it is reported and left behind, and the run ends with it.
    fn abandon(&mut self, id: WorkerId) {
        self.stop();
        if self.bury(id, Ok(ExitStatus::default())).is_ok() {
            self.summary.problems.push(format!(
                "{id} hangs and, being a thread, cannot be ended; without --in-process only its test is lost"
            ));
        }
    }
}

fn running(worker: &Worker) -> Option<Running> {
    let (held, elapsed) = worker.running()?;
    let phase = worker.position().map(|position| position.phase);
    Some(Running { id: held.case.id.clone(), elapsed, phase })
}
