//! What a suite should test next, the most important first.

use crate::model::{IntegrationCoverage, PointCoverage, PointKind, PointState, SeenWhen};

/// Statuses with which a service refuses a caller that it does not know.
const UNAUTHENTICATED: [&str; 2] = ["401", "403"];

/// The recommendation that follows from a point, if there is one.
type Rule<'r> = &'r dyn Fn(&PointCoverage) -> Option<String>;

/// The recommendations that follow from a coverage, the most important first.
pub(super) fn recommendations(coverage: &IntegrationCoverage) -> Vec<String> {
    // Without any such status, the service probably has no authentication.
    let has_authentication = coverage.points.iter().any(|point| is_endpoint(point) && is_refused(point));
    let rules: [Rule<'_>; 8] = [
        &|point| unused(point, PointKind::Endpoint, "Call", " in a test: no test does."),
        &|point| unused(point, PointKind::Call, "Test", ": no test makes the code under test send it."),
        &|point| if has_authentication { unauthenticated(point) } else { None },
        &never_failed,
        &|point| unconsumed(point, coverage),
        &|point| unused_event(point),
        &in_doubt,
        &unused_data,
    ];
    let mut texts = Vec::new();
    for rule in rules {
        texts.extend(coverage.points.iter().filter_map(rule));
    }
    texts
}

fn is_endpoint(point: &PointCoverage) -> bool {
    point.kind == PointKind::Endpoint
}

fn is_refused(point: &PointCoverage) -> bool {
    UNAUTHENTICATED.iter().any(|status| point.outcomes.contains_key(*status))
}

fn unused(point: &PointCoverage, kind: PointKind, verb: &str, reason: &str) -> Option<String> {
    (point.kind == kind && point.state == PointState::Never).then(|| format!("{verb} `{}`{reason}", point.point))
}

/// An endpoint that never refused a caller, although other endpoints do.
fn unauthenticated(point: &PointCoverage) -> Option<String> {
    let is_open = is_endpoint(point) && point.state == PointState::Covered && !is_refused(point);
    is_open.then(|| {
        format!("Call `{}` without authentication in a test: other endpoints answer 401 or 403, and no test has tried it here.", point.point)
    })
}

/// A request that never failed, whether by itself or by a fault.
fn never_failed(point: &PointCoverage) -> Option<String> {
    let is_request = matches!(point.kind, PointKind::Endpoint | PointKind::Call);
    let has_failed = point.outcomes.iter().any(|(outcome, when)| *when == SeenWhen::UnderFault || is_failure(outcome));
    let is_used = point.state == PointState::Covered && !point.outcomes.is_empty();
    (is_request && is_used && !has_failed)
        .then(|| format!("Test the failure of `{}`: no test has seen it fail.", point.point))
}

fn is_failure(outcome: &str) -> bool {
    outcome.starts_with(['4', '5']) || outcome == "no response" || outcome.starts_with("error ")
}

/// An event that the code under test publishes, and that no test has seen delivered.
fn unconsumed(point: &PointCoverage, coverage: &IntegrationCoverage) -> Option<String> {
    let topic = point.point.strip_prefix("publish ")?;
    let is_consumed = coverage.points.iter().any(|other| {
        other.kind == PointKind::Consume
            && other.state.is_covered()
            && other.point.strip_prefix("consume ") == Some(topic)
    });
    (point.state.is_covered() && !is_consumed).then(|| {
        format!("Consume `{topic}` in a test: the code under test publishes it, and no test has seen a delivery.")
    })
}

fn unused_event(point: &PointCoverage) -> Option<String> {
    let reason = ": no test of the run has seen this event.";
    unused(point, PointKind::Publish, "Test", reason).or_else(|| unused(point, PointKind::Consume, "Test", reason))
}

fn in_doubt(point: &PointCoverage) -> Option<String> {
    match point.state {
        PointState::OnlyUnderFaults => {
            Some(format!("Use `{}` without an injected fault in a test that passes.", point.point))
        }
        PointState::OnlyInFailedTests => {
            Some(format!("Repair the tests that use `{}`: none of them passes.", point.point))
        }
        PointState::Covered | PointState::Declared | PointState::Never => None,
    }
}

fn unused_data(point: &PointCoverage) -> Option<String> {
    let reason = " in a test that passes: no test does.";
    unused(point, PointKind::Table, "Use", reason).or_else(|| unused(point, PointKind::Workflow, "Run", reason))
}
