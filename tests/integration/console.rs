//! The console report: its content, its format and its destination.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn outcomes(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-outcomes"), dir)
}

#[integration_test(tags("console"))]
fn failure_report_shows_cause_phases_and_repeat_command(dir: &TempDir) -> Result<()> {
    #[act]
    let finished = outcomes(dir).args(&["--exact", "fails_in_assert", "--seed", "5"]).run()?;

    #[assert]
    let text = finished.stdout();
    let expected = [
        "\nrunning 1 test\n",
        "random order, seed 5, 1 worker\n",
        "test fails_in_assert ... FAILED (failed in assert)\n",
        "---- fails_in_assert ----\nfailed in assert at tests/suites/outcomes.rs:",
        "  assertion `left == right` failed: arithmetic\n    left: 2\n   right: 3\n",
        "  phases: setup ",
        "act \"adds up\" ",
        "  repeat: cargo test -p itest-tests --test suite_outcomes -- --exact fails_in_assert --seed 5\n",
        "failures:\n    fails_in_assert\n",
        "test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 24 filtered out; finished in ",
    ];
    for part in expected {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    Ok(())
}

#[integration_test(tags("console"))]
fn last_line_has_the_format_of_libtest(dir: &TempDir) -> Result<()> {
    let finished = outcomes(dir).args(&["--exact", "passes"]).run()?;
    let text = finished.stdout();
    let last = text.trim_end().lines().last().unwrap_or_default();
    assert!(last.starts_with("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; "), "{last}");
    Ok(())
}

#[integration_test(tags("console"))]
fn report_time_shows_the_time_of_each_test(dir: &TempDir) -> Result<()> {
    let finished = outcomes(dir).args(&["--exact", "passes", "--report-time"]).run()?;
    let lines = finished.test_lines();
    assert!(lines[0].starts_with("test passes ... ok <0.") && lines[0].ends_with("s>"), "{lines:?}");
    Ok(())
}

#[integration_test(tags("console"))]
fn quiet_prints_one_dot_for_each_test(dir: &TempDir) -> Result<()> {
    let finished = outcomes(dir).args(&["passes", "--skip", "at_last", "--quiet"]).run()?;
    assert!(finished.stdout().contains("\n..\n"), "{}", finished.stdout());
    Ok(())
}

#[integration_test(tags("console"))]
#[case::always("always", true)]
#[case::never("never", false)]
#[case::auto("auto", false)]
fn colours_follow_the_color_flag(#[case] color: &str, #[case] expected: bool, dir: &TempDir) -> Result<()> {
    let finished = outcomes(dir).args(&["--exact", "passes", "--color", color]).run()?;
    assert_eq!(finished.stdout().contains("\x1b[32mok"), expected);
    Ok(())
}

#[integration_test(tags("console"))]
fn logfile_receives_the_report(dir: &TempDir) -> Result<()> {
    let path = dir.join("report.txt");
    let finished = outcomes(dir).args(&["--exact", "passes", "--logfile", &path.display().to_string()]).run()?;
    assert_eq!(finished.stdout(), "");
    assert!(std::fs::read_to_string(path)?.contains("test passes ... ok"));
    Ok(())
}

#[integration_test(tags("console"))]
fn help_names_the_exit_codes(dir: &TempDir) -> Result<()> {
    let finished = outcomes(dir).args(&["--help"]).run()?;
    assert_eq!(finished.code(), Some(0));
    assert!(finished.stdout().contains("101 tests failed"), "{}", finished.stdout());
    Ok(())
}

/// The suite runs on a real terminal, which `script` of util-linux creates.
#[integration_test(tags("console"))]
fn terminal_shows_running_tests(dir: &TempDir) -> Result<()> {
    #[arrange]
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-order"), dir);
    let mut command = suite.command()?;
    let program = format!("{} is_slow", env!("CARGO_BIN_EXE_suite-order"));
    let mut terminal = std::process::Command::new("script");
    for (name, value) in command.env("TERM", "xterm").get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }

    #[act]
    let output = terminal.args(["-qec", &program, "/dev/null"]).stdin(std::process::Stdio::null()).output();
    let Ok(output) = output else { itest::unavailable!("script", "apt-get install bsdutils") };

    #[assert]
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("0/1; running: is_slow "), "{text}");
    assert!(text.contains("\r\x1b[K"), "the status line is erased: {text}");
    Ok(())
}
