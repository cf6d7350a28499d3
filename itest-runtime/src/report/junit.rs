//! The report for CI systems: JUnit XML, which is written when the run is over.
//!
//! A failed assertion is a `failure`; a problem of the environment or a crash is an `error`. Attempts before the last
//! one are `flakyFailure` or `rerunFailure`, as in Maven Surefire's schema.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::Reporter;
use super::failure::{headline, last_exchanges};
use crate::model::{
    AttemptReport, CaseReport, Event, Outcome, Phase, PhaseTime, Quarantine, Summary, TestId, notes_as_text,
};

/// The reporter that collects cases until the run is over.
#[derive(Debug)]
pub(crate) struct Junit {
    suite: TestSuite,
    name: String,
    /// The attempts of each test before its last one.
    earlier: HashMap<TestId, Vec<CaseReport>>,
}

impl Junit {
    /// Creates a report for the suite with this name.
    #[must_use]
    pub(crate) fn new(name: &str) -> Self {
        Self { suite: TestSuite::new(name), name: name.to_owned(), earlier: HashMap::new() }
    }

    fn add(&mut self, report: &CaseReport) {
        let earlier = self.earlier.remove(&report.id).unwrap_or_default();
        let mut case = TestCase::new(&*xml_safe(report.id.as_str()), status(report, &earlier));
        case.set_classname(self.name.as_str()).set_time(report.elapsed);
        case.add_property(Property::new("location", report.location.as_str()));
        case.add_property(Property::new("worker", report.worker.0.to_string()));
        if let Some(Quarantine { owner, reason, until }) = &report.quarantine {
            let until = until.to_string();
            for (name, value) in [("owner", owner), ("reason", reason), ("until", &until)] {
                case.add_property(Property::new(format!("quarantine_{name}"), value.as_str()));
            }
        }
        for PhaseTime { phase, elapsed, .. } in &report.report.phases {
            case.add_property(Property::new(
                format!("{}_us", format!("{phase:?}").to_lowercase()),
                elapsed.as_micros().to_string(),
            ));
        }
        if !report.report.outcome.is_success() {
            for exchange in last_exchanges(report) {
                case.add_property(Property::new("exchange", &*xml_safe(&exchange)));
            }
        }
        if !report.output.stdout.is_empty() {
            case.set_system_out(captured_text(&report.output.stdout));
        }
        let errors = [&report.output.stderr, notes_as_text(&report.report.notes).as_bytes()].concat();
        if !errors.is_empty() {
            case.set_system_err(captured_text(&errors));
        }
        self.suite.add_test_case(case);
    }

    fn write(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        let mut suite = std::mem::replace(&mut self.suite, TestSuite::new(self.name.as_str()));
        suite.set_time(summary.elapsed);
        if !summary.problems.is_empty() {
            suite.set_system_err(&*xml_safe(&summary.problems.join("\n")));
        }
        let mut report = Report::new(self.name.as_str());
        report.set_time(summary.elapsed).add_test_suite(suite);
        report.serialize(out).map_err(io::Error::other)
    }
}

impl Reporter for Junit {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::RunStarted { seed, order, facts, .. } => {
                if let Some(part) = &facts.shard {
                    self.suite.add_property(Property::new("shard", part.shard.to_string()));
                }
                self.suite.add_property(Property::new("seed", seed.to_string()));
                self.suite.add_property(Property::new("order", format!("{order:?}").to_lowercase()));
            }
            Event::CaseIgnored { id, reason } => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(&*xml_safe(reason));
                let mut case = TestCase::new(&*xml_safe(id.as_str()), status);
                // JUnit schemas require a time for each case.
                case.set_classname(self.name.as_str()).set_time(Duration::ZERO);
                self.suite.add_test_case(case);
            }
            Event::CaseRetried(report) => self.earlier.entry(report.id.clone()).or_default().push(report.clone()),
            Event::CaseFinished(report) => self.add(report),
            Event::RunFinished(summary) => return self.write(summary, out),
            Event::CaseStarted { .. }
            | Event::CaseSlow(_)
            | Event::Progress { .. }
            | Event::Warning(_)
            | Event::Interrupting { .. } => {}
        }
        Ok(())
    }
}

fn status(report: &CaseReport, earlier: &[CaseReport]) -> TestCaseStatus {
    if let Some(quarantine) = &report.quarantine {
        // CI systems show skipped tests in yellow and do not count them as failures. The schema has no place for
        // earlier attempts in a skipped test.
        let mut status = TestCaseStatus::skipped();
        status.set_message(format!("quarantined ({}; {quarantine})", headline(&report.report)));
        status.set_description(description(report));
        return status;
    }
    let mut status = match report.report.outcome {
        Outcome::Passed | Outcome::Flaky => TestCaseStatus::success(),
        Outcome::Skipped | Outcome::Interrupted => {
            let mut status = TestCaseStatus::skipped();
            let reason = report.report.skip_reason.as_deref().unwrap_or("the run was ended by a signal");
            status.set_message(&*xml_safe(reason));
            return status;
        }
        Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => {
            let mut status = TestCaseStatus::non_success(kind(&report.report));
            status.set_message(message(&report.report)).set_type(&*xml_safe(&headline(&report.report)));
            status.set_description(description(report));
            status
        }
    };
    status.add_reruns(earlier.iter().map(rerun));
    status
}

fn rerun(report: &CaseReport) -> TestRerun {
    let mut rerun = TestRerun::new(kind(&report.report));
    rerun.set_message(message(&report.report)).set_type(&*xml_safe(&headline(&report.report)));
    // In Surefire's schema a rerun has this element, but no text and no time.
    rerun.set_stack_trace(description(report));
    rerun.set_system_out(captured_text(&report.output.stdout)).set_system_err(captured_text(&report.output.stderr));
    rerun
}

/// Classifies a failure: a failed assertion, or a problem of the environment.
fn kind(report: &AttemptReport) -> NonSuccessKind {
    let phase = report.failures.first().map_or(Phase::Body, |failure| failure.phase);
    match report.outcome {
        Outcome::Errored | Outcome::Crashed => NonSuccessKind::Error,
        Outcome::TimedOut if phase.failure_outcome() == Outcome::Errored => NonSuccessKind::Error,
        _ => NonSuccessKind::Failure,
    }
}

fn message(report: &AttemptReport) -> String {
    let first = report.failures.first().and_then(|failure| failure.problem.message.lines().next());
    xml_safe(first.unwrap_or_default()).into_owned()
}

/// All failures with their locations, in their order.
fn description(report: &CaseReport) -> String {
    let descriptions = report.report.failures.iter().map(|failure| {
        let place = failure.problem.location.as_ref().unwrap_or(&report.location);
        format!("{} at {place}\n{}", failure.phase, failure.problem.message)
    });
    xml_safe(&descriptions.collect::<Vec<_>>().join("\n\n")).into_owned()
}

/// The captured output of a test; bytes that are not UTF-8 are replaced.
fn captured_text(bytes: &[u8]) -> String {
    xml_safe(&String::from_utf8_lossy(bytes)).into_owned()
}

/// Replaces two characters that XML does not allow. Control characters are removed by quick-junit.
fn xml_safe(text: &str) -> Cow<'_, str> {
    const NOT_IN_XML: [char; 2] = ['\u{fffe}', '\u{ffff}'];
    if text.contains(NOT_IN_XML) { text.replace(NOT_IN_XML, "\u{fffd}").into() } else { text.into() }
}
