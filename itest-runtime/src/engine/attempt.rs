//! One attempt at one case: setup, the body and teardown. Teardown runs even if setup or the body fails.

use std::sync::Arc;

use tokio::sync::watch;

use super::judgement::{End, ReachedPhase, Verdict, add_effects_of_fault, add_fixture_reports, judge, report};
use super::leaks::LeakChecker;
use super::phases::{PhaseRunner, SetupEnd};
use super::position::PositionPublisher;
use super::runtimes::{OwnRuntime, Runtimes};
use crate::fixtures::{begin_worker_fixture, end_worker_fixture, forward_output, report_ended_programs, report_notes};
use crate::inject::{
    FixtureSetup, Inputs, Ledger, Parameter, RegisteredCase, RunningAttempt, Scope, ScopeStore, Scopes,
    TeardownProblem, TestInfo, begin_panics, begin_phases, end_phases, invariants_of, return_lent, set_running_attempt,
};
use crate::model::{
    AttemptReport, CallPlan, Failed, FaultExecution, FaultJudge, KeptResources, Limits, Prospects, Seed,
    SourceLocation, Turn, WorkerConfig, WorkerId,
};
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
    let invariants = invariants_of(entry);
    let running = begin(position.clone(), &config.calls);
    // A test without fixtures and invariants needs no description.
    let is_described = !entry.parameters.is_empty() || !invariants.is_empty();
    let info = is_described.then(|| test_info(turn, case, *seed, id).in_attempt(running.clone()));

    let mut test = ScopeStore::new(ledger);
    let mut on_worker_fixture = |making| assign_to_fixture(making, leaks);
    let mut scopes = Scopes {
        session,
        worker,
        test: &mut test,
        info: info.as_ref(),
        in_setup: Vec::new(),
        on_worker_fixture: &mut on_worker_fixture,
    };
    let mut phases = PhaseRunner { runtimes, limits, calls: &config.calls, cancelled, position };
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
            let (verdict, own) = phases.run(case, &mut inputs).await;
            running.end_body();
            return_lent(&mut scopes, entry.parameters, inputs.into_slots());
            (phases.check_invariants(&invariants, verdict, own.as_ref(), &mut scopes).await, own)
        }
        Err(end) => {
            running.end_body();
            (judge_setup(end, making), None)
        }
    };
    report_ended_programs(info.as_ref(), entry.parameters);
    let observed = Observed { running: &running, info: info.as_ref(), parameters: entry.parameters, config };
    let verdict = verdict.or_failed_fixtures(info.as_ref());
    if config.failed == Failed::Keep && verdict.is_failure() {
        let kept = KeptResources { process: std::process::id(), steps: test.steps() };
        let report = full_report(turn, verdict, Vec::new(), &observed);
        let report = AttemptReport { kept: Some(kept), ..report };
        return FinishedAttempt { report, kept: Some(test), tasks_left: 0 };
    }
    let problems = phases.tear_down(&mut test, verdict.outcome, own.as_ref());
    let tasks_left = own.map_or(0, OwnRuntime::shut_down);
    let report = full_report(turn, verdict, problems, &observed);
    FinishedAttempt { report, kept: None, tasks_left }
}

/// Assigns the resources and the programs of a worker fixture to the fixture, because the next tests use them too.
fn assign_to_fixture(making: FixtureSetup, leaks: &mut LeakChecker) {
    match making {
        FixtureSetup::Begins(fixture) => begin_worker_fixture(fixture),
        FixtureSetup::Ends => end_worker_fixture(),
    }
    leaks.exclude_fixture(making);
}

/// Begins to observe what happens in an attempt: its panics, its phases and its exchanges.
fn begin(position: PositionPublisher, plan: &CallPlan) -> RunningAttempt {
    begin_panics();
    begin_phases(Box::new(move |phase| position.enter_body_phase(phase)));
    let running = RunningAttempt::new(plan);
    set_running_attempt(Some(running.clone()));
    running
}

/// Describes the test for its fixtures and invariants.
fn test_info(turn: Turn, case: RegisteredCase, seed: Seed, worker: WorkerId) -> TestInfo {
    let entry = case.entry;
    let location = SourceLocation::new(entry.location);
    let name = entry.case_name(case.row).unwrap_or_default();
    TestInfo::new(case.id(), location, *entry.meta, seed, worker).of_case(name).during(turn)
}

/// What is observed about an attempt besides its own course.
struct Observed<'a> {
    running: &'a RunningAttempt,
    info: Option<&'a TestInfo>,
    parameters: &'static [Parameter],
    config: &'a WorkerConfig,
}

/// The report of an attempt, with what fixtures have reported about the test. From now on, no exchange belongs to the attempt.
fn full_report(turn: Turn, verdict: Verdict, problems: Vec<TeardownProblem>, observed: &Observed<'_>) -> AttemptReport {
    forward_output();
    report_notes(observed.info, observed.parameters);
    set_running_attempt(None);
    let mut log = end_phases();
    if observed.config.limits == Limits::NONE {
        log.overruns.clear();
    }
    let mut report = report(turn.case, verdict, problems, log);
    add_fixture_reports(&mut report, observed.running.take_reports());
    if let CallPlan::Inject(FaultExecution { fault, judged_by: FaultJudge::Report, .. }) = &observed.config.calls {
        add_effects_of_fault(&mut report, fault);
    }
    report
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
