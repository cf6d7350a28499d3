//! Derives the report of an attempt, with its outcome and its failures, from how the attempt ended.

use std::time::Duration;

use crate::inject::{BackgroundPanic, Caught, FixtureReports, PhaseLog, TeardownProblem, TestInfo};
use crate::model::{
    AttemptReport, Case, CaseIndex, Failure, Limits, Outcome, PanicRecord, Phase, PlannedFault, Problem, Prospects,
    SourceLocation,
};

/// How setup or the body ended.
pub(super) enum End {
    Done,
    Caught(Caught),
    TimedOut {
        limit: Duration,
        /// The processes of the test that were stopped at that moment.
        stopped: Vec<String>,
    },
    Cancelled,
}

/// The phase that an attempt had reached when it ended.
pub(super) struct ReachedPhase {
    pub(super) phase: Phase,
    pub(super) description: Option<String>,
    /// Where the phase begins in the source.
    pub(super) place: Option<SourceLocation>,
}

impl ReachedPhase {
    pub(super) fn setup(fixture: Option<String>) -> Self {
        Self { phase: Phase::Setup, description: fixture, place: None }
    }
}

/// The result of setup and the body, before teardown.
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    /// The failures of setup, the body and the invariants. The first one determined the outcome.
    pub(super) failures: Vec<Failure>,
    pub(super) skip_reason: Option<String>,
    pub(super) prospects: Prospects,
}

impl Verdict {
    /// The same verdict, or that of the failures that fixtures have reported if nothing else has failed.
    pub(super) fn or_failed_fixtures(self, info: Option<&TestInfo>) -> Self {
        match info.and_then(TestInfo::outcome_of_failures) {
            Some(outcome) if self.outcome.is_success() => Self { outcome, ..self },
            _ => self,
        }
    }

    /// Adds the verdict on an invariant.
    pub(super) fn add(&mut self, later: Self) {
        if self.outcome.is_success() {
            self.outcome = later.outcome;
        }
        self.failures.extend(later.failures);
    }

    /// Whether the test has failed.
    pub(super) fn is_failure(&self) -> bool {
        !self.outcome.is_success() && self.outcome != Outcome::Interrupted
    }
}

/// Derives the verdict from the end of setup or of the body.
pub(super) fn judge(end: End, reached: ReachedPhase) -> Verdict {
    let ReachedPhase { phase, description, place } = reached;
    let without_failure =
        |outcome| Verdict { outcome, failures: Vec::new(), skip_reason: None, prospects: Prospects::Open };
    // A problem without a location gets the location of its phase.
    let failed = |outcome, problem: Problem| {
        let problem = Problem { location: problem.location.or(place), ..problem };
        let failures = vec![Failure { description, ..Failure::new(phase, problem) }];
        Verdict { failures, ..without_failure(outcome) }
    };
    match end {
        End::Done => without_failure(Outcome::Passed),
        End::Caught(Caught::Skip(reason)) => Verdict { skip_reason: Some(reason), ..without_failure(Outcome::Skipped) },
        End::Caught(Caught::Panic(problem)) => failed(phase.failure_outcome(), problem),
        End::TimedOut { limit, stopped } => {
            let budget = match phase {
                Phase::Setup => "setup",
                Phase::Invariants => "the invariant",
                _ => "the test",
            };
            let stopped = match stopped.as_slice() {
                [] => String::new(),
                stopped => format!("; stopped processes: {}", stopped.join(", ")),
            };
            failed(Outcome::TimedOut, Problem::new(format!("{budget} did not end within {limit:?}{stopped}")))
        }
        End::Cancelled => without_failure(Outcome::Interrupted),
    }
}

/// The report of an attempt, after its teardown.
pub(super) fn report(
    index: CaseIndex,
    verdict: Verdict,
    problems: Vec<TeardownProblem>,
    log: PhaseLog,
) -> AttemptReport {
    let Verdict { mut outcome, mut failures, skip_reason, prospects } = verdict;
    if let (Outcome::Passed, Some(overrun)) = (outcome, log.overruns.first()) {
        outcome = overrun.phase.failure_outcome();
    }
    failures.extend(log.overruns);
    for TeardownProblem { what, timed_out, problem } in problems {
        if outcome.is_success() {
            outcome = if timed_out { Outcome::TimedOut } else { Outcome::Errored };
        }
        failures.push(Failure { description: Some(what), ..Failure::new(Phase::Teardown, problem) });
    }
    AttemptReport {
        case: index,
        number: 0,
        outcome,
        phases: log.phases,
        failures,
        skip_reason,
        prospects,
        leaks: Vec::new(),
        notes: Vec::new(),
        exchanges: Vec::new(),
        calls: None,
        kept: None,
    }
}

/// Adds the reports of the fixtures. Their failures stand before that of the body, because they may be its cause, and fail the test even if
/// the body has passed.
pub(super) fn add_fixture_reports(report: &mut AttemptReport, reports: FixtureReports) {
    let FixtureReports { notes, exchanges, failures, calls } = reports;
    if let Some(first) = failures.first()
        && report.outcome.is_success()
    {
        report.outcome = first.phase.failure_outcome();
    }
    report.failures.splice(0..0, failures);
    report.notes = notes;
    report.exchanges = exchanges;
    report.calls = calls;
}

/// Adds what the fault that the user has named has shown: calls that should have been answered, and transactions that were left open. A
/// fault that no call has got fails the test, because its result would say nothing.
pub(super) fn add_effects_of_fault(report: &mut AttemptReport, planned: &PlannedFault) {
    let Some(calls) = report.calls.take() else { return };
    report.leaks.extend(calls.unfinished);
    let is_judged = !matches!(report.outcome, Outcome::Skipped | Outcome::Interrupted);
    let mut messages = Vec::new();
    if is_judged && !calls.is_injected {
        let made: Vec<String> = calls.calls.iter().map(|observed| observed.call.to_string()).collect();
        let made = if made.is_empty() { "none that itest sees".to_owned() } else { made.join(", ") };
        messages.push(format!("no call got the fault `{planned}`; the test's calls are: {made}"));
    }
    if report.outcome.is_success() {
        let success =
            |stub: String| format!("a false success: the test passed although no call of {stub} has succeeded");
        messages.extend(calls.unanswered.into_iter().map(success));
    }
    for message in messages {
        if report.outcome.is_success() {
            report.outcome = Outcome::Failed;
        }
        report.failures.push(Failure::new(Phase::Body, Problem::new(message)));
    }
}

/// Adds the panics of threads and tasks to the report of the test that they happened in. They fail that test.
pub(super) fn add_background_panics(report: &mut AttemptReport, panics: Vec<BackgroundPanic>) {
    for BackgroundPanic { phase, thread, problem } in panics {
        if report.outcome.is_success() {
            report.outcome = phase.failure_outcome();
        }
        report.failures.push(Failure { thread: Some(thread), ..Failure::new(phase, problem) });
    }
}

/// The end of a worker before its case was over: the worker was killed, or it died.
pub(super) struct WorkerEnd {
    /// The phase that the worker had reached.
    pub(super) phase: Phase,
    /// The panics of the case before the end.
    pub(super) panics: Vec<PanicRecord>,
    /// What happened to the worker, as text for the report.
    pub(super) reason: String,
}

/// The report of a case whose worker was killed because the case overran its deadline.
pub(super) fn hung(case: &Case, end: WorkerEnd, limits: &Limits) -> AttemptReport {
    let within = |limit: Duration| format!("{limit:?}");
    let (what, limit) = match end.phase {
        Phase::Setup => ("setup", within(limits.setup)),
        Phase::Teardown => ("a step of teardown", within(limits.teardown)),
        // The invariant may have a limit of its own, and the supervisor does not know which invariant ran.
        Phase::Invariants => ("an invariant", "its time limit".to_owned()),
        _ => ("the test", within(limits.of_test(case.meta.timeout))),
    };
    let reason = format!("{what} did not end within {limit} and did not react to its cancellation ({})", end.reason);
    ended(case, Outcome::TimedOut, WorkerEnd { reason, ..end })
}

/// The report of a case whose worker died by itself.
pub(super) fn died(case: &Case, end: WorkerEnd) -> AttemptReport {
    ended(case, Outcome::Crashed, end)
}

/// A report with the panics first, in their order, because the first panic is usually the cause of the rest.
fn ended(case: &Case, outcome: Outcome, end: WorkerEnd) -> AttemptReport {
    let WorkerEnd { phase, panics, reason } = end;
    let of_panic = |PanicRecord { phase, thread, problem, .. }| Failure { thread, ..Failure::new(phase, problem) };
    let mut failures: Vec<Failure> = panics.into_iter().map(of_panic).collect();
    let problem = Problem { location: Some(case.location.clone()), ..Problem::new(reason) };
    failures.push(Failure::new(phase, problem));
    AttemptReport { outcome, failures, ..AttemptReport::interrupted(case.index) }
}
