//! The reports of attempts whose worker cannot report any more.

use crate::model::{AttemptReport, Case, Failure, Limits, Outcome, Phase, Problem};

/// The worker was killed because the case overran its deadline.
pub(super) fn hung(case: &Case, phase: Phase, limits: &Limits) -> AttemptReport {
    let (what, limit) = match phase {
        Phase::Setup => ("setup", limits.setup),
        Phase::Teardown => ("a step of teardown", limits.teardown),
        _ => ("the test", case.meta.timeout.unwrap_or(limits.test)),
    };
    let message = format!(
        "{what} did not end within {limit:?}, nor when it was asked to (it blocks its thread); its process was killed"
    );
    ended(case, Outcome::TimedOut, phase, message)
}

/// The worker died by itself.
pub(super) fn died(case: &Case, phase: Phase, reason: String) -> AttemptReport {
    ended(case, Outcome::Crashed, phase, reason)
}

fn ended(case: &Case, outcome: Outcome, phase: Phase, message: String) -> AttemptReport {
    let problem = Problem { location: Some(case.location.clone()), ..Problem::new(message) };
    let failure = Failure { phase, description: None, problem };
    AttemptReport { outcome, failures: vec![failure], ..AttemptReport::interrupted(case.index) }
}
