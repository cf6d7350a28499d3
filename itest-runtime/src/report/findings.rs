//! What somebody who did not see the run has to know of it: failures, flaky tests, leaks.

use std::collections::BTreeMap;

use super::failure::{headline, status};
use crate::model::{CaseReport, Event, Outcome, SourceLocation, TestId};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// The run is red because of it.
    Error,
    /// It is told.
    Warning,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// The test.
    pub(super) id: TestId,
    /// Where to look.
    pub(super) place: SourceLocation,
    /// What it came to, in a few words.
    pub(super) outcome: String,
    /// What happened.
    pub(super) message: String,
}

/// Gathers them while a run goes on. A test that fails in many rounds is found once.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Of each test the last attempt that was tried again.
    retried: BTreeMap<TestId, CaseReport>,
    found: BTreeMap<TestId, Finding>,
}

impl Findings {
    /// Learns from an event.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::CaseRetried(case) => {
                self.retried.insert(case.id.clone(), case.clone());
            }
            Event::CaseFinished(case) => {
                let retried = self.retried.remove(&case.id);
                if let Some(finding) = finding(case, retried.as_ref()) {
                    let known = self.found.get(&case.id);
                    if known.is_none_or(|known| known.severity == Severity::Warning) {
                        self.found.insert(case.id.clone(), finding);
                    }
                }
            }
            _ => {}
        }
    }

    /// All of them, the worst first, then by name.
    pub(super) fn sorted(&self) -> impl Iterator<Item = &Finding> {
        let of = |severity| self.found.values().filter(move |finding| finding.severity == severity);
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
