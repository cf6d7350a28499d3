//! Measures the coverage of 10,000 tests with ten exchanges each, and fails if the bound is missed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use itest::TempDir;
use itest::prelude::*;
use serde_json::{Value, json};

itest::main!();

const TESTS: usize = 10_000;
const EXCHANGES: usize = 10;
const MAX_COVERAGE: Duration = if cfg!(debug_assertions) { Duration::from_secs(5) } else { Duration::from_millis(500) };
const ROUNDS: usize = 5;

/// The suite, without the settings of this run.
fn suite(dir: &TempDir) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?.with_file_name("suite"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ITEST_")) {
        command.env_remove(name);
    }
    command.env("ITEST_SESSION_DIR", dir.join("sessions")).current_dir(dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

/// One of ten exchanges of a test: requests, calls, messages and statements, each with another number.
fn exchange(test: usize, position: usize) -> Value {
    let (point, id) = (test % 200, test * EXCHANGES + position);
    let mut exchange = match position % 5 {
        0 => json!({"to": "service", "direction": "inbound", "from": "test", "operation": format!("POST /resource{point}/{id}/step"), "status": "200"}),
        1 => json!({"to": "payments", "operation": format!("POST /charge/{point}"), "status": "201"}),
        2 => json!({"to": "nats", "operation": format!("PUBLISH event{point}.done"), "status": "sent"}),
        3 => json!({"to": "orders", "operation": format!("INSERT INTO table{point} (id, text) SELECT id, 'x' FROM source{point} WHERE id = {id}"), "status": "1 row"}),
        _ => json!({"to": "service", "direction": "inbound", "operation": format!("GET /undeclared{point}/{id}?page=2"), "status": "404"}),
    };
    exchange["at_us"] = id.into();
    exchange["elapsed_us"] = 3.into();
    exchange["phase"] = "act".into();
    exchange
}

fn write_record(dir: &TempDir) -> Result<PathBuf> {
    let head = dir.join("head.itest");
    suite(dir)?.arg("--record").arg(&head).arg("--exact").arg("test_0").status()?;
    let bytes = fs::read(&head)?;
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("the record has no line")?;
    let mut lines = String::from_utf8(bytes[..=end].to_vec())?;
    for test in 0..TESTS {
        let exchanges: Vec<_> = (0..EXCHANGES).map(|position| exchange(test, position)).collect();
        let line = json!({
            "event": "case_finished", "id": format!("test_{test}"), "location": "src/suite.rs:1:1", "worker": 0, "attempt": 1,
            "outcome": "passed", "started_us": test * 10, "elapsed_us": 10, "exchanges": exchanges, "phases": [],
        });
        lines += &format!("{line}\n");
    }
    let end = json!({"event": "run_finished", "passed": TESTS, "flaky": 0, "failed": 0, "ignored": 0, "elapsed_us": 100_000, "success": true});
    lines += &format!("{end}\n");
    let record = dir.join("record.itest");
    fs::write(&record, lines)?;
    Ok(record)
}

/// The time in which the record is read and reported.
fn time_of(dir: &TempDir, record: &Path, coverage: Option<&Path>) -> Result<Duration> {
    let mut command = suite(dir)?;
    command.arg("--report").arg(record).arg("--format").arg("terse");
    if let Some(coverage) = coverage {
        command.arg("--integration-coverage").arg(coverage);
    }
    let since = Instant::now();
    let status = command.status()?;
    assert!(status.success(), "the report fails: {status}");
    Ok(since.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[integration_test(timeout = "10m")]
fn coverage_of_ten_thousand_tests(dir: &TempDir) -> Result<()> {
    let record = write_record(dir)?;
    let report = dir.join("report.md");
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(time_of(dir, &record, None)?);
        with.push(time_of(dir, &record, Some(&report))?);
    }
    let text = fs::read_to_string(&report)?;
    // The points: 200 endpoints, 200 calls, 200 events, 400 tables; the undeclared paths are answered as unknown.
    assert!(text.contains("1000 of 1000 integration points are covered"), "{}", &text[..300.min(text.len())]);
    let (with, without) = (median(with), median(without));
    let coverage = with.saturating_sub(without);
    println!("report without coverage: {without:.0?}, with coverage: {with:.0?}");
    println!("coverage of {TESTS} tests with {EXCHANGES} exchanges each: {coverage:.0?}, at most {MAX_COVERAGE:?}");
    assert!(coverage <= MAX_COVERAGE, "the bound is missed");
    Ok(())
}
