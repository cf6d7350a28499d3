//! The worker: claims cases, runs them one by one on one runtime, reports each.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::attempt::{Surroundings, attempt};
use super::watch::Watch;
use crate::inject::{Registry, ScopeStore, TestInfo, install_panic_hook, set_requirement};
use crate::model::{AttemptReport, HarnessError, Outcome, Phase, SourceLocation};
use crate::process::{Channel, Start};

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
    Channel::from_stdin().and_then(|(channel, start)| work(registry, channel, start)).map_err(talk)
}

/// Runs a thread as a worker.
pub(super) fn work_as_thread(registry: &Registry, control: UnixStream) {
    // The supervisor hears of every end, also of one by an error: the socket closes.
    let _ = Channel::connect(control).and_then(|(channel, start)| work(registry, channel, start));
}

fn work(registry: &Registry, channel: Channel, start: Start) -> io::Result<()> {
    let Start { worker, config } = start;
    install_panic_hook();
    set_requirement(config.require);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .thread_name("itest-runtime")
        .enable_all()
        .build()?;
    channel.ready(registry.fingerprint())?;
    let watch = Watch::new(channel.beacon());
    let mut store = ScopeStore::default();

    let mut result = Ok(());
    while let Some(index) = channel.next_case()? {
        let Some(case) = registry.get(index) else { break };
        watch.holds(Some(index));
        let location = SourceLocation(case.entry.location.to_owned());
        let info = TestInfo::new(case.id(), location, *case.entry.meta, config.seed, worker);
        let surroundings =
            Surroundings { worker: &mut store, limits: config.limits, cancelled: channel.cancelled(), watch: &watch };
        let report: AttemptReport = runtime.block_on(attempt(index, case, &info, surroundings));
        watch.holds(None);
        result = channel.finished(report);
        if result.is_err() || *channel.cancelled().borrow() {
            break;
        }
    }

    // Also without a supervisor: what the worker took, it gives back.
    let limit = config.limits.teardown;
    let before_step = || watch.begin(Phase::Teardown, limit);
    let problems = runtime.block_on(store.unwind(Outcome::Passed, limit, before_step));
    let told = problems.into_iter().map(|problem| format!("{}: {}", problem.what, problem.problem.message));
    result = result.and(channel.farewell(told.collect()));
    runtime.shutdown_timeout(SHUTDOWN);
    result
}
