//! itest tests itself with itest. If itest ever reported every test as passed, only these tests under libtest would notice.

use std::process::{Command, Output};

fn suite(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    // The suite must behave as if it was not started by the `cargo test` that runs this file.
    let is_of_runner = |name: &str| ["ITEST_", "NEXTEST", "CARGO"].iter().any(|prefix| name.starts_with(prefix));
    for (name, _) in std::env::vars().filter(|(name, _)| is_of_runner(name)) {
        command.env_remove(name);
    }
    command.args(arguments).output().unwrap()
}

#[test]
fn failing_test_fails_the_run() {
    let output = suite(env!("CARGO_BIN_EXE_suite-outcomes"), &["--exact", "fails_in_assert"]);
    assert_eq!(output.status.code(), Some(101));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("test fails_in_assert ... FAILED"), "{stdout}");
    assert!(stdout.contains("test result: FAILED. 0 passed; 1 failed;"), "{stdout}");
}

#[test]
fn passing_test_passes_the_run() {
    let output = suite(env!("CARGO_BIN_EXE_suite-outcomes"), &["--exact", "passes"]);
    assert_eq!(output.status.code(), Some(0));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("test result: ok. 1 passed; 0 failed;"), "{stdout}");
}

#[test]
fn unknown_test_fails_the_run() {
    let output = suite(env!("CARGO_BIN_EXE_suite-outcomes"), &["--exact", "pases"]);
    assert_eq!(output.status.code(), Some(4));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("did you mean `passes`?"), "{stderr}");
}

#[test]
fn every_kind_of_failure_is_counted() {
    let output = suite(env!("CARGO_BIN_EXE_suite-outcomes"), &["errors_in", "aborts", "exits", "times_out_awaiting"]);
    assert_eq!(output.status.code(), Some(101));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("0 passed; 7 failed;"), "{stdout}");
}
