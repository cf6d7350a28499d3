//! The report for CI systems: JUnit XML, written when the run is over.
//!
//! A failed claim is a `failure`; what the environment did, and a crash, is an `error`. Attempts before the last one are
//! `flakyFailure` or `rerunFailure`, as Maven Surefire's schema has them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::Reporter;
use super::failure::headline;
use crate::model::{AttemptReport, CaseReport, Event, Outcome, Phase, PhaseTime, Quarantine, Summary, TestId};

/// Gathers cases until the run is over.
#[derive(Debug)]
pub(crate) struct Junit {
    suite: TestSuite,
    name: String,
    /// Attempts that were not the last.
    earlier: HashMap<TestId, Vec<CaseReport>>,
}

impl Junit {
    /// A report on the suite of this name.
    #[must_use]
    pub(crate) fn new(name: &str) -> Self {
        Self { suite: TestSuite::new(name), name: name.to_owned(), earlier: HashMap::new() }
    }

    fn add(&mut self, report: &CaseReport) {
        let earlier = self.earlier.remove(&report.id).unwrap_or_default();
        let mut case = TestCase::new(&*sayable(report.id.as_str()), status(report, &earlier));
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
        if !report.output.stdout.is_empty() {
            case.set_system_out(written(&report.output.stdout));
        }
        if !report.output.stderr.is_empty() {
            case.set_system_err(written(&report.output.stderr));
        }
        self.suite.add_test_case(case);
    }

    fn write(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        let mut suite = std::mem::replace(&mut self.suite, TestSuite::new(self.name.as_str()));
        suite.set_time(summary.elapsed);
        if !summary.problems.is_empty() {
            suite.set_system_err(&*sayable(&summary.problems.join("\n")));
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
                status.set_message(&*sayable(reason));
                let mut case = TestCase::new(&*sayable(id.as_str()), status);
                // No schema lets a case without a time pass.
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
        // What CI systems show in yellow and do not count; the schema leaves no place for earlier attempts in it.
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
            status.set_message(&*sayable(reason));
            return status;
        }
        Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => {
            let mut status = TestCaseStatus::non_success(kind(&report.report));
            status.set_message(message(&report.report)).set_type(&*sayable(&headline(&report.report)));
            status.set_description(description(report));
            status
        }
    };
    status.add_reruns(earlier.iter().map(rerun));
    status
}

fn rerun(report: &CaseReport) -> TestRerun {
    let mut rerun = TestRerun::new(kind(&report.report));
    rerun.set_message(message(&report.report)).set_type(&*sayable(&headline(&report.report)));
    // Surefire's schema has this element, and neither text beside it nor a time.
    rerun.set_stack_trace(description(report));
    rerun.set_system_out(written(&report.output.stdout)).set_system_err(written(&report.output.stderr));
    rerun
}

/// What a test claims, or what it needs.
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
    sayable(first.unwrap_or_default()).into_owned()
}

/// All failures with their places, the first one first.
fn description(report: &CaseReport) -> String {
    let told = report.report.failures.iter().map(|failure| {
        let place = failure.problem.location.as_ref().unwrap_or(&report.location);
        format!("{} at {place}\n{}", failure.phase, failure.problem.message)
    });
    sayable(&told.collect::<Vec<_>>().join("\n\n")).into_owned()
}

/// What a test wrote, as far as it is text.
fn written(bytes: &[u8]) -> String {
    sayable(&String::from_utf8_lossy(bytes)).into_owned()
}

/// Two characters may not be in XML and are no control characters, which quick-junit takes out.
fn sayable(text: &str) -> Cow<'_, str> {
    const UNSAYABLE: [char; 2] = ['\u{fffe}', '\u{ffff}'];
    if text.contains(UNSAYABLE) { text.replace(UNSAYABLE, "\u{fffd}").into() } else { text.into() }
}
