//! Redaction of events. The messages of a run must not contain secrets, even if user code put them there.

use std::borrow::Cow;

use super::text::redacted;
use crate::model::{CaseReport, ContractViolation, Event, Exchange, Failure, Note, Summary};

impl Event {
    /// Hides the secrets in everything that the harness itself writes. The output of tests stays unchanged, byte for byte.
    pub(crate) fn redact(&mut self) {
        match self {
            Self::RunStarted { facts, .. } => {
                facts.arguments.iter_mut().for_each(hide);
                facts.environment.values_mut().for_each(hide);
            }
            Self::CaseIgnored { reason, .. } => {
                if let Cow::Owned(shown) = redacted(reason) {
                    *reason = shown.into();
                }
            }
            Self::CaseRetried(case) | Self::CaseFinished(case) => redact_case(case),
            Self::Warning(message) => hide(message),
            Self::RunFinished(summary) => redact_summary(summary),
            Self::CaseStarted { .. } | Self::CaseSlow(_) | Self::Progress { .. } | Self::Interrupting { .. } => {}
        }
    }
}

fn redact_case(case: &mut CaseReport) {
    let report = &mut case.report;
    let is_silent =
        report.failures.is_empty() && report.leaks.is_empty() && report.notes.is_empty() && report.exchanges.is_empty();
    if is_silent && report.skip_reason.is_none() && report.kept.is_none() {
        // Most reports have no text to redact, so that returning early saves time in runs with thousands of tests.
        return;
    }
    for Failure { description, problem, .. } in &mut report.failures {
        hide(&mut problem.message);
        problem.backtrace.iter_mut().chain(description).for_each(hide);
    }
    report.skip_reason.iter_mut().for_each(hide);
    report.leaks.iter_mut().for_each(hide);
    for Note { title, text, .. } in &mut report.notes {
        hide(title);
        hide(text);
    }
    for Exchange { operation, request, response, fault, remark, violations, .. } in &mut report.exchanges {
        [operation, request, response].into_iter().chain(fault).chain(remark).for_each(hide);
        for ContractViolation { expected, actual, .. } in violations {
            hide(expected);
            hide(actual);
        }
    }
    report.kept.iter_mut().flat_map(|kept| &mut kept.steps).for_each(hide);
}

fn redact_summary(summary: &mut Summary) {
    let Summary { used, problems, swept, .. } = summary;
    used.iter_mut().chain(problems).chain(&mut swept.recovered.problems).for_each(hide);
}

fn hide(text: &mut String) {
    if let Cow::Owned(shown) = redacted(text) {
        *text = shown;
    }
}
