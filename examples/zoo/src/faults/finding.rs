//! The findings of an explorer, read from its JSON lines.

use serde::Deserialize;

use crate::Problem;
use crate::verdict::parse_event;

/// The outcome of one exploration.
#[derive(Debug, Clone, Default)]
pub struct Exploration {
    /// What the explorer has found.
    pub findings: Vec<Finding>,
    /// The last event; without it the exploration is incomplete.
    pub finished: Option<FaultsFinished>,
}

/// What a test does when one of its calls fails.
#[derive(Debug, Clone, Deserialize)]
pub struct Finding {
    /// The test.
    pub id: String,
    /// What it does, in the explorer's terms.
    pub verdict: String,
    /// The name of the call.
    pub call: String,
    /// The faults of the call that show it.
    pub faults: Vec<String>,
}

/// The cost of an exploration.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct FaultsFinished {
    /// Whether the exploration examined all calls of all tests.
    pub complete: bool,
    /// The number of explored tests.
    #[serde(default)]
    pub tests: u64,
    /// The number of faults that calls got.
    #[serde(default)]
    pub cells: u64,
    /// The number of executed tests.
    #[serde(default)]
    pub executions: u64,
    /// The duration in microseconds.
    #[serde(default)]
    pub elapsed_us: u64,
}

impl Exploration {
    /// Reads one line of output. Lines that are no JSON, and other events, are skipped.
    ///
    /// # Errors
    ///
    /// When a finding or the last event has an unexpected format.
    pub fn read_line(&mut self, line: &str) -> Result<(), Problem> {
        self.findings.extend(parse_event(line, "fault_finding")?);
        if let Some(finished) = parse_event(line, "faults_finished")? {
            self.finished = Some(finished);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finding_lines_are_read_and_others_skipped() {
        let mut exploration = Exploration::default();
        for line in [
            "running 3 tests",
            r#"{"event":"case_finished","id":"a"}"#,
            r#"{"event":"fault_finding","id":"weak::a","verdict":"hangs","call":"payments POST /charge #1","faults":["timeout"],"evidence":"...","repeat":"..."}"#,
            r#"{"event":"faults_finished","complete":true,"tests":80,"cells":900,"executions":980,"elapsed_us":123}"#,
        ] {
            exploration.read_line(line).unwrap();
        }
        assert_eq!(exploration.findings.len(), 1);
        assert_eq!(exploration.findings[0].call, "payments POST /charge #1");
        assert!(exploration.read_line(r#"{"event":"fault_finding","id":"z"}"#).is_err(), "without a verdict");
        let finished = exploration.finished.unwrap();
        assert!(finished.complete && finished.tests == 80 && finished.cells == 900 && finished.executions == 980);
    }
}
