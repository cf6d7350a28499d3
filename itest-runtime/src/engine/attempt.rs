//! One attempt at one case: setup, the body and teardown. Teardown runs even if setup or the body fails.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::judgement::{End, ReachedPhase, Verdict, add_fixture_reports, judge, report};
use super::leaks::LeakChecker;
use super::position::PositionPublisher;
use super::runtimes::{OwnRuntime, Runtimes};
use crate::inject::{
    Caught, Inputs, Ledger, RegisteredCase, Scope, ScopeStore, Scopes, SessionNeed, SetupFailure, Slot,
    TeardownProblem, TestInfo, begin_panics, begin_phases, catch, catch_panic, current_phase, end_phases, enter_phase,
    fill, return_lent, session_needs,
};
use crate::model::{
    AttemptReport, Failed, KeptResources, Limits, Outcome, Phase, Problem, Prospects, Seed, SourceLocation, Turn,
    WorkerConfig, WorkerId,
};
use crate::process::{end_forked_child, stopped_descendants};
use crate::session::SessionClient;

/// The resources of the worker that an attempt uses.
pub(super) struct AttemptContext<'a> {
    /// Copies of the session fixtures' values.
    pub(super) session: &'a mut ScopeStore,
    /// The values of the worker fixtures.
    pub(super) worker: &'a mut ScopeStore,
    /// The connection to the session server.
    pub(super) client: &'a SessionClient,
    /// The ledger of the resources that this process acquires.
    pub(super) ledger: &'a Arc<Ledger>,
    /// The time limits, which the test's own `timeout` may replace, and the seed.
    pub(super) config: &'a WorkerConfig,
    /// The number of the worker.
    pub(super) id: WorkerId,
    /// The tokio runtimes that run the phases of the attempt.
    pub(super) runtimes: &'a Runtimes,
    /// Records the resources that worker fixtures open during their setup, because these are no leaks of the test.
    pub(super) leaks: &'a mut LeakChecker,
    /// Becomes true when the run is cancelled.
    pub(super) cancelled: &'a mut watch::Receiver<bool>,
    /// Publishes the position of the attempt to the supervisor.
    pub(super) position: &'a PositionPublisher,
}

/// The session server limits the setup of each session fixture itself. A client waits this many times the setup limit, in case the server
/// does not respond.
const SESSION_TIMEOUT_FACTOR: u32 = 8;

/// The result of an attempt.
pub(super) struct FinishedAttempt {
    pub(super) report: AttemptReport,
    /// The resources of a failed test, if the run keeps them (`--keep-failed`).
    pub(super) kept: Option<ScopeStore>,
    /// The number of tasks that still ran when the test's own runtime was shut down.
    pub(super) tasks_left: usize,
}

/// Runs one case from setup to teardown.
pub(super) async fn attempt(turn: Turn, case: RegisteredCase, context: AttemptContext<'_>) -> FinishedAttempt {
    let AttemptContext { session, worker, client, ledger, config, id, runtimes, leaks, cancelled, position } = context;
    let WorkerConfig { limits, seed, .. } = config;
    let entry = case.entry;
    let info = test_info(turn, case, *seed, id);
    let observer = position.clone();
    begin_panics();
    begin_phases(Box::new(move |phase| observer.enter_body_phase(phase)));

    let mut test = ScopeStore::new(ledger);
    let mut on_worker_fixture = |making| leaks.exclude_fixture(making);
    let mut scopes = Scopes {
        session,
        worker,
        test: &mut test,
        info: info.as_ref(),
        in_setup: Vec::new(),
        on_worker_fixture: &mut on_worker_fixture,
    };
    let mut phases = PhaseRunner { runtimes, limits, cancelled, position };
    let setup = match phases.fetch(case, &mut scopes, client) {
        Ok(()) if entry.parameters.is_empty() => Ok(Vec::new()),
        Ok(()) => phases.set_up(case, &mut scopes).await,
        Err(end) => Err(SetupEnd::Stopped(end)),
    };
    let making = scopes.in_setup.last().map(|fixture| fixture.short_name());

    let (verdict, own) = match setup {
        Ok(slots) => {
            let teardown = scopes.test.teardown().clone();
            let mut inputs = Inputs::new(slots, case.row as usize, teardown, info.clone());
            let result = phases.run(case, &mut inputs).await;
            return_lent(&mut scopes, entry.parameters, inputs.into_slots());
            result
        }
        Err(end) => (judge_setup(end, making), None),
    };

    let verdict = verdict.or_failed_fixtures(info.as_ref());
    if config.failed == Failed::Keep && verdict.is_failure() {
        let kept = KeptResources { process: std::process::id(), steps: test.steps() };
        let report = full_report(turn, verdict, Vec::new(), info.as_ref());
        let report = AttemptReport { kept: Some(kept), ..report };
        return FinishedAttempt { report, kept: Some(test), tasks_left: 0 };
    }
    enter_phase(Phase::Teardown, None, None);
    // Teardown may wait for tasks that the body has started, so they must be able to run.
    let driver = own.as_ref().and_then(OwnRuntime::drive);
    let outcome = verdict.outcome;
    let before_step = || position.begin_phase(Phase::Teardown, limits.teardown);
    let problems = if test.is_empty() {
        Vec::new()
    } else {
        runtimes.on_harness(test.unwind(outcome, limits.teardown, before_step))
    };
    drop(driver);
    let tasks_left = own.map_or(0, OwnRuntime::shut_down);
    let report = full_report(turn, verdict, problems, info.as_ref());
    FinishedAttempt { report, kept: None, tasks_left }
}

/// Describes the test for its fixtures. A test without fixtures needs no description.
fn test_info(turn: Turn, case: RegisteredCase, seed: Seed, worker: WorkerId) -> Option<TestInfo> {
    let entry = case.entry;
    if entry.parameters.is_empty() {
        return None;
    }
    let location = SourceLocation::new(entry.location);
    let name = entry.cases.get(case.row as usize).copied().unwrap_or_default();
    Some(TestInfo::new(case.id(), location, *entry.meta, seed, worker).of_case(name).during(turn))
}

/// The report of an attempt, with what fixtures have reported about the test.
fn full_report(turn: Turn, verdict: Verdict, problems: Vec<TeardownProblem>, info: Option<&TestInfo>) -> AttemptReport {
    let mut report = report(turn.case, verdict, problems, end_phases());
    if let Some(info) = info {
        add_fixture_reports(&mut report, info.take_reports());
    }
    report
}

/// Why setup ended before the body could run.
enum SetupEnd {
    /// A fixture failed.
    Failed(SetupFailure),
    /// The time was over, or the run was cancelled.
    Stopped(End),
}

fn judge_setup(end: SetupEnd, in_setup: Option<String>) -> Verdict {
    match end {
        SetupEnd::Failed(failure) => {
            // A session fixture is set up once in a run, so that another attempt would fail in the same way.
            let prospects = if failure.scope == Scope::Session { Prospects::None } else { Prospects::Open };
            let verdict = judge(End::Caught(failure.caught), ReachedPhase::setup(Some(failure.fixture)));
            Verdict { prospects, ..verdict }
        }
        SetupEnd::Stopped(end) => judge(end, ReachedPhase::setup(in_setup)),
    }
}

/// Runs the phases of an attempt, each with its time limit.
struct PhaseRunner<'a> {
    runtimes: &'a Runtimes,
    limits: &'a Limits,
    cancelled: &'a mut watch::Receiver<bool>,
    position: &'a PositionPublisher,
}

impl PhaseRunner<'_> {
    /// Fetches the values of the session fixtures that the case needs.
    fn fetch(&mut self, case: RegisteredCase, scopes: &mut Scopes<'_>, client: &SessionClient) -> Result<(), End> {
        let needs = session_needs(case.entry.parameters);
        if needs.is_empty() {
            return Ok(());
        }
        let limit = self.limits.setup.saturating_mul(SESSION_TIMEOUT_FACTOR);
        self.position.begin_phase(Phase::Setup, limit);
        let fetching = fetch(&needs, scopes.session, client);
        self.runtimes.on_harness(bounded(limit, self.cancelled, self.position, fetching))
    }

    /// Makes the fixtures.
    async fn set_up(&mut self, case: RegisteredCase, scopes: &mut Scopes<'_>) -> Result<Vec<Slot>, SetupEnd> {
        let parameters = case.entry.parameters;
        let limit = self.limits.setup;
        self.position.begin_phase(Phase::Setup, limit);
        let setup_result = bounded(limit, self.cancelled, self.position, fill(scopes, parameters)).await;
        end_forked_child(match &setup_result {
            Ok(Ok(_)) => Outcome::Passed,
            Ok(Err(SetupFailure { caught: Caught::Skip(_), .. })) => Outcome::Skipped,
            _ => Outcome::Errored,
        });
        setup_result.map_err(SetupEnd::Stopped)?.map_err(SetupEnd::Failed)
    }

    /// Runs the body on the runtime that the test requests.
    async fn run(&mut self, case: RegisteredCase, inputs: &mut Inputs) -> (Verdict, Option<OwnRuntime>) {
        let limit = case.entry.meta.timeout.unwrap_or(self.limits.test);
        self.position.begin_phase(Phase::Body, limit);
        let own = match OwnRuntime::start(case.entry.meta.runtime) {
            Ok(own) => own,
            Err(error) => {
                let problem = Problem::new(format!("the runtime that the test asks for cannot be started: {error}"));
                return (judge(End::Caught(Caught::Panic(problem)), ReachedPhase::setup(None)), None);
            }
        };
        enter_phase(Phase::Body, None, None);
        let body = run_body(case, inputs, limit, self.cancelled, self.position);
        let end = match &own {
            Some(own) => own.run(body),
            None => body.await,
        };
        end_forked_child(match end {
            End::Done => Outcome::Passed,
            End::Caught(Caught::Skip(_)) => Outcome::Skipped,
            _ => Outcome::Failed,
        });
        let reached = match current_phase() {
            Some(now) => {
                ReachedPhase { phase: now.phase, description: now.description.map(str::to_owned), place: now.location }
            }
            None => ReachedPhase { phase: Phase::Body, description: None, place: None },
        };
        (judge(end, reached), own)
    }
}

/// Fetches values from the session server. For a value that cannot be fetched, the store keeps the reason.
async fn fetch(needs: &[SessionNeed], session: &mut ScopeStore, client: &SessionClient) {
    for SessionNeed { fixture, .. } in needs {
        if session.lacks(fixture) {
            let response = client.fetch(fixture).await;
            session.receive(fixture, response);
        }
    }
}

async fn run_body(
    case: RegisteredCase,
    inputs: &mut Inputs,
    limit: Duration,
    cancelled: &mut watch::Receiver<bool>,
    position: &PositionPublisher,
) -> End {
    // The generated function may evaluate the arguments of the case, which can panic as the body can.
    let mut body = match catch_panic(|| case.entry.function.call(inputs)) {
        Ok(body) => body,
        Err(caught) => return End::Caught(caught),
    };
    let ended = bounded(limit, cancelled, position, catch(body.as_mut())).await;
    // A body that was cancelled still owns values, and their destructors may panic.
    let dropped = catch_panic(|| drop(body));
    match (ended, dropped) {
        (Ok(Ok(Ok(()))), Ok(())) => End::Done,
        (Ok(Ok(Ok(()))), Err(caught)) | (Ok(Err(caught)), _) => End::Caught(caught),
        (Ok(Ok(Err(problem))), _) => End::Caught(Caught::Panic(problem)),
        (Err(end), _) => end,
    }
}

/// Runs a future until it ends, its time limit is reached, or the run is cancelled. Time in which the process is stopped does not count.
async fn bounded<F: Future>(
    limit: Duration,
    cancelled: &mut watch::Receiver<bool>,
    position: &PositionPublisher,
    future: F,
) -> Result<F::Output, End> {
    // Dropping the future may end the processes that it has started, so stopped processes are listed before.
    let timed_out = async {
        position.wait_running_time(limit).await;
        stopped_descendants(std::process::id())
    };
    tokio::select! {
        biased;
        output = future => Ok(output),
        stopped = timed_out => Err(End::TimedOut { limit, stopped }),
        _ = cancelled.wait_for(|cancelled| *cancelled) => Err(End::Cancelled),
    }
}
