//! One attempt at one case: setup, the body, teardown; whatever happens, the next step comes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::watch::Watch;
use crate::inject::{
    Caught, Inputs, Ledger, PhaseLog, RegisteredCase, Scope, ScopeStore, Scopes, SessionNeed, TeardownProblem,
    TestInfo, begin_phases, catch, catch_panic, current_phase, end_phases, enter_phase, fill, poll_by_kind,
    return_lent, session_needs, take_background_panics,
};
use crate::model::{
    AttemptReport, CaseIndex, Failed, Failure, Kept, Outcome, Phase, Problem, Prospects, SourceLocation, Turn,
    WorkerConfig, WorkerId,
};
use crate::session::SessionClient;

/// What an attempt needs besides its case.
pub(super) struct Surroundings<'a> {
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
    /// Becomes true when the run is cancelled.
    pub(super) cancelled: &'a mut watch::Receiver<bool>,
    /// Tells where the attempt is.
    pub(super) watch: &'a Watch,
}

/// How setup or the body ended.
enum End {
    Done,
    Caught(Caught),
    TimedOut(Duration),
    Cancelled,
}

/// Where an attempt was when it ended.
struct Where {
    phase: Phase,
    description: Option<String>,
    place: Option<SourceLocation>,
}

impl Where {
    fn setup(fixture: Option<String>) -> Self {
        Self { phase: Phase::Setup, description: fixture, place: None }
    }
}

/// What is known before teardown.
struct Verdict {
    outcome: Outcome,
    failure: Option<Failure>,
    skip_reason: Option<String>,
    prospects: Prospects,
}

/// Where nobody awaited what happened.
const IN_BACKGROUND: &str = "a spawned thread or task";

/// The session's server has limits of its own, one for each fixture; this one is for a server that does not answer.
const SESSION_PATIENCE: u32 = 8;

/// An attempt that is over.
pub(super) struct Attempted {
    pub(super) report: AttemptReport,
    /// What the test has taken, where it is to be kept.
    pub(super) kept: Option<ScopeStore>,
}

/// Runs one case from setup to teardown.
pub(super) async fn attempt(turn: Turn, case: RegisteredCase, surroundings: Surroundings<'_>) -> Attempted {
    let Surroundings { session, worker, client, ledger, config, id, cancelled, watch } = surroundings;
    let WorkerConfig { limits, seed, show_data, .. } = config;
    let entry = case.entry;
    let location = SourceLocation::new(entry.location);
    // Only fixtures ask for it, and most tests of a large suite have few.
    let info = (!entry.parameters.is_empty())
        .then(|| TestInfo::new(case.id(), location, *entry.meta, *seed, id).during(turn, *show_data));
    let observer = watch.clone();
    begin_phases(Box::new(move |phase| observer.enter(phase)));

    let mut test = ScopeStore::new(ledger);
    let needs = session_needs(entry.parameters);
    let fetched = if needs.is_empty() {
        Ok(())
    } else {
        let patience = limits.setup.saturating_mul(SESSION_PATIENCE);
        watch.begin(Phase::Setup, patience);
        bounded(patience, cancelled, watch, fetch(&needs, session, client)).await
    };
    let mut scopes = Scopes { session, worker, test: &mut test, info: info.as_ref(), making: Vec::new() };
    if !entry.parameters.is_empty() {
        watch.begin(Phase::Setup, limits.setup);
    }
    let setup = match fetched {
        Ok(()) => bounded(limits.setup, cancelled, watch, fill(&mut scopes, entry.parameters)).await,
        Err(end) => Err(end),
    };
    let making = scopes.making.last().map(|fixture| fixture.short_name());

    let verdict = match setup {
        Ok(Ok(slots)) => {
            let limit = entry.meta.timeout.unwrap_or(limits.test);
            watch.begin(Phase::Body, limit);
            enter_phase(Phase::Body, None, None);
            let teardown = scopes.test.teardown().clone();
            let mut inputs = Inputs::new(slots, case.row as usize, teardown, info.clone());
            let end = run_body(case, &mut inputs, limit, cancelled, watch).await;
            let place = match current_phase() {
                Some(now) => {
                    Where { phase: now.phase, description: now.description.map(str::to_owned), place: now.place }
                }
                None => Where { phase: Phase::Body, description: None, place: None },
            };
            let verdict = judge(end, place);
            return_lent(&mut scopes, entry.parameters, inputs.into_slots());
            verdict
        }
        Ok(Err(failure)) => {
            let verdict = judge(End::Caught(failure.caught), Where::setup(Some(failure.fixture)));
            // The session's fixtures are made once in a run, well or not.
            let prospects = if failure.scope == Scope::Session { Prospects::None } else { Prospects::Open };
            Verdict { prospects, ..verdict }
        }
        Err(end) => judge(end, Where::setup(making)),
    };

    if config.failed == Failed::Keep && verdict.failure.is_some() {
        let kept = Kept { process: std::process::id(), steps: test.steps() };
        let report = report(turn.case, verdict, take_background_panics(), Vec::new(), end_phases());
        return Attempted { report: AttemptReport { kept: Some(kept), ..report }, kept: Some(test) };
    }
    enter_phase(Phase::Teardown, None, None);
    let problems =
        test.unwind(verdict.outcome, limits.teardown, || watch.begin(Phase::Teardown, limits.teardown)).await;
    let report = report(turn.case, verdict, take_background_panics(), problems, end_phases());
    Attempted { report, kept: None }
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
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = watch.running_for(limit) => Err(End::TimedOut(limit)),
        _ = cancelled.wait_for(|cancelled| *cancelled) => Err(End::Cancelled),
    }
}

fn judge(end: End, at: Where) -> Verdict {
    let Where { phase, description, place } = at;
    let plain = |outcome| Verdict { outcome, failure: None, skip_reason: None, prospects: Prospects::Open };
    let failed =
        |outcome, problem| Verdict { failure: Some(Failure { phase, description, problem }), ..plain(outcome) };
    match end {
        End::Done => plain(Outcome::Passed),
        End::Caught(Caught::Skip(reason)) => Verdict { skip_reason: Some(reason), ..plain(Outcome::Skipped) },
        End::Caught(Caught::Panic(problem)) => failed(phase.failure_outcome(), problem),
        End::TimedOut(limit) => {
            let budget = if phase == Phase::Setup { "setup" } else { "the test" };
            let message = format!("{budget} did not end within {limit:?}");
            failed(Outcome::TimedOut, Problem { location: place, ..Problem::new(message) })
        }
        End::Cancelled => plain(Outcome::Interrupted),
    }
}

fn report(
    index: CaseIndex,
    verdict: Verdict,
    background_panics: Vec<Problem>,
    problems: Vec<TeardownProblem>,
    log: PhaseLog,
) -> AttemptReport {
    let mut outcome = verdict.outcome;
    let mut failures: Vec<Failure> = verdict.failure.into_iter().collect();
    if let (Outcome::Passed, Some(overrun)) = (outcome, log.overruns.first()) {
        outcome = overrun.phase.failure_outcome();
    }
    failures.extend(log.overruns);
    for problem in background_panics {
        if outcome.is_success() {
            outcome = Outcome::Failed;
        }
        failures.push(Failure { phase: Phase::Body, description: Some(IN_BACKGROUND.to_owned()), problem });
    }
    for TeardownProblem { what, timed_out, problem } in problems {
        if outcome.is_success() {
            outcome = if timed_out { Outcome::TimedOut } else { Outcome::Errored };
        }
        failures.push(Failure { phase: Phase::Teardown, description: Some(what), problem });
    }
    let Verdict { skip_reason, prospects, .. } = verdict;
    AttemptReport {
        case: index,
        number: 0,
        outcome,
        phases: log.phases,
        failures,
        skip_reason,
        prospects,
        leaks: Vec::new(),
        kept: None,
    }
}
