//! The report in the Common Test Report Format (<https://ctrf.io>): a JSON document for dashboards and for tools that
//! comment on pull requests.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::Reporter;
use super::failure::headline;
use crate::model::{CaseReport, Event, Facts, Outcome, Seed, Summary, TestId};

/// The version of the format.
const SPEC_VERSION: &str = "0.0.0";

/// The reporter that collects cases until the run is over.
#[derive(Debug)]
pub(crate) struct Ctrf {
    suite: String,
    seed: Seed,
    facts: Facts,
    tests: Vec<Value>,
    /// The attempts of each test before its last one.
    earlier: HashMap<TestId, Vec<Value>>,
}

impl Ctrf {
    /// Creates a report for the suite with this name.
    #[must_use]
    pub(crate) fn new(suite: &str) -> Self {
        Self {
            suite: suite.to_owned(),
            seed: Seed::default(),
            facts: Facts::default(),
            tests: Vec::new(),
            earlier: HashMap::new(),
        }
    }

    fn test(&mut self, case: &CaseReport) -> Value {
        let earlier = self.earlier.remove(&case.id).unwrap_or_default();
        let began = self.facts.began_unix_ms.saturating_add(millis(case.started));
        let mut place = case.location.as_str().rsplitn(3, ':').skip(1);
        let line: u64 = place.next().and_then(|line| line.parse().ok()).unwrap_or(0);
        let mut test = json!({
            "name": case.id.as_str(), "suite": [self.suite], "status": status(case.report.outcome),
            "rawStatus": case.report.outcome.to_string(), "duration": millis(case.elapsed), "start": began,
            "stop": began.saturating_add(millis(case.elapsed)), "filePath": place.next().unwrap_or_default(), "line": line,
            "flaky": case.report.outcome == Outcome::Flaky, "retries": case.attempts.saturating_sub(1),
            "threadId": case.worker.0.to_string(), "stdout": lines(&case.output.stdout), "stderr": lines(&case.output.stderr),
        });
        if let Some(failure) = case.report.failures.first() {
            test["message"] = format!("{}: {}", headline(&case.report), failure.problem.message).into();
            test["trace"] = failure.problem.backtrace.as_deref().unwrap_or(case.location.as_str()).into();
        } else if let Some(reason) = &case.report.skip_reason {
            test["message"] = reason.as_str().into();
        }
        if !case.report.notes.is_empty() || !case.report.exchanges.is_empty() {
            test["extra"] = json!({"notes": case.report.notes, "exchanges": case.report.exchanges});
        }
        if !earlier.is_empty() {
            test["retryAttempts"] = earlier.into();
        }
        test
    }

    fn write(&self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        let count = |status: &str| self.tests.iter().filter(|test| test["status"] == status).count();
        let began = self.facts.began_unix_ms;
        let fact = |name: &str| self.facts.environment.get(name);
        let report = json!({
            "reportFormat": "CTRF", "specVersion": SPEC_VERSION, "generatedBy": "itest",
            "results": {
                "tool": {"name": "itest", "version": env!("CARGO_PKG_VERSION")},
                "summary": {
                    "tests": self.tests.len(), "passed": count("passed"), "failed": count("failed"),
                    "pending": count("pending"), "skipped": count("skipped"), "other": count("other"),
                    "flaky": summary.flaky, "suites": 1, "start": began, "stop": began.saturating_add(millis(summary.elapsed)),
                },
                "tests": self.tests,
                "environment": {
                    "commit": fact("commit"), "buildNumber": fact("ci_run"), "osPlatform": fact("os"),
                    "extra": {"seed": self.seed, "problems": summary.problems},
                },
            },
        });
        serde_json::to_writer_pretty(&mut *out, &without_nulls(report))?;
        out.write_all(b"\n")
    }
}

impl Reporter for Ctrf {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::RunStarted { seed, facts, .. } => (self.seed, self.facts) = (*seed, facts.clone()),
            Event::CaseIgnored { id, reason } => self.tests.push(json!({
                "name": id.as_str(), "suite": [self.suite], "status": "skipped", "rawStatus": "ignored", "duration": 0,
                "message": reason,
            })),
            Event::CaseRetried(case) => {
                let attempt = json!({
                    "attempt": case.attempts, "status": status(case.report.outcome), "duration": millis(case.elapsed),
                    "message": headline(&case.report),
                });
                self.earlier.entry(case.id.clone()).or_default().push(attempt);
            }
            Event::CaseFinished(case) => {
                let test = self.test(case);
                self.tests.push(test);
            }
            Event::RunFinished(summary) => return self.write(summary, out),
            _ => {}
        }
        Ok(())
    }
}

fn status(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed | Outcome::Flaky => "passed",
        Outcome::Skipped => "skipped",
        Outcome::Interrupted => "other",
        Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => "failed",
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn lines(output: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(output).lines().map(str::to_owned).collect()
}

/// Removes fields without a value, because the format does not allow `null`.
fn without_nulls(mut report: Value) -> Value {
    if let Some(environment) = report["results"]["environment"].as_object_mut() {
        environment.retain(|_, value| !value.is_null());
    }
    report
}
