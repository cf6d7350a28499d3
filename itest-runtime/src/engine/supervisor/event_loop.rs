//! The supervisor's event loop: it receives every event of a run and reacts to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::super::run::Run;
use super::assignment::Assignment;
use super::departure::{EndCause, LostCase, not_reaped};
use super::dispatch::{Dispatcher, Prefetch};
use super::pool::{RemovedWorker, TerminalRequest, WorkerEvent, WorkerPool};
use super::progress::Progress;
use super::retries::PendingRetry;
use super::schedule::Schedule;
use super::session::{Finished, RunSession};
use super::signals::{Request, Signals, stop_this_process};
use super::state::KillReason;
use super::watchdog::end_if_hanging;
use crate::inject::Registry;
use crate::model::{
    AttemptReport, CaseReport, Event, HarnessError, Isolation, Outcome, Output, Prospects, RetryOn, RunConfig, Summary,
    WorkerId,
};
use crate::plan::pause_before;
use crate::process::{FromWorker, Reaped, monotonic};
use crate::session::LockGuard;

/// The supervisor looks for hanging, slow and stopped tests at this interval.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// A run ends with an error after so many workers in a row have died before their first test.
const MAX_FAILED_STARTS: u32 = 3;

/// Whether the run has been asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interruption {
    None,
    /// The first signal has cancelled the running tests, which tear their fixtures down.
    Graceful {
        since: Instant,
    },
    /// The second signal has ended all workers.
    Immediate,
}

/// The supervisor of a run.
#[derive(Debug)]
pub(super) struct Supervisor<'a> {
    config: RunConfig,
    registry: Arc<Registry>,
    session: RunSession,
    schedule: Schedule,
    pool: WorkerPool,
    progress: Progress<'a>,
    signals: Signals,
    interruption: Interruption,
    /// How many workers in a row have died before their first test.
    failed_starts: u32,
}

impl<'a> Supervisor<'a> {
    /// Prepares a run. No worker is started yet.
    pub(super) fn new(run: Run, registry: Arc<Registry>, emit: &'a mut dyn FnMut(Event)) -> Result<Self, HarnessError> {
        let Run { config, cases, places, ignored, filtered_out, live, until, facts: _ } = run;
        let summary =
            Summary { filtered_out, ignored: ignored.len(), flaky_result: config.flaky_result, ..Summary::default() };
        let session = RunSession::new(&config);
        Ok(Self {
            signals: Signals::listen(session.runner(), until).map_err(HarnessError::io("listen for signals"))?,
            session,
            schedule: Schedule::new(cases, places, config.order, config.seed, config.repeats),
            pool: WorkerPool::new(config.clone(), Arc::clone(&registry)),
            progress: Progress::new(emit, live, summary),
            config,
            registry,
            interruption: Interruption::None,
            failed_starts: 0,
        })
    }

    /// Runs everything. Returns a summary also when the harness fails, because the results until then are not lost.
    pub(super) async fn run(mut self) -> (Summary, Result<(), HarnessError>) {
        let result = match self.lock_other_processes_out().await {
            Ok(guard) => {
                self.sweep_before_tests_in_this_process().await;
                let result = self.handle_events().await;
                drop(guard);
                result
            }
            Err(error) => Err(error),
        };
        self.pool.kill_all();
        self.pool.wait_for_exits().await;
        self.finish_session().await;
        (self.progress.into_summary(self.schedule.rounds_begun()), result)
    }

    /// Takes the locks of the run against other processes: under cargo-nextest each test has a process of its own.
    async fn lock_other_processes_out(&mut self) -> Result<Option<LockGuard>, HarnessError> {
        let locks = self.schedule.all_locks();
        tokio::select! {
            locked = self.session.lock(locks) => locked.map_err(|reason| HarnessError::Session { reason }),
            request = self.signals.next() => {
                self.obey(request);
                Ok(None)
            }
        }
    }

    async fn sweep_before_tests_in_this_process(&mut self) {
        if self.config.isolation == Isolation::InProcess {
            tokio::select! {
                () = self.session.complete_sweep() => {}
                request = self.signals.next() => self.obey(request),
            }
        }
    }

    /// Gives back what belongs to the run as a whole. A second signal ends the waiting, and the session's server goes on by itself.
    async fn finish_session(&mut self) {
        if self.interruption == Interruption::Immediate || !self.session.is_worth_finishing() {
            return;
        }
        let slow = self.config.slow;
        let Finished { end, swept } = {
            let finishing = self.session.finish();
            tokio::pin!(finishing);
            loop {
                tokio::select! {
                    finished = &mut finishing => break finished,
                    request = self.signals.next() => match request {
                        Request::End(_) => break Finished::default(),
                        Request::Pause => stop_this_process(),
                    },
                    () = tokio::time::sleep(slow) => {
                        self.progress.warn(format!("the session is still being torn down, after {slow:?}"));
                    }
                }
            }
        };
        self.progress.add_session(end, swept);
    }

    async fn handle_events(&mut self) -> Result<(), HarnessError> {
        let mut checks = tokio::time::interval(CHECK_INTERVAL);
        checks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let prefetch = self.prefetch();
            self.dispatcher().dispatch(prefetch)?;
            if self.pool.is_empty() && !self.schedule.has_retries() {
                return Ok(());
            }
            let next_retry = self.schedule.next_retry();
            tokio::select! {
                event = self.pool.next_event() => match event {
                    WorkerEvent::Message(id, message) => {
                        self.handle_message(id, message)?;
                        // All messages that have arrived are handled before the next dispatch, which then gives larger batches.
                        while let Some((id, message)) = self.pool.try_next_message() {
                            self.handle_message(id, message)?;
                        }
                    }
                    WorkerEvent::Exited(id, reaped) => {
                        let reaped = reaped.map_err(HarnessError::io(format!("wait for the end of {id}")))?;
                        self.remove_worker(id, reaped)?;
                    }
                },
                request = self.signals.next() => self.obey(request),
                () = next_retry => {}
                _ = checks.tick() => {
                    for (id, report) in self.pool.unsent_reports() {
                        self.finish_attempt(id, report, Output::default())?;
                    }
                    self.check_workers()?;
                }
            }
        }
    }

    fn dispatcher(&mut self) -> Dispatcher<'_, 'a> {
        Dispatcher {
            schedule: &mut self.schedule,
            pool: &mut self.pool,
            session: &self.session,
            progress: &mut self.progress,
        }
    }

    fn prefetch(&self) -> Prefetch {
        if self.config.max_failures().is_some() { Prefetch::Nothing } else { Prefetch::Batches }
    }

    fn handle_message(&mut self, id: WorkerId, message: FromWorker) -> Result<(), HarnessError> {
        let Some(worker) = self.pool.get_mut(id) else { return Ok(()) };
        match message {
            FromWorker::Ready { fingerprint } if fingerprint == self.registry.fingerprint() => worker.become_ready(),
            FromWorker::Ready { .. } => return Err(HarnessError::OtherBuild { worker: id.to_string() }),
            FromWorker::Broken => worker.kill(KillReason::ProtocolError),
            // The worker shuts down next, and its assignments return to the schedule.
            FromWorker::LeaveSubscriber => self.pool.trace_by_thread(),
            FromWorker::ShutDown { problems, remarks } => {
                worker.shut_down();
                self.progress.add_shutdown_of(id, &problems, remarks);
            }
            FromWorker::Finished { report, output } => self.finish_attempt(id, report, output)?,
            FromWorker::Gone { output } => {
                if let Some(reaped) = self.pool.disconnect(id, output, &self.session) {
                    self.remove_worker(id, reaped)?;
                }
            }
        }
        Ok(())
    }

    fn finish_attempt(&mut self, id: WorkerId, report: AttemptReport, output: Output) -> Result<(), HarnessError> {
        self.failed_starts = 0;
        let Some(worker) = self.pool.get_mut(id) else { return Ok(()) };
        let Some(assigned) = worker.take_finished(&report) else { return Ok(()) };
        if let Some(next) = worker.current() {
            self.progress.start(id, next);
        }
        self.pool.return_terminal(id);
        self.judge(id, assigned, report, output)
    }

    /// Takes a worker that has ended out of the run, and decides about its assignments.
    fn remove_worker(&mut self, id: WorkerId, reaped: Reaped) -> Result<(), HarnessError> {
        let worker = match self.pool.remove(id, reaped) {
            None => return Ok(()),
            Some(RemovedWorker::Ended(worker)) => worker,
            Some(RemovedWorker::EndedByCtrlC(worker)) => {
                self.obey(Request::End("SIGINT"));
                worker
            }
        };
        let ended = worker.end(reaped, &self.config.limits);
        if self.schedule.is_stopped() {
            self.progress.leave_out(ended.not_begun.len());
        } else {
            self.schedule.put_back(ended.not_begun);
        }
        let reason = match ended.cause {
            EndCause::Expected => return Ok(()),
            EndCause::InCase(lost) => {
                let LostCase { assigned, report, output } = *lost;
                return self.judge(id, assigned, report, output);
            }
            EndCause::BeforeStart { reason } => reason,
            EndCause::BetweenCases { reason } => {
                self.progress.add_problem(format!("{id} died between two tests: {reason}"));
                reason
            }
        };
        self.failed_starts += 1;
        if self.failed_starts == MAX_FAILED_STARTS {
            return Err(HarnessError::WorkersDoNotStart { attempts: self.failed_starts, reason });
        }
        Ok(())
    }

    /// Ends a case with this attempt, or lets it be tried again.
    fn judge(
        &mut self,
        id: WorkerId,
        assigned: Assignment,
        report: AttemptReport,
        output: Output,
    ) -> Result<(), HarnessError> {
        let mut case = assigned.report(id, self.schedule.began(), report, output);
        self.schedule.observe(case.elapsed);
        let failed = !case.report.outcome.is_success() && case.report.outcome != Outcome::Interrupted;
        case.quarantine = self.config.quarantined.get(&case.id).filter(|_| failed).cloned();
        if failed && self.is_retried(&assigned, &case) {
            return self.retry(id, assigned, case);
        }
        self.schedule.finish(&assigned);
        let counts = failed && !case.is_success();
        self.progress.finish(case);
        if counts && self.config.max_failures().is_some_and(|limit| self.progress.failed() >= limit.get()) {
            self.stop();
        }
        Ok(())
    }

    fn is_retried(&self, assigned: &Assignment, case: &CaseReport) -> bool {
        let is_worthwhile = case.report.prospects != Prospects::None
            && (self.config.retry_on != RetryOn::Errored || case.report.outcome == Outcome::Errored);
        is_worthwhile && assigned.may_be_retried(self.config.retries) && !self.schedule.is_stopped()
    }

    /// Lets a case wait for its next attempt, and closes its worker: the next attempt gets fresh fixtures.
    fn retry(&mut self, id: WorkerId, failed: Assignment, report: CaseReport) -> Result<(), HarnessError> {
        if let Some(worker) = self.pool.get_mut(id) {
            self.schedule.put_back(worker.recall());
            worker.close();
        }
        let (delay, test) = (self.config.retry_delay, failed.case().id.as_str());
        let pause = pause_before(failed.attempt() + 1, delay, self.config.seed, test);
        if pause.is_zero() {
            return self.dispatcher().start_retry(failed, report);
        }
        self.schedule.add_retry(failed, report, pause);
        Ok(())
    }

    /// Begins no more cases. Cases that wait for another attempt end as their last attempts ended.
    fn stop(&mut self) {
        let recalled: usize = self.pool.iter_mut().map(|(_, worker)| worker.recall().len()).sum();
        self.progress.leave_out(recalled + self.schedule.stop());
        for PendingRetry { failed, report, .. } in self.schedule.take_retries() {
            self.schedule.finish(&failed);
            self.progress.finish(report);
        }
    }

    fn obey(&mut self, request: Request) {
        match request {
            Request::End(signal) => self.interrupt(signal),
            Request::Pause => self.pause(),
        }
    }

    /// The first signal ends the run in good order, the second one at once.
    fn interrupt(&mut self, signal: &'static str) {
        if self.interruption != Interruption::None {
            self.interruption = Interruption::Immediate;
            self.pool.kill_all();
            return;
        }
        self.interruption = Interruption::Graceful { since: Instant::now() };
        self.progress.interrupt(signal);
        self.stop();
        let running = self.pool.iter_mut().filter_map(|(_, worker)| Some(worker.running()?.id)).collect();
        self.progress.emit(Event::Interrupting { signal: signal.into(), running });
        self.pool.cancel_all();
    }

    /// Stops the workers and this process until a signal continues it. The pause counts for no limit of time.
    fn pause(&mut self) {
        let began = monotonic();
        self.pool.signal_all(Signal::STOP);
        stop_this_process();
        let paused = monotonic().saturating_sub(began);
        self.pool.pause(paused);
        self.schedule.pause(paused);
        if let Interruption::Graceful { since } = &mut self.interruption {
            *since += paused;
        }
        self.pool.signal_all(Signal::CONT);
    }

    /// Ends the workers that hang, and reports the tests that are slow or running.
    fn check_workers(&mut self) -> Result<(), HarnessError> {
        if self.pool.lend_terminal(CHECK_INTERVAL) == TerminalRequest::Pause {
            self.pause();
        }
        let now = monotonic();
        let cancelled = match self.interruption {
            Interruption::None => None,
            Interruption::Graceful { since } => Some(since.elapsed()),
            Interruption::Immediate => Some(Duration::MAX),
        };
        let mut hanging_threads = Vec::new();
        let mut running = Vec::new();
        for (id, worker) in self.pool.iter_mut() {
            end_if_hanging(worker, now, cancelled, &self.config.limits);
            if worker.is_hanging_thread() {
                hanging_threads.push(id);
            }
            let Some(case) = worker.running() else { continue };
            if case.elapsed > self.config.slow && worker.current().is_some_and(Assignment::report_as_slow) {
                self.progress.emit(Event::CaseSlow(case.clone()));
            }
            running.push(case);
        }
        for id in hanging_threads {
            self.abandon_thread(id)?;
        }
        self.progress.show_running(running.into_iter());
        Ok(())
    }

    /// Reports a thread that hangs and leaves it behind, because a thread cannot be ended: the run ends with it.
    fn abandon_thread(&mut self, id: WorkerId) -> Result<(), HarnessError> {
        self.stop();
        self.session.abandon_thread();
        self.remove_worker(id, not_reaped())?;
        self.progress.add_problem(format!(
            "{id} hangs and, being a thread, cannot be ended; without --in-process only its test is lost"
        ));
        Ok(())
    }
}
