//! What the end of an attempt means: outcome, failures, and where they belong.

use std::time::Duration;

use crate::inject::{BackgroundPanic, Caught, PhaseLog, TeardownProblem};
use crate::model::{
    AttemptReport, Case, CaseIndex, Failure, Limits, Outcome, PanicRecord, Phase, Problem, Prospects, SourceLocation,
};

/// How setup or the body ended.
pub(super) enum End {
    Done,
    Caught(Caught),
    TimedOut {
        limit: Duration,
        /// The programs of the test that were stopped then.
        stopped: Vec<String>,
    },
    Cancelled,
}

/// Where an attempt was when it ended.
pub(super) struct Where {
    pub(super) phase: Phase,
    pub(super) description: Option<String>,
    pub(super) place: Option<SourceLocation>,
}

impl Where {
    pub(super) fn setup(fixture: Option<String>) -> Self {
        Self { phase: Phase::Setup, description: fixture, place: None }
    }
}

/// What is known before teardown.
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) failure: Option<Failure>,
    pub(super) skip_reason: Option<String>,
    pub(super) prospects: Prospects,
}

/// What the end of setup or of the body means.
pub(super) fn judge(end: End, at: Where) -> Verdict {
    let Where { phase, description, place } = at;
    let plain = |outcome| Verdict { outcome, failure: None, skip_reason: None, prospects: Prospects::Open };
    // The mark of the phase is the best place that is known where the panic's own is not.
    let failed = |outcome, problem: Problem| {
        let problem = Problem { location: problem.location.or(place), ..problem };
        Verdict { failure: Some(Failure { description, ..Failure::new(phase, problem) }), ..plain(outcome) }
    };
    match end {
        End::Done => plain(Outcome::Passed),
        End::Caught(Caught::Skip(reason)) => Verdict { skip_reason: Some(reason), ..plain(Outcome::Skipped) },
        End::Caught(Caught::Panic(problem)) => failed(phase.failure_outcome(), problem),
        End::TimedOut { limit, stopped } => {
            let budget = if phase == Phase::Setup { "setup" } else { "the test" };
            let stopped = match stopped.as_slice() {
                [] => String::new(),
                stopped => format!("; stopped processes: {}", stopped.join(", ")),
            };
            failed(Outcome::TimedOut, Problem::new(format!("{budget} did not end within {limit:?}{stopped}")))
        }
        End::Cancelled => plain(Outcome::Interrupted),
    }
}

/// The report of an attempt that has been torn down.
pub(super) fn report(
    index: CaseIndex,
    verdict: Verdict,
    problems: Vec<TeardownProblem>,
    log: PhaseLog,
) -> AttemptReport {
    let mut outcome = verdict.outcome;
    let mut failures: Vec<Failure> = verdict.failure.into_iter().collect();
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
        notes: Vec::new(),
        kept: None,
    }
}

/// Panics of threads and tasks fail the test that they happened in.
pub(super) fn add_background_panics(report: &mut AttemptReport, panics: Vec<BackgroundPanic>) {
    for BackgroundPanic { phase, thread, problem } in panics {
        if report.outcome.is_success() {
            report.outcome = phase.failure_outcome();
        }
        report.failures.push(Failure { thread: Some(thread), ..Failure::new(phase, problem) });
    }
}

/// How a case's worker was ended, or ended by itself, before the case was over.
pub(super) struct WorkerEnd {
    /// Where the worker was.
    pub(super) phase: Phase,
    /// The panics that the case had until then.
    pub(super) panics: Vec<PanicRecord>,
    /// What happened to the worker, in words.
    pub(super) reason: String,
}

/// The report of a case whose worker was ended because the case overran its deadline.
pub(super) fn hung(case: &Case, end: WorkerEnd, limits: &Limits) -> AttemptReport {
    let (what, limit) = match end.phase {
        Phase::Setup => ("setup", limits.setup),
        Phase::Teardown => ("a step of teardown", limits.teardown),
        _ => ("the test", case.meta.timeout.unwrap_or(limits.test)),
    };
    let reason = format!("{what} did not end within {limit:?} and did not react to its cancellation ({})", end.reason);
    ended(case, Outcome::TimedOut, WorkerEnd { reason, ..end })
}

/// The report of a case whose worker died by itself.
pub(super) fn died(case: &Case, end: WorkerEnd) -> AttemptReport {
    ended(case, Outcome::Crashed, end)
}

/// What happened, in its order: most of the time the first panic is the cause of the rest.
fn ended(case: &Case, outcome: Outcome, end: WorkerEnd) -> AttemptReport {
    let WorkerEnd { phase, panics, reason } = end;
    let of_panic = |PanicRecord { phase, thread, problem, .. }| Failure { thread, ..Failure::new(phase, problem) };
    let mut failures: Vec<Failure> = panics.into_iter().map(of_panic).collect();
    let problem = Problem { location: Some(case.location.clone()), ..Problem::new(reason) };
    failures.push(Failure::new(phase, problem));
    AttemptReport { outcome, failures, ..AttemptReport::interrupted(case.index) }
}
