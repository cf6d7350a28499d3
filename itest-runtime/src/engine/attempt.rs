//! One attempt at one case: setup, the body, teardown; whatever happens, the next step comes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::judgement::{End, Verdict, Where, judge, report};
use super::leaks::LeakWatch;
use super::runtimes::{OwnRuntime, Runtimes};
use super::watch::Watch;
use crate::inject::{
    Caught, Inputs, Ledger, RegisteredCase, Scope, ScopeStore, Scopes, SessionNeed, SetupFailure, Slot, TestInfo,
    begin_panics, begin_phases, catch, catch_panic, current_phase, end_phases, enter_phase, fill, poll_by_kind,
    return_lent, session_needs,
};
use crate::model::{
    AttemptReport, Failed, KeptResources, Limits, Note, Outcome, Phase, Problem, Prospects, Seed, SourceLocation, Turn,
    WorkerConfig, WorkerId,
};
use crate::process::{end_forked_child, stopped_descendants};
use crate::session::SessionClient;

/// What an attempt needs besides its case.
pub(super) struct AttemptContext<'a> {
    /// Copies of the session's values.
    pub(super) session: &'a mut ScopeStore,
    /// The fixtures of the worker.
    pub(super) worker: &'a mut ScopeStore,
    /// Asks the session's server for more.
    pub(super) client: &'a SessionClient,
    /// What the process takes is written down here.
    pub(super) ledger: &'a Arc<Ledger>,
    /// Budgets, before the test's own `timeout`; the seed.
    pub(super) config: &'a WorkerConfig,
    /// The worker's number.
    pub(super) id: WorkerId,
    /// What the attempt runs on.
    pub(super) runtimes: &'a Runtimes,
    /// Learns what worker fixtures open while they are made.
    pub(super) leaks: &'a mut LeakWatch,
    /// Becomes true when the run is cancelled.
    pub(super) cancelled: &'a mut watch::Receiver<bool>,
    /// Tells where the attempt is.
    pub(super) watch: &'a Watch,
}

/// The session's server has limits of its own, one for each fixture; this one is for a server that does not answer.
const SESSION_TIMEOUT_FACTOR: u32 = 8;

/// An attempt that is over.
pub(super) struct Attempted {
    pub(super) report: AttemptReport,
    /// What the test has taken, where it is to be kept.
    pub(super) kept: Option<ScopeStore>,
    /// How many tasks the test left on a runtime of its own, which has ended.
    pub(super) tasks_left: usize,
}

/// Runs one case from setup to teardown.
pub(super) async fn attempt(turn: Turn, case: RegisteredCase, context: AttemptContext<'_>) -> Attempted {
    let AttemptContext { session, worker, client, ledger, config, id, runtimes, leaks, cancelled, watch } = context;
    let WorkerConfig { limits, seed, .. } = config;
    let entry = case.entry;
    let info = test_info(turn, case, *seed, id);
    let observer = watch.clone();
    begin_panics();
    begin_phases(Box::new(move |phase| observer.enter(phase)));

    let mut test = ScopeStore::new(ledger);
    let mut on_worker_fixture = |making| leaks.attribute(making);
    let mut scopes = Scopes {
        session,
        worker,
        test: &mut test,
        info: info.as_ref(),
        in_setup: Vec::new(),
        on_worker_fixture: &mut on_worker_fixture,
    };
    let mut pace = Pace { runtimes, limits, cancelled, watch };
    let setup = match pace.fetch(case, &mut scopes, client) {
        Ok(()) if entry.parameters.is_empty() => Ok(Vec::new()),
        Ok(()) => pace.set_up(case, &mut scopes).await,
        Err(end) => Err(SetupEnd::Stopped(end)),
    };
    let making = scopes.in_setup.last().map(|fixture| fixture.short_name());

    let (verdict, own) = match setup {
        Ok(slots) => {
            let teardown = scopes.test.teardown().clone();
            let mut inputs = Inputs::new(slots, case.row as usize, teardown, info.clone());
            let ran = pace.run(case, &mut inputs).await;
            return_lent(&mut scopes, entry.parameters, inputs.into_slots());
            ran
        }
        Err(end) => (judge_setup(end, making), None),
    };

    if config.failed == Failed::Keep && verdict.failure.is_some() {
        let kept = KeptResources { process: std::process::id(), steps: test.steps() };
        let report = report(turn.case, verdict, Vec::new(), end_phases());
        let report = AttemptReport { kept: Some(kept), notes: notes(info.as_ref()), ..report };
        return Attempted { report, kept: Some(test), tasks_left: 0 };
    }
    enter_phase(Phase::Teardown, None, None);
    // Teardown may wait for tasks that the body has started.
    let driver = own.as_ref().and_then(OwnRuntime::drive);
    let outcome = verdict.outcome;
    let before_step = || watch.begin(Phase::Teardown, limits.teardown);
    let problems = if test.is_empty() {
        Vec::new()
    } else {
        runtimes.on_harness(test.unwind(outcome, limits.teardown, before_step))
    };
    drop(driver);
    let tasks_left = own.map_or(0, OwnRuntime::shut_down);
    let report = report(turn.case, verdict, problems, end_phases());
    Attempted { report: AttemptReport { notes: notes(info.as_ref()), ..report }, kept: None, tasks_left }
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

/// The notes that fixtures have added about the test.
fn notes(info: Option<&TestInfo>) -> Vec<Note> {
    info.map(TestInfo::take_notes).unwrap_or_default()
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
            let verdict = judge(End::Caught(failure.caught), Where::setup(Some(failure.fixture)));
            Verdict { prospects, ..verdict }
        }
        SetupEnd::Stopped(end) => judge(end, Where::setup(in_setup)),
    }
}

/// The stretches of an attempt, each within its budget.
struct Pace<'a> {
    runtimes: &'a Runtimes,
    limits: &'a Limits,
    cancelled: &'a mut watch::Receiver<bool>,
    watch: &'a Watch,
}

impl Pace<'_> {
    /// Fetches copies of the values that the session's server keeps and the case needs.
    fn fetch(&mut self, case: RegisteredCase, scopes: &mut Scopes<'_>, client: &SessionClient) -> Result<(), End> {
        let needs = session_needs(case.entry.parameters);
        if needs.is_empty() {
            return Ok(());
        }
        let limit = self.limits.setup.saturating_mul(SESSION_TIMEOUT_FACTOR);
        self.watch.begin(Phase::Setup, limit);
        let fetching = fetch(&needs, scopes.session, client);
        self.runtimes.on_harness(bounded(limit, self.cancelled, self.watch, fetching))
    }

    /// Makes the fixtures.
    async fn set_up(&mut self, case: RegisteredCase, scopes: &mut Scopes<'_>) -> Result<Vec<Slot>, SetupEnd> {
        let parameters = case.entry.parameters;
        let limit = self.limits.setup;
        self.watch.begin(Phase::Setup, limit);
        let made = bounded(limit, self.cancelled, self.watch, fill(scopes, parameters)).await;
        end_forked_child(match &made {
            Ok(Ok(_)) => Outcome::Passed,
            Ok(Err(SetupFailure { caught: Caught::Skip(_), .. })) => Outcome::Skipped,
            _ => Outcome::Errored,
        });
        made.map_err(SetupEnd::Stopped)?.map_err(SetupEnd::Failed)
    }

    /// Runs the body, on the runtime that it asks for.
    async fn run(&mut self, case: RegisteredCase, inputs: &mut Inputs) -> (Verdict, Option<OwnRuntime>) {
        let limit = case.entry.meta.timeout.unwrap_or(self.limits.test);
        self.watch.begin(Phase::Body, limit);
        let own = match OwnRuntime::start(case.entry.meta.runtime) {
            Ok(own) => own,
            Err(error) => {
                let problem = Problem::new(format!("the runtime that the test asks for cannot be started: {error}"));
                return (judge(End::Caught(Caught::Panic(problem)), Where::setup(None)), None);
            }
        };
        enter_phase(Phase::Body, None, None);
        let body = run_body(case, inputs, limit, self.cancelled, self.watch);
        let end = match &own {
            Some(own) => own.run(body),
            None => body.await,
        };
        end_forked_child(match end {
            End::Done => Outcome::Passed,
            End::Caught(Caught::Skip(_)) => Outcome::Skipped,
            _ => Outcome::Failed,
        });
        let place = match current_phase() {
            Some(now) => {
                Where { phase: now.phase, description: now.description.map(str::to_owned), place: now.location }
            }
            None => Where { phase: Phase::Body, description: None, place: None },
        };
        (judge(end, place), own)
    }
}

/// Copies of the values that the session's server keeps. Those that cannot be had are remembered with the reason.
async fn fetch(needs: &[SessionNeed], session: &mut ScopeStore, client: &SessionClient) {
    for SessionNeed { fixture, .. } in needs {
        if session.lacks(fixture) {
            let told = client.fetch(fixture).await;
            session.receive(fixture, told);
        }
    }
}

async fn run_body(
    case: RegisteredCase,
    inputs: &mut Inputs,
    limit: Duration,
    cancelled: &mut watch::Receiver<bool>,
    watch: &Watch,
) -> End {
    // The expansion's own function is called under the guard too: it may evaluate arguments of the case.
    let mut body = match catch_panic(|| (case.entry.run)(inputs)) {
        Ok(body) => body,
        Err(caught) => return End::Caught(caught),
    };
    let ended = bounded(limit, cancelled, watch, catch(poll_by_kind(case.entry.kind, body.as_mut()))).await;
    // A body that was cut off still owns values, and dropping them is the test's own code.
    let dropped = catch_panic(|| drop(body));
    match (ended, dropped) {
        (Ok(Ok(Ok(()))), Ok(())) => End::Done,
        (Ok(Ok(Ok(()))), Err(caught)) | (Ok(Err(caught)), _) => End::Caught(caught),
        (Ok(Ok(Err(problem))), _) => End::Caught(Caught::Panic(problem)),
        (Err(end), _) => end,
    }
}

/// Runs a future until it ends, its time is up, or the run is cancelled. While the process is stopped no time passes.
async fn bounded<F: Future>(
    limit: Duration,
    cancelled: &mut watch::Receiver<bool>,
    watch: &Watch,
    future: F,
) -> Result<F::Output, End> {
    // Dropping the future may end what it has started, so that this is looked at before.
    let over = async {
        watch.running_for(limit).await;
        stopped_descendants(std::process::id())
    };
    tokio::select! {
        biased;
        output = future => Ok(output),
        stopped = over => Err(End::TimedOut { limit, stopped }),
        _ = cancelled.wait_for(|cancelled| *cancelled) => Err(End::Cancelled),
    }
}
