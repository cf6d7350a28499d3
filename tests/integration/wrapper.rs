//! `--wrapper` runs the tests under another program: a debugger, a tracer, a profiler, or any other.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

/// The test that takes longer than its time limits.
const SLOW: &str = "takes_longer_than_its_limits";

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-runtimes"), dir)
}

/// A wrapper that writes its arguments to a file and then becomes the program that they name. Returns its path.
fn noting_wrapper(dir: &TempDir) -> Result<String> {
    let path = dir.join("my wrapper");
    fs::write(&path, "#!/bin/sh\nprintf '%s\\n' \"$*\" >>\"$ARGUMENTS\"\nshift\nexec \"$@\"\n")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path.display().to_string())
}

#[integration_test]
fn without_a_wrapper_the_time_limits_of_the_test_apply(dir: &TempDir) -> Result<()> {
    assert_eq!(suite(dir).args(&["--exact", SLOW]).run()?.code(), Some(101));
    Ok(())
}

#[integration_test]
#[case::flag(&["--wrapper"], "")]
#[case::variable(&[], "ITEST_WRAPPER")]
fn tests_run_once_under_the_wrapper_without_time_limits(
    #[case] flag: &[&str],
    #[case] variable: &str,
    dir: &TempDir,
) -> Result<()> {
    #[arrange]
    let command = format!("'{}' 'an argument'", noting_wrapper(dir)?);
    let notes = dir.join("arguments");
    let mut suite = suite(dir).env("ARGUMENTS", notes.display().to_string());
    if variable.is_empty() {
        suite = suite.args(&[flag, &[command.as_str()]].concat());
    } else {
        suite = suite.env(variable, &command);
    }

    #[act]
    let finished = suite.args(&["--exact", SLOW]).run()?;

    #[assert]
    let (stdout, stderr) = (finished.stdout(), finished.stderr());
    assert_eq!(finished.code(), Some(0), "{stdout}{stderr}");
    assert!(stderr.contains(&format!("itest: the tests run under `{command}`, one by one")), "{stderr}");
    assert!(stdout.contains("test process "), "the output is not captured: {stdout}");
    let recorded = fs::read_to_string(notes)?;
    assert_eq!(recorded.lines().count(), 1, "{recorded}");
    assert!(recorded.starts_with("an argument /") && recorded.contains("suite-runtimes"), "{recorded}");
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
fn exit_code_is_that_of_the_wrapper_which_is_that_of_the_run(dir: &TempDir) -> Result<()> {
    let outcomes = |wrapper: &str| {
        Suite::new(env!("CARGO_BIN_EXE_suite-outcomes"), dir).args(&["--wrapper", wrapper, "fails_in_assert"]).run()
    };
    let finished = outcomes("env")?;
    assert_eq!(finished.code(), Some(101));
    assert!(!finished.stdout().contains("--itest-wrapped"), "{}", finished.stdout());
    assert_eq!(outcomes("sh -c 'exit 7'")?.code(), Some(7));
    Ok(())
}

#[integration_test]
#[case::missing("no-such-debugger --args", "there is no program 'no-such-debugger'")]
#[case::open_quote("env 'A=b", "the shell cannot start this command: ")]
fn wrapper_that_cannot_be_started_is_wrong_usage(
    #[case] wrapper: &str,
    #[case] message: &str,
    dir: &TempDir,
) -> Result<()> {
    let finished = suite(dir).args(&["--wrapper", wrapper, "--exact", SLOW]).run()?;
    assert_eq!(finished.code(), Some(2));
    let stderr = finished.stderr();
    assert!(stderr.contains(&format!("error: --wrapper {wrapper}: ")) && stderr.contains(message), "{stderr}");
    Ok(())
}

#[integration_test]
#[case::list(&["--list"], 0)]
#[case::config(&["--print-config"], 0)]
#[case::search(&["--detect", "--budget", "3", "uses_six"], 0)]
fn other_modes_do_not_start_the_wrapper(#[case] mode: &[&str], #[case] code: i32, dir: &TempDir) -> Result<()> {
    let finished = suite(dir).env("ITEST_WRAPPER", "sh -c 'exit 7'").args(mode).run()?;
    assert_eq!(finished.code(), Some(code), "{}{}", finished.stdout(), finished.stderr());
    Ok(())
}

/// Skips a test if this machine lacks the tool, or forbids what it does.
fn require_tool(words: &[&str]) {
    let output = Command::new(words[0]).args(&words[1..]).arg("true").output();
    match output {
        Err(error) => skip!("{} cannot be started: {error}", words[0]),
        Ok(output) if !output.status.success() => skip!("{} cannot run a program on this machine", words[0]),
        Ok(_) => {}
    }
}

#[integration_test(timeout = "5m")]
#[case::gdb(&["gdb", "-batch", "-ex", "run", "--args"], "exited normally")]
#[case::strace(&["strace", "-f", "-e", "trace=exit_group"], "exit_group(0)")]
#[case::perf(&["perf", "stat", "-e", "task-clock"], "task-clock")]
#[case::valgrind(&["valgrind", "--tool=none"], "Nulgrind")]
fn real_tools_run_a_test(#[case] words: &[&str], #[case] expected: &str, dir: &TempDir) -> Result<()> {
    require_tool(words);
    let finished = suite(dir).args(&["--wrapper", &words.join(" "), "--exact", SLOW]).run()?;
    let output = format!("{}{}", finished.stdout(), finished.stderr());
    assert!(output.contains(expected) && output.contains("test result: ok. 1 passed"), "{output}");
    finished.assert_nothing_left();
    Ok(())
}
