//! The worker: it claims cases from the supervisor, runs one case at a time, and reports each result.

use std::collections::VecDeque;
use std::io;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::attempt::{AttemptContext, FinishedAttempt, attempt};
use super::judgement::add_background_panics;
use super::leaks::{LeakChecker, TestEnd};
use super::position::PositionPublisher;
use super::runtimes::Runtimes;
use crate::fixtures::{begin_test, is_worker_program_lost};
use crate::inject::{
    Error, Ledger, PanicOutput, RegisteredCase, Registry, ScopeStore, block_on, give_fixture_settings, harness_runtime,
    install_panic_hook, log_panics, receive_run_time_cases, set_jobs, set_requirement, take_background_panics,
};
use crate::model::{AttemptReport, HarnessError, Isolation, Outcome, Phase, Turn, WorkerConfig, WorkerId};
use crate::process::{Channel, PanicLog, Start, Urgency, end_forked_child, guard_exit, notice_forks};
use crate::session::{KeepAlive, SessionClient};

/// The only argument of a worker process.
pub(crate) const WORKER_FLAG: &str = "--itest-worker";

/// Runs this process as a worker until the supervisor has no more cases for it.
///
/// # Errors
///
/// When the supervisor has ended, or no supervisor has started this process.
pub(crate) fn work_as_child() -> Result<(), HarnessError> {
    let io_error = HarnessError::io("talk to the supervisor (workers are started by it, not by hand)");
    let (channel, start) = match Channel::from_stdin() {
        Ok(started) => started,
        Err(error) => return Err(io_error(error)),
    };
    receive_run_time_cases(&start.config.cases);
    let registry = Registry::collect()?;
    work(&registry, &channel, start).map_err(io_error)
}

/// Runs a thread as a worker.
pub(super) fn work_as_thread(registry: &Registry, control: UnixStream) {
    guard_exit();
    // The error needs no report of its own: the socket closes, and the supervisor sees that the worker has ended.
    let _ = Channel::connect(control).and_then(|(channel, start)| work(registry, &channel, start));
}

fn work(registry: &Registry, channel: &Channel, start: Start) -> io::Result<()> {
    let panic_output = match start.config.isolation {
        Isolation::Processes => PanicOutput::WhenCaught,
        Isolation::InProcess => PanicOutput::AtOnce,
    };
    install_panic_hook(panic_output);
    notice_forks();
    if start.config.isolation == Isolation::Processes {
        give_fixture_settings(start.config.environment.iter().cloned());
    }
    set_requirement(start.config.require);
    set_jobs(start.config.jobs);
    #[cfg(feature = "tracing")]
    crate::process::show_trace(&start.config.session_config.log, start.config.trace);
    let runtimes = Rc::new(Runtimes::start()?);
    if registry.has_fixtures() {
        // This runtime keeps files and a thread open, so it must exist before the first leak check.
        harness_runtime();
    }
    let result = block_on(runtimes.tests(), async {
        let worker = Worker::begin(channel, start, Rc::clone(&runtimes))?;
        worker.serve(registry).await
    });
    if let Ok(runtimes) = Rc::try_unwrap(runtimes) {
        runtimes.shut_down();
    }
    channel.kill_group_if_orphaned();
    result
}

/// The state of a worker that runs cases.
struct Worker<'a> {
    channel: &'a Channel,
    id: WorkerId,
    config: WorkerConfig,
    runtimes: Rc<Runtimes>,
    position: PositionPublisher,
    client: Arc<SessionClient>,
    ledger: Arc<Ledger>,
    session: ScopeStore,
    fixtures: ScopeStore,
    leaks: LeakChecker,
    /// The log of this process's panics, which the supervisor reads if the process dies. None for a worker thread.
    panics: Option<Arc<PanicLog>>,
}

/// Whether the worker can run another case.
enum NextStep {
    RunNext,
    Leave,
}

impl<'a> Worker<'a> {
    fn begin(channel: &'a Channel, start: Start, runtimes: Rc<Runtimes>) -> io::Result<Self> {
        let Start { worker: id, config } = start;
        let client = SessionClient::new(config.session.clone(), config.session_config.clone(), config.mark.clone());
        let client = Arc::new(client);
        let opener = Arc::clone(&client);
        let ledger = Ledger::new(move || opener.open_ledger().map_err(|error| Error::new(error.chain())));
        let panics = match config.isolation {
            Isolation::Processes => Some(Arc::new(channel.status_file().panic_log()?)),
            // The panics of a worker thread are printed at once, because no other process would read a log of them.
            Isolation::InProcess => None,
        };
        if let Some(log) = panics.clone() {
            log_panics(move |record| log.write(record));
        }
        Ok(Self {
            channel,
            id,
            position: PositionPublisher::new(channel.status_file(), channel.stop_detector()),
            client,
            session: ScopeStore::new(&ledger),
            fixtures: ScopeStore::new(&ledger),
            ledger,
            leaks: LeakChecker::new(config.leaks, config.isolation, &runtimes),
            panics,
            runtimes,
            config,
        })
    }

    /// Runs cases until the supervisor has no more, then tears down the worker fixtures.
    ///
    /// The wait for the next case blocks this thread, but no task: tasks have their own threads.
    async fn serve(mut self, registry: &Registry) -> io::Result<()> {
        self.channel.ready(registry.fingerprint())?;
        let result = self.run_cases(registry).await;
        // The worker fixtures are torn down even if the supervisor has ended.
        let problems = self.unwind();
        result.and(self.channel.shut_down(problems, self.fixtures.take_remarks()))
    }

    async fn run_cases(&mut self, registry: &Registry) -> io::Result<()> {
        let mut cancelled = self.channel.cancelled();
        let mut claims = Claims::default();
        for number in 0.. {
            let Some(turn) = claims.next(self.channel)? else { break };
            let Some(case) = registry.get(turn.case) else { break };
            let next_step = self.run_case(number, turn, case, &mut claims, &mut cancelled).await?;
            if matches!(next_step, NextStep::Leave) || *cancelled.borrow() {
                break;
            }
        }
        Ok(())
    }

    async fn run_case(
        &mut self,
        number: u32,
        turn: Turn,
        case: RegisteredCase,
        claims: &mut Claims,
        cancelled: &mut watch::Receiver<bool>,
    ) -> io::Result<NextStep> {
        self.position.set_case(Some(turn.case));
        self.leaks.begin_test(self.channel);
        begin_test();
        if let Some(panics) = &self.panics {
            panics.begin(number);
        }
        #[cfg(feature = "tracing")]
        crate::process::begin_trace();
        let context = AttemptContext {
            session: &mut self.session,
            worker: &mut self.fixtures,
            client: &self.client,
            ledger: &self.ledger,
            config: &self.config,
            id: self.id,
            runtimes: &self.runtimes,
            leaks: &mut self.leaks,
            cancelled,
            position: &self.position,
        };
        let FinishedAttempt { mut report, kept, tasks_left } = attempt(turn, case, context).await;
        report.number = number;
        if let Some(kept) = kept
            && let NextStep::Leave = self.keep(&mut report, kept)?
        {
            return Ok(NextStep::Leave);
        }
        let elapsed = report.elapsed();
        let end = TestEnd {
            elapsed,
            is_quick: elapsed < Claims::SHORT_TEST && report.outcome == Outcome::Passed,
            is_followed: claims.has_next(),
        };
        #[cfg(feature = "tracing")]
        if crate::process::is_subscriber_conflict(
            report.failures.iter().map(|failure| failure.problem.message.as_str()),
        ) {
            // This result is discarded: the case runs again in a worker that leaves the global subscriber to the application.
            self.channel.leave_subscriber()?;
            return Ok(NextStep::Leave);
        }
        let findings = self.leaks.check(end, tasks_left, &self.client);
        let needs_new_process = findings.needs_new_process || is_worker_program_lost();
        let needs_new_process = needs_new_process && self.config.isolation == Isolation::Processes;
        // The leak check waits for threads of the test; a panic in them during that time belongs to the test.
        add_background_panics(&mut report, take_background_panics());
        report.add_leaks(findings.leaks, self.leaks.policy());
        let urgency = claims.set_last_duration(elapsed);
        self.channel.finished(report, urgency)?;
        // The changes of this test must not affect the next test, so a new worker replaces this one.
        Ok(if needs_new_process { NextStep::Leave } else { NextStep::RunNext })
    }

    /// Keeps the resources of a failed test until a signal ends this worker, which runs no more tests.
    fn keep(&mut self, report: &mut AttemptReport, mut kept: ScopeStore) -> io::Result<NextStep> {
        let limit = self.config.limits.teardown;
        // The session must be kept before the report is sent, because the run may end as soon as the report arrives.
        match self.runtimes.on_harness(self.client.keep()) {
            Ok(keeping) => {
                add_background_panics(report, take_background_panics());
                self.channel.finished(report.clone(), Urgency::Now)?;
                self.runtimes.on_harness(keep_until_signalled(self.channel, &self.client, keeping))?;
                // The supervisor no longer listens, so problems are written to the session's log only.
                self.runtimes.on_harness(kept.unwind(Outcome::Failed, limit, || ()));
                Ok(NextStep::Leave)
            }
            Err(error) => {
                self.runtimes.on_harness(kept.unwind(report.outcome, limit, || ()));
                report.cannot_keep(&error.chain());
                Ok(NextStep::RunNext)
            }
        }
    }

    /// Tears down the worker fixtures and closes the ledger. Returns the problems.
    fn unwind(&mut self) -> Vec<String> {
        let limit = self.config.limits.teardown;
        self.position.set_case(None);
        let before_step = || self.position.begin_phase(Phase::Teardown, limit);
        let problems = if self.fixtures.is_empty() {
            Vec::new()
        } else {
            self.runtimes.on_harness(self.fixtures.unwind(Outcome::Passed, limit, before_step))
        };
        let mut messages: Vec<_> =
            problems.into_iter().map(|problem| format!("{}: {}", problem.what, problem.problem.message)).collect();
        messages.extend(self.ledger.close().err().map(|problem| problem.message));
        self.leaks.kill_leftover_processes(&self.client);
        messages
    }
}

/// Detaches from the run and keeps the session alive until a signal comes. A session server that is killed meanwhile is replaced.
async fn keep_until_signalled(channel: &Channel, client: &SessionClient, mut keeping: KeepAlive) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    channel.detach(&keeping.log)?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            () = keeping.ended() => {}
        }
        match client.keep().await {
            Ok(another) => keeping = another,
            // Without a session the resources of the test cannot be kept, so they are given back now.
            Err(_) => return Ok(()),
        }
    }
}

/// The cases that the worker has claimed from the supervisor and not yet run.
///
/// The supervisor cannot take claimed cases back, so a worker claims one case at a time. It claims several if cases take only
/// microseconds, because a claim would then take longer than a case.
#[derive(Debug, Default)]
struct Claims {
    claimed: VecDeque<Turn>,
    last: Option<Duration>,
}

impl Claims {
    /// A worker claims several cases at a time after a case that took less than this.
    const SHORT_TEST: Duration = Duration::from_micros(50);
    const BATCH_SIZE: usize = 32;

    fn next(&mut self, channel: &Channel) -> io::Result<Option<Turn>> {
        // A child process that a teardown step forked also reaches this line. It must end here, because only its parent is the worker.
        end_forked_child(Outcome::Passed);
        if self.claimed.is_empty() {
            let is_short = self.last.is_some_and(|last| last < Self::SHORT_TEST);
            self.claimed = channel.claim(if is_short { Self::BATCH_SIZE } else { 1 })?.into();
        }
        Ok(self.claimed.pop_front())
    }

    /// Whether the worker has claimed another case.
    fn has_next(&self) -> bool {
        !self.claimed.is_empty()
    }

    /// Stores the duration of the last case. Returns whether its report can wait for the next report.
    fn set_last_duration(&mut self, elapsed: Duration) -> Urgency {
        self.last = Some(elapsed);
        if elapsed < Self::SHORT_TEST && !self.claimed.is_empty() { Urgency::CanWait } else { Urgency::Now }
    }
}
