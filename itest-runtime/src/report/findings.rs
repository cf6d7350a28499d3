//! The findings of a run that its readers must know: failures, flaky tests, leaks.

use std::collections::BTreeMap;

use super::failure::{headline, status};
use crate::model::{CaseReport, Event, Outcome, SourceLocation, TestId};

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// The finding fails the run.
    Error,
    /// The finding is reported and does not fail the run.
    Warning,
}

/// A failure, a flaky test, or a leak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// The name of the test.
    pub(super) id: TestId,
    /// The source location of the failure, or of the test.
    pub(super) place: SourceLocation,
    /// The outcome in a few words.
    pub(super) outcome: String,
    /// The messages of the failures.
    pub(super) message: String,
}

/// Collects findings during a run. There is one finding for a test that fails in several rounds.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The last attempt of each test that was retried.
    retried: BTreeMap<TestId, CaseReport>,
    by_test: BTreeMap<TestId, Finding>,
}

impl Findings {
    /// Updates the findings with an event.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::CaseRetried(case) => {
                self.retried.insert(case.id.clone(), case.clone());
            }
            Event::CaseFinished(case) => {
                let retried = self.retried.remove(&case.id);
                if let Some(finding) = finding(case, retried.as_ref()) {
                    let known = self.by_test.get(&case.id);
                    if known.is_none_or(|known| known.severity == Severity::Warning) {
                        self.by_test.insert(case.id.clone(), finding);
                    }
                }
            }
            _ => {}
        }
    }

    /// All findings: errors before warnings, each sorted by name.
    pub(super) fn sorted(&self) -> impl Iterator<Item = &Finding> {
        let of = |severity| self.by_test.values().filter(move |finding| finding.severity == severity);
        of(Severity::Error).chain(of(Severity::Warning))
    }
}

fn finding(case: &CaseReport, retried: Option<&CaseReport>) -> Option<Finding> {
    let of = |severity, failed: &CaseReport, outcome: String, message: String| Finding {
        severity,
        id: case.id.clone(),
        place: place(failed).clone(),
        outcome,
        message,
    };
    if !case.report.outcome.is_success() {
        let is_interrupted = case.report.failures.is_empty() && case.report.outcome == Outcome::Interrupted;
        return (!is_interrupted).then(|| of(Severity::Error, case, headline(&case.report), messages(case)));
    }
    if case.attempts > 1 {
        let (_, words) = status(case);
        let failed = retried.unwrap_or(case);
        let before =
            retried.map_or_else(String::new, |failed| format!("\n{}\n{}", headline(&failed.report), messages(failed)));
        return Some(of(Severity::Warning, failed, "flaky".to_owned(), format!("{words}{before}")));
    }
    (!case.report.leaks.is_empty())
        .then(|| of(Severity::Warning, case, "left something behind".to_owned(), case.report.leaks.join(", ")))
}

fn place(case: &CaseReport) -> &SourceLocation {
    let first = case.report.failures.first();
    first.and_then(|failure| failure.problem.location.as_ref()).unwrap_or(&case.location)
}

fn messages(case: &CaseReport) -> String {
    case.report.failures.iter().map(|failure| failure.problem.message.as_str()).collect::<Vec<_>>().join("\n")
}
