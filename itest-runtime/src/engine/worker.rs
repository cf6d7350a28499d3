//! The worker: claims cases, runs them one by one, reports each.

use std::collections::VecDeque;
use std::io;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::attempt::{AttemptContext, Attempted, attempt};
use super::judgement::add_background_panics;
use super::leaks::{LeakWatch, TestEnd};
use super::runtimes::Runtimes;
use super::watch::Watch;
use crate::inject::{
    Error, Ledger, PanicOutput, RegisteredCase, Registry, ScopeStore, give_fixture_settings, harness_runtime,
    install_panic_hook, log_panics, set_jobs, set_requirement, take_background_panics,
};
use crate::model::{AttemptReport, HarnessError, Isolation, Outcome, Phase, Turn, WorkerConfig, WorkerId};
use crate::process::{Channel, PanicLog, Start, Urgency, end_forked_child, guard_exit, notice_forks};
use crate::session::{KeepAlive, SessionClient};

/// The only argument of a worker process.
pub(crate) const WORKER_FLAG: &str = "--itest-worker";

/// Runs this process as a worker, from its first frame to its end.
///
/// # Errors
///
/// When the supervisor is gone, or the process was not started by one.
pub(crate) fn work_as_child(registry: &Registry) -> Result<(), HarnessError> {
    let talk = HarnessError::io("talk to the supervisor (workers are started by it, not by hand)");
    Channel::from_stdin().and_then(|(channel, start)| work(registry, &channel, start)).map_err(talk)
}

/// Runs a thread as a worker.
pub(super) fn work_as_thread(registry: &Registry, control: UnixStream) {
    guard_exit();
    // The supervisor hears of every end, also of one by an error: the socket closes.
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
        // Before the first look for leaks: it opens files, and its thread stays.
        harness_runtime();
    }
    let result = runtimes.tests().block_on(async {
        let worker = Worker::begin(channel, start, Rc::clone(&runtimes))?;
        worker.serve(registry).await
    });
    if let Ok(runtimes) = Rc::try_unwrap(runtimes) {
        runtimes.shut_down();
    }
    channel.kill_group_if_orphaned();
    result
}

/// A worker, from its first case to its end.
struct Worker<'a> {
    channel: &'a Channel,
    id: WorkerId,
    config: WorkerConfig,
    runtimes: Rc<Runtimes>,
    watch: Watch,
    client: Arc<SessionClient>,
    ledger: Arc<Ledger>,
    session: ScopeStore,
    fixtures: ScopeStore,
    leaks: LeakWatch,
    /// Of this process's own, where the supervisor can read it when the process has died.
    panics: Option<Arc<PanicLog>>,
}

/// Whether the worker can run another case.
enum Then {
    Next,
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
            // The thread's panics are printed at once: no other process would read them.
            Isolation::InProcess => None,
        };
        if let Some(log) = panics.clone() {
            log_panics(move |record| log.write(record));
        }
        Ok(Self {
            channel,
            id,
            watch: Watch::new(channel.status_file(), channel.stop_detector()),
            client,
            session: ScopeStore::new(&ledger),
            fixtures: ScopeStore::new(&ledger),
            ledger,
            leaks: LeakWatch::new(config.leaks, config.isolation, &runtimes),
            panics,
            runtimes,
            config,
        })
    }

    /// Runs what is dispatched until nothing more comes, then gives back the worker's own fixtures.
    ///
    /// Waiting for cases blocks this thread, and nothing else: tasks have threads of their own.
    async fn serve(mut self, registry: &Registry) -> io::Result<()> {
        self.channel.ready(registry.fingerprint())?;
        let result = self.run_cases(registry).await;
        // Also without a supervisor: what the worker took, it gives back.
        let problems = self.unwind();
        result.and(self.channel.shut_down(problems, self.fixtures.take_remarks()))
    }

    async fn run_cases(&mut self, registry: &Registry) -> io::Result<()> {
        let mut cancelled = self.channel.cancelled();
        let mut claims = Claims::default();
        for number in 0.. {
            let Some(turn) = claims.next(self.channel)? else { break };
            let Some(case) = registry.get(turn.case) else { break };
            let then = self.run_case(number, turn, case, &mut claims, &mut cancelled).await?;
            if matches!(then, Then::Leave) || *cancelled.borrow() {
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
    ) -> io::Result<Then> {
        self.watch.holds(Some(turn.case));
        self.leaks.begin(self.channel);
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
            watch: &self.watch,
        };
        let Attempted { mut report, kept, tasks_left } = attempt(turn, case, context).await;
        report.number = number;
        if let Some(kept) = kept
            && let Then::Leave = self.keep(&mut report, kept)?
        {
            return Ok(Then::Leave);
        }
        let elapsed = report.elapsed();
        let end = TestEnd {
            elapsed,
            is_quick: elapsed < Claims::SHORT && report.outcome == Outcome::Passed,
            is_followed: claims.has_next(),
        };
        #[cfg(feature = "tracing")]
        if crate::process::is_subscriber_conflict(
            report.failures.iter().map(|failure| failure.problem.message.as_str()),
        ) {
            // This result is dropped: the case runs again in a worker that leaves the global subscriber to the application.
            self.channel.leave_subscriber()?;
            return Ok(Then::Leave);
        }
        let found = self.leaks.check(end, tasks_left, &self.client);
        let is_spoilt = found.spoils && self.config.isolation == Isolation::Processes;
        // The leak check waits for threads of the test; a panic in them during that time belongs to the test.
        add_background_panics(&mut report, take_background_panics());
        report.add_leaks(found.leaks, self.leaks.policy());
        let urgency = claims.learn(elapsed);
        self.channel.finished(report, urgency)?;
        // What a test changed must not reach the next one: this worker ends, and another one takes its place.
        Ok(if is_spoilt { Then::Leave } else { Then::Next })
    }

    /// Keeps what a failed test has taken, until a signal asks for it; this worker runs no more tests then.
    fn keep(&mut self, report: &mut AttemptReport, mut kept: ScopeStore) -> io::Result<Then> {
        let limit = self.config.limits.teardown;
        // The session is kept before the report is sent, because the run may end as soon as the report arrives.
        match self.runtimes.on_harness(self.client.keep()) {
            Ok(keeping) => {
                add_background_panics(report, take_background_panics());
                self.channel.finished(report.clone(), Urgency::Now)?;
                self.runtimes.on_harness(stay(self.channel, &self.client, keeping))?;
                // From here on, problems are written to the session's log only.
                self.runtimes.on_harness(kept.unwind(Outcome::Failed, limit, || ()));
                Ok(Then::Leave)
            }
            Err(error) => {
                self.runtimes.on_harness(kept.unwind(report.outcome, limit, || ()));
                report.cannot_keep(&error.chain());
                Ok(Then::Next)
            }
        }
    }

    /// Gives back what belongs to the worker as a whole; what went wrong with that.
    fn unwind(&mut self) -> Vec<String> {
        let limit = self.config.limits.teardown;
        self.watch.holds(None);
        let before_step = || self.watch.begin(Phase::Teardown, limit);
        let problems = if self.fixtures.is_empty() {
            Vec::new()
        } else {
            self.runtimes.on_harness(self.fixtures.unwind(Outcome::Passed, limit, before_step))
        };
        let mut told: Vec<_> =
            problems.into_iter().map(|problem| format!("{}: {}", problem.what, problem.problem.message)).collect();
        told.extend(self.ledger.close().err().map(|problem| problem.message));
        self.leaks.end(&self.client);
        told
    }
}

/// Keeps the session, apart from the run, until a signal asks to give back what a failed test has taken. If the session's server
/// is killed meanwhile, another one takes its place.
async fn stay(channel: &Channel, client: &SessionClient, mut keeping: KeepAlive) -> io::Result<()> {
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
            // Without a session there is nothing to wait for.
            Err(_) => return Ok(()),
        }
    }
}

/// Cases that were claimed from the supervisor: several at a time where they are so short that claiming them is work.
///
/// The supervisor cannot take claimed cases back, so that a worker claims many at a time only where each takes microseconds.
#[derive(Debug, Default)]
struct Claims {
    claimed: VecDeque<Turn>,
    last: Option<Duration>,
}

impl Claims {
    const SHORT: Duration = Duration::from_micros(50);
    const AT_ONCE: usize = 16;

    fn next(&mut self, channel: &Channel) -> io::Result<Option<Turn>> {
        // A child that a step of teardown forked comes here; its parent judges that step.
        end_forked_child(Outcome::Passed);
        if self.claimed.is_empty() {
            let is_short = self.last.is_some_and(|last| last < Self::SHORT);
            self.claimed = channel.claim(if is_short { Self::AT_ONCE } else { 1 })?.into();
        }
        Ok(self.claimed.pop_front())
    }

    /// Whether a case is claimed that has not begun.
    fn has_next(&self) -> bool {
        !self.claimed.is_empty()
    }

    /// Remembers how long the last case took; says whether its report can wait for the next.
    fn learn(&mut self, elapsed: Duration) -> Urgency {
        self.last = Some(elapsed);
        if elapsed < Self::SHORT && !self.claimed.is_empty() { Urgency::CanWait } else { Urgency::Now }
    }
}
