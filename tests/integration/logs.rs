//! `Logs` observes what the code under test logs in one test.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Suite};

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-logs"), dir)
}

fn only_message(events: &Events, test: &str) -> String {
    let case = events.case(test);
    assert_eq!(case["failures"].as_array().map(Vec::len), Some(1), "{case:#}");
    case["failures"][0]["message"].as_str().unwrap_or_default().to_owned()
}

/// The time in a line of a record varies.
fn without_times(message: &str) -> String {
    let lines = message.lines().map(|line| match line.strip_prefix("| +").and_then(|rest| rest.split_once("ms ")) {
        Some((_, rest)) => format!("| {rest}"),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The filter of `--log` does not hide records from `Logs`.
#[integration_test(tags("telemetry"))]
fn records_of_threads_tasks_programs_and_log_are_observed(
    dir: &TempDir,
    #[values("info", "off", "trace")] log: &str,
    #[values("1", "2")] jobs: &str,
) -> Result<()> {
    // With `--log trace`, details are enabled for all tests, and the tests without an observer would fail.
    let tags = if log == "trace" { "pass" } else { "pass | idle" };
    let finished = suite(dir).args(&["--tag", tags, "--log", log, "--jobs", jobs]).run()?;
    assert_eq!(finished.code(), Some(0), "{}{}", finished.stdout(), finished.stderr());
    Ok(())
}

#[integration_test(tags("telemetry"))]
#[case::of_a_missing_record(
    "missing_record_fails_the_expectation",
    "expected a record of level ERROR with \"gateway\", got none in 3 records
with the text, of another level:
| test body WARN suite_logs: the gateway is slow token=***
of the level, without the text:
| test body ERROR suite_logs: the disk is full
others:
| test body INFO suite_logs: started"
)]
#[case::of_unexpected_records(
    "unexpected_record_fails_the_expectation",
    "expected no record of level WARN or above, got 2
| act WARN suite_logs: the gateway is slow
| act ERROR suite_logs: the disk is full"
)]
#[case::of_a_removed_record(
    "removed_error_fails_the_expectation",
    "expected no record of level WARN or above
1 earlier record is unknown: at most 10000 are kept, and at most 32 MiB"
)]
fn failed_expectation_shows_the_records(#[case] test: &str, #[case] message: &str, dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", test])?;
    assert_eq!(without_times(&only_message(&events, test)), message);
    let location = events.case(test)["failures"][0]["location"].as_str().unwrap_or_default().to_owned();
    assert!(location.contains("suites/logs.rs"), "{location}");
    Ok(())
}

/// An application that installs its own subscriber is observed on the threads of the runtime.
#[integration_test(tags("telemetry"))]
fn application_with_its_own_subscriber_is_observed_on_the_threads_of_the_runtime(
    dir: &TempDir,
    #[values("--jobs=1", "--in-process")] mode: &str,
) -> Result<()> {
    let finished = suite(dir).args(&["--tag", "application", mode]).run()?;
    assert_eq!(finished.code(), Some(0), "{}{}", finished.stdout(), finished.stderr());
    Ok(())
}

/// Other threads of such an application are not observed, and the report says so.
#[integration_test(tags("telemetry"))]
fn report_says_which_threads_are_not_observed(dir: &TempDir) -> Result<()> {
    let test = "thread_of_an_application_with_its_own_subscriber_is_not_observed";
    let events = suite(dir).events(&["--exact", test])?;
    let message = only_message(&events, test);
    assert_eq!(message, "expected a record of level WARN with \"in a thread\", got none in 0 records");
    let note = &events.case(test)["notes"][0];
    assert_eq!(note["title"], "not seen by `Logs`");
    assert!(note["text"].to_string().contains("the threads that the code under test starts by itself"), "{note}");
    Ok(())
}
