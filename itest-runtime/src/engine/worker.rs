//! The worker: claims cases, runs them one by one on one runtime, reports each.

use std::collections::VecDeque;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::attempt::{Attempted, Surroundings, attempt};
use super::leaks::{LeakWatch, Suspects};
use super::watch::Watch;
use crate::inject::{Error, Ledger, Registry, ScopeStore, install_panic_hook, set_jobs, set_requirement};
use crate::model::{AttemptReport, HarnessError, Isolation, Outcome, Phase, Turn};
use crate::process::{Channel, Start, Urgency, guard_exit};
use crate::session::{Keeping, SessionClient};

/// The only argument of a worker process.
pub(crate) const WORKER_FLAG: &str = "--itest-worker";

/// Threads of the tests' runtime, beside the one that runs the test itself.
const RUNTIME_THREADS: usize = 2;

/// How long tasks that tests left behind may delay the worker's end.
const SHUTDOWN: Duration = Duration::from_millis(100);

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
    install_panic_hook();
    set_requirement(start.config.require);
    set_jobs(start.config.jobs);
    #[cfg(feature = "tracing")]
    crate::process::show_trace(&start.config.session_config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .thread_name("itest-runtime")
        .enable_all()
        .build()?;
    let result = runtime.block_on(serve(registry, channel, start));
    runtime.shutdown_timeout(SHUTDOWN);
    channel.leave();
    result
}

/// Runs what is dispatched until nothing more comes, then gives back the worker's own fixtures.
///
/// Waiting for cases blocks this thread, and nothing else: tasks have threads of their own.
async fn serve(registry: &Registry, channel: &Channel, start: Start) -> io::Result<()> {
    let Start { worker: id, config } = start;
    channel.ready(registry.fingerprint())?;
    let watch = Watch::new(channel.beacon(), channel.pulse());
    let (session, session_config) = (config.session.clone(), config.session_config.clone());
    let client = Arc::new(SessionClient::new(session, session_config, config.mark.clone()));
    let opener = Arc::clone(&client);
    let ledger = Ledger::new(move || opener.open_ledger().map_err(|error| Error::new(error.chain())));
    let (mut session, mut worker) = (ScopeStore::new(&ledger), ScopeStore::new(&ledger));
    let mut cancelled = channel.cancelled();

    let mut leaks = LeakWatch::new(config.leaks, config.isolation);
    let mut claims = Claims::default();
    let mut result = Ok(());
    for number in 0.. {
        let Some(turn) = claims.next(channel)? else { break };
        let Some(case) = registry.get(turn.case) else { break };
        watch.holds(Some(turn.case));
        let fixtures = worker.len();
        leaks.begin(channel);
        #[cfg(feature = "tracing")]
        crate::process::begin_trace();
        let surroundings = Surroundings {
            session: &mut session,
            worker: &mut worker,
            client: &client,
            ledger: &ledger,
            config: &config,
            id,
            cancelled: &mut cancelled,
            watch: &watch,
        };
        let Attempted { mut report, kept } = attempt(turn, case, surroundings).await;
        report.number = number;
        if let Some(mut kept) = kept {
            // First the session, then the report: the run may be over when it has arrived.
            match client.keep().await {
                Ok(keeping) => {
                    result = channel.finished(report, Urgency::Now);
                    stay(channel, &keeping, kept, config.limits.teardown).await?;
                    break;
                }
                Err(error) => {
                    kept.unwind(report.outcome, config.limits.teardown, || ()).await;
                    report.cannot_keep(&error.chain());
                }
            }
        }
        let suspects = match worker.len() == fixtures {
            true if fixtures == 0 => Suspects::Test,
            true => Suspects::TestAndWorker,
            false => Suspects::Worker,
        };
        let found = leaks.look(report.elapsed(), suspects, &client).await;
        let is_spoilt = found.spoils && config.isolation == Isolation::Processes;
        report.add_leaks(found.told, leaks.policy());
        let urgency = claims.learn(&report);
        result = channel.finished(report, urgency);
        // What a test changed is not the next one's: this worker ends, and another one takes its place.
        if result.is_err() || is_spoilt || *cancelled.borrow() {
            break;
        }
    }

    // Also without a supervisor: what the worker took, it gives back.
    let limit = config.limits.teardown;
    watch.holds(None);
    let before_step = || watch.begin(Phase::Teardown, limit);
    let problems = worker.unwind(Outcome::Passed, limit, before_step).await;
    let mut told: Vec<_> =
        problems.into_iter().map(|problem| format!("{}: {}", problem.what, problem.problem.message)).collect();
    told.extend(ledger.close().err().map(|problem| problem.message));
    leaks.end(&client);
    result.and(channel.farewell(told))
}

/// Keeps what a failed test has taken, apart from the run, until somebody asks to give it back.
async fn stay(channel: &Channel, keeping: &Keeping, mut kept: ScopeStore, limit: Duration) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    channel.set_free(&keeping.log)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // There is nobody left to tell what goes wrong but the log.
    kept.unwind(Outcome::Failed, limit, || ()).await;
    Ok(())
}

/// Cases that were claimed from the supervisor: several at a time where they are so short that claiming them is work.
///
/// What is claimed cannot be taken back, so there is never more of it than a fraction of a millisecond's worth.
#[derive(Debug, Default)]
struct Claims {
    claimed: VecDeque<Turn>,
    last: Option<Duration>,
}

impl Claims {
    const SHORT: Duration = Duration::from_micros(50);
    const AT_ONCE: usize = 16;

    fn next(&mut self, channel: &Channel) -> io::Result<Option<Turn>> {
        if self.claimed.is_empty() {
            let is_short = self.last.is_some_and(|last| last < Self::SHORT);
            self.claimed = channel.claim(if is_short { Self::AT_ONCE } else { 1 })?.into();
        }
        Ok(self.claimed.pop_front())
    }

    /// Remembers how long the last case took; says whether its report can wait for the next.
    fn learn(&mut self, report: &AttemptReport) -> Urgency {
        let elapsed = report.elapsed();
        self.last = Some(elapsed);
        if elapsed < Self::SHORT && !self.claimed.is_empty() { Urgency::CanWait } else { Urgency::Now }
    }
}
