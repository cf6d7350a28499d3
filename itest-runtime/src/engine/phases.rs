//! The phases of one attempt: setup, the body, the invariants and teardown, each with its time limit.

use std::time::Duration;

use tokio::sync::watch;

use super::judgement::{End, ReachedPhase, Verdict, judge};
use super::position::PositionPublisher;
use super::runtimes::{OwnRuntime, Runtimes};
use crate::inject::{
    Caught, Inputs, InvariantEntry, RegisteredCase, ScopeStore, Scopes, SessionNeed, SetupFailure, Slot,
    TeardownProblem, catch, catch_panic, current_phase, enter_phase, fill, running_attempt, session_needs,
};
use crate::model::{CallPlan, Limits, Outcome, Phase, Problem, SourceLocation};
use crate::process::{end_forked_child, stopped_descendants};
use crate::session::SessionClient;

/// The session server limits the setup of each session fixture itself. A client waits this many times the setup limit, in case the server
/// does not respond.
const SESSION_TIMEOUT_FACTOR: u32 = 8;

/// Why setup ended before the body could run.
pub(super) enum SetupEnd {
    /// A fixture failed.
    Failed(SetupFailure),
    /// The time was over, or the run was cancelled.
    Stopped(End),
}

/// Runs the phases of an attempt, each with its time limit.
pub(super) struct PhaseRunner<'a> {
    pub(super) runtimes: &'a Runtimes,
    pub(super) limits: &'a Limits,
    pub(super) calls: &'a CallPlan,
    pub(super) cancelled: &'a mut watch::Receiver<bool>,
    pub(super) position: &'a PositionPublisher,
}

impl PhaseRunner<'_> {
    /// Fetches the values of the session fixtures that the case needs.
    pub(super) fn fetch(
        &mut self,
        case: RegisteredCase,
        scopes: &mut Scopes<'_>,
        client: &SessionClient,
    ) -> Result<(), End> {
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
    pub(super) async fn set_up(
        &mut self,
        case: RegisteredCase,
        scopes: &mut Scopes<'_>,
    ) -> Result<Vec<Slot>, SetupEnd> {
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
    pub(super) async fn run(&mut self, case: RegisteredCase, inputs: &mut Inputs) -> (Verdict, Option<OwnRuntime>) {
        let limit = self.calls.limit_of(self.limits.of_test(case.entry.meta.timeout));
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

    /// Runs the invariants after the body, also if it has failed, and adds the broken ones to the verdict. After a test that was skipped,
    /// cancelled or never begun, no invariant runs.
    pub(super) async fn check_invariants(
        &mut self,
        invariants: &[&'static InvariantEntry],
        mut verdict: Verdict,
        own: Option<&OwnRuntime>,
        scopes: &mut Scopes<'_>,
    ) -> Verdict {
        // An invariant may wait for tasks that the body has started, so they must be able to run.
        let driver = own.filter(|_| !invariants.is_empty()).and_then(OwnRuntime::drive);
        let has_begun = verdict.failures.iter().all(|failure| failure.phase != Phase::Setup);
        if !has_begun || matches!(verdict.outcome, Outcome::Skipped | Outcome::Interrupted) {
            return verdict;
        }
        for invariant in invariants {
            let end = self.check(invariant, scopes).await;
            let is_cancelled = matches!(end, End::Cancelled);
            let place = Some(SourceLocation::new(invariant.location));
            let reached =
                ReachedPhase { phase: Phase::Invariants, description: Some(invariant.name.to_owned()), place };
            verdict.add(judge(end, reached));
            if is_cancelled {
                break;
            }
        }
        drop(driver);
        verdict
    }

    /// Runs the teardown of the test's scope.
    pub(super) fn tear_down(
        &self,
        test: &mut ScopeStore,
        outcome: Outcome,
        own: Option<&OwnRuntime>,
    ) -> Vec<TeardownProblem> {
        enter_phase(Phase::Teardown, None, None);
        if test.is_empty() {
            return Vec::new();
        }
        // Teardown may wait for tasks that the body has started, so they must be able to run.
        let _driver = own.and_then(OwnRuntime::drive);
        let limit = self.limits.teardown;
        let before_step = || self.position.begin_phase(Phase::Teardown, limit);
        self.runtimes.on_harness(test.unwind(outcome, limit, before_step))
    }

    async fn check(&mut self, invariant: &'static InvariantEntry, scopes: &mut Scopes<'_>) -> End {
        let limit = self.limits.of_test(invariant.timeout);
        self.position.begin_phase(Phase::Invariants, limit);
        enter_phase(Phase::Invariants, Some(invariant.name), None);
        let checked = async {
            let slots = fill(scopes, invariant.parameters).await.map_err(|failure| failure.caught)?;
            let mut inputs = Inputs::new(slots, 0, scopes.test.teardown().clone(), scopes.info.cloned());
            let function = catch_panic(|| invariant.function.call(&mut inputs))?;
            catch(function).await?.map_err(Caught::Panic)
        };
        let end = match bounded(limit, self.cancelled, self.position, checked).await {
            Ok(Ok(())) => End::Done,
            Ok(Err(Caught::Skip(reason))) => {
                let message =
                    format!("an invariant cannot be skipped; return early instead (the reason was: {reason})");
                End::Caught(Caught::Panic(Problem::new(message)))
            }
            Ok(Err(caught)) => End::Caught(caught),
            Err(end) => end,
        };
        end_forked_child(if matches!(end, End::Done) { Outcome::Passed } else { Outcome::Failed });
        end
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
    if let (Ok(Err(Caught::Panic(_))), Some(attempt)) = (&ended, running_attempt()) {
        attempt.note_panic();
    }
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
