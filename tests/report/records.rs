//! Reports of real suites, and of records with content that no suite of this repository produces.

use std::fs;
use std::path::{Path, PathBuf};

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite};
use serde_json::{Value, json};

pub(crate) const OUTCOMES: &str = env!("CARGO_BIN_EXE_suite-outcomes");
pub(crate) const STAND_INS: &str = env!("CARGO_BIN_EXE_suite-stand-ins");

/// Runs a suite, and returns the path of its report.
pub(crate) fn report_of(suite: &str, dir: &TempDir, arguments: &[&str]) -> Result<PathBuf> {
    Ok(run_with_report(suite, dir, arguments)?.0)
}

/// Runs a suite, and returns the path of its report with what the suite has written.
pub(crate) fn run_with_report(suite: &str, dir: &TempDir, arguments: &[&str]) -> Result<(PathBuf, Finished)> {
    let report = dir.join("report.html");
    let finished = Suite::new(suite, dir).args(&["--html", &report.display().to_string()]).args(arguments).run()?;
    assert!(report.exists(), "{}{}", finished.stdout(), finished.stderr());
    Ok((report, finished))
}

/// A record that is written by hand.
pub(crate) struct HandWritten {
    lines: Vec<String>,
}

impl HandWritten {
    /// A record that begins like one of the suite of outcomes.
    pub(crate) fn new(dir: &TempDir) -> Result<Self> {
        let file = dir.join("head.itest");
        let suite = Suite::new(OUTCOMES, dir);
        suite.args(&["--exact", "passes", "--record", &file.display().to_string()]).run()?;
        let bytes = fs::read(&file)?;
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("the record has no line")?;
        Ok(Self { lines: vec![String::from_utf8(bytes[..end].to_vec())?] })
    }

    /// Adds a test. `fields` replace those of a test that passed.
    pub(crate) fn test(&mut self, name: &str, fields: Value) -> &mut Self {
        let number = self.lines.len();
        let mut event = json!({
            "event": "case_finished", "id": name, "location": "tests/shop.rs:3:1", "worker": number % 4, "attempt": 1,
            "outcome": "passed", "phases": [{"phase": "body", "elapsed_us": 900}], "started_us": number / 4 * 1000, "elapsed_us": 900,
        });
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        self.lines.push(event.to_string());
        self
    }

    /// Ends the run, and returns the path of its report.
    pub(crate) fn report(mut self, dir: &TempDir) -> Result<PathBuf> {
        let failed = self.lines.iter().filter(|line| line.contains(r#""outcome":"failed""#)).count();
        let passed = self.lines.len() - 1 - failed;
        self.lines.push(
            json!({"event": "run_finished", "passed": passed, "flaky": 0, "failed": failed, "ignored": 0, "elapsed_us": 9_000, "success": failed == 0})
                .to_string(),
        );
        let record = dir.join("written.itest");
        fs::write(&record, self.lines.join("\n") + "\n")?;
        report_of_records(dir, &[&record])
    }
}

/// The report of these records of the suite of outcomes.
pub(crate) fn report_of_records(dir: &TempDir, records: &[&Path]) -> Result<PathBuf> {
    let words: Vec<_> =
        records.iter().flat_map(|record| ["--report".to_owned(), record.display().to_string()]).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    report_of(OUTCOMES, dir, &words)
}
