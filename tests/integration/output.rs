//! The output of a test is captured byte for byte and attributed to that test only.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;
use serde_json::{Value, json};

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-output"), dir)
}

#[integration_test(tags("output"))]
#[case::rust("writes_from_rust", "out without newline", "err\n")]
#[case::c("writes_from_c", "hello from C\n", "")]
#[case::child("writes_from_a_child", "child out\nmore\n", "child err\nreopened\n")]
#[case::late("writes_early_and_ends_late", "early\n", "")]
#[case::crash("writes_then_crashes", "last words\n", "and no newline")]
fn output_of_a_test_is_captured(
    #[case] test: &str,
    #[case] stdout: &str,
    #[case] stderr: &str,
    dir: &TempDir,
) -> Result<()> {
    let events = suite(dir).events(&["--exact", test])?;
    let case = events.case(test);
    assert_eq!(case["stdout"].as_str().unwrap_or_default(), stdout);
    assert_eq!(case["stderr"].as_str().unwrap_or_default(), stderr);
    Ok(())
}

#[integration_test(tags("output"))]
fn output_that_is_not_utf8_is_kept_as_bytes(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", "writes_bytes"])?;
    assert_eq!(events.case("writes_bytes")["stdout_bytes"], json!([255, 0, 254]));
    Ok(())
}

#[integration_test(tags("output"))]
fn megabytes_of_output_are_captured_completely(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", "writes_megabytes"])?;
    let length = events.case("writes_megabytes")["stdout"].as_str().map(str::len);
    assert_eq!(length, Some(5_000_000));
    Ok(())
}

/// Many short tests run in each worker, and some leave processes that still write. Each line must be attributed to its own test.
#[integration_test(tags("output"))]
fn output_is_never_attributed_to_another_test(dir: &TempDir, #[values("1", "2", "3")] jobs: &str) -> Result<()> {
    #[act]
    let events = suite(dir).events(&["--jobs", jobs])?;

    #[assert]
    for case in events.named("case_finished") {
        let id = case["id"].as_str().unwrap_or_default();
        let stdout = case["stdout"].as_str().unwrap_or_default();
        if let Some((tens, ones)) =
            id.strip_prefix("writes_its_number::tens_").and_then(|rest| rest.split_once("::ones_"))
        {
            assert_eq!(stdout, format!("number {tens}{ones}\n"), "{id}");
        } else if id.starts_with("is_silent") {
            assert_eq!(case["stdout"], Value::Null, "{id}");
        } else if id == "leaves_a_writer_behind" {
            assert!(stdout.starts_with("before\n") || stdout.starts_with("late\n"), "{stdout}");
        } else {
            assert!(!stdout.contains("late"), "{id}: {stdout}");
        }
    }
    assert_eq!(events.named("case_finished").len(), 80);
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("output"))]
fn closed_stdout_does_not_affect_other_tests(dir: &TempDir) -> Result<()> {
    #[act]
    let arguments = ["closes_its_stdout", "writes_from_rust", "--jobs", "1", "--order", "reverse"];
    let events = suite(dir).events(&arguments)?;

    #[assert]
    assert_eq!(events.case("closes_its_stdout")["outcome"], "passed");
    assert_eq!(events.case("writes_from_rust")["stdout"], "out without newline");
    Ok(())
}

#[integration_test(tags("output"))]
fn output_is_passed_through_without_capture(
    #[values("--nocapture", "--no-capture", "--in-process")] flag: &str,
    dir: &TempDir,
) -> Result<()> {
    let finished = suite(dir).args(&["--exact", "writes_from_rust", flag]).run()?;
    assert!(finished.stdout().contains("out without newline"), "{}", finished.stdout());
    let stderr = finished.stderr();
    assert!(stderr.starts_with("err\n"), "{stderr}");
    // In-process, no other process could report the panic if it ended this one, so it is printed at once.
    assert_eq!(stderr.contains("panicked at tests/suites/output.rs:"), flag == "--in-process", "{stderr}");
    Ok(())
}

#[integration_test(tags("output"))]
fn show_output_includes_passed_tests(dir: &TempDir) -> Result<()> {
    let arguments = ["--exact", "writes_its_number::tens_1::ones_2"];
    let quiet = suite(dir).args(&arguments).run()?;
    assert!(!quiet.stdout().contains("number 12"));
    let shown = suite(dir).args(&arguments).args(&["--show-output"]).run()?;
    assert!(shown.stdout().contains("successes:") && shown.stdout().contains("number 12"), "{}", shown.stdout());
    Ok(())
}

#[integration_test(tags("output"))]
#[case::default(&[], &["INFO", "WARN"], &["DEBUG"])]
#[case::less(&["--log", "off"], &[], &["INFO", "WARN", "DEBUG"])]
#[case::more(&["--log", "suite_output=debug"], &["INFO", "WARN", "DEBUG"], &[])]
fn tracing_events_are_shown_with_their_test(
    #[case] arguments: &[&str],
    #[case] shown: &[&str],
    #[case] left_out: &[&str],
    dir: &TempDir,
) -> Result<()> {
    let events = Suite::new(env!("CARGO_BIN_EXE_suite-output"), dir).events(&[&["traces"], arguments].concat())?;
    let text = events.case("traces")["stderr"].as_str().unwrap_or_default();
    for level in shown {
        assert!(text.contains(level), "{text}");
    }
    for level in left_out {
        assert!(!text.contains(level), "{text}");
    }
    if shown.contains(&"INFO") {
        assert!(text.starts_with('+') && text.contains("ms  INFO suite_output: the book was opened pages=3"), "{text}");
    }
    Ok(())
}
