//! One `cargo test FILTER` passes its filter to every suite and ends at the first one that fails: a suite without a match must not keep the
//! next one from running, and must still be an error if that suite was selected alone.

use std::fs;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Finished, Suite};

const SELECTION: &str = env!("CARGO_BIN_EXE_suite-selection");
const ORDER: &str = env!("CARGO_BIN_EXE_suite-order");
const EMPTY: &str = env!("CARGO_BIN_EXE_suite-empty");

/// Runs suites as `cargo` does with this command line.
fn cargo_test(dir: &TempDir, suites: &[&str], line: &[&str]) -> Result<Finished> {
    let cargo = dir.join("cargo");
    if !cargo.exists() {
        fs::copy(env!("CARGO_BIN_EXE_program-cargo"), &cargo)?;
    }
    let suite = Suite::new(&cargo.display().to_string(), dir).env("SUITES", suites.join(":"));
    Ok(suite.args(&["test"]).args(line).run()?)
}

#[integration_test(tags("input"))]
#[case::filter(&["refund"], " `refund`")]
#[case::exact(&["--exact", "orders::refund"], " `orders::refund`")]
#[case::tag(&["--tag", "payments & slow"], " the tag `payments`")]
#[case::two_filters(&["refund", "plain::number_1"], " `refund`")]
fn suite_without_a_match_warns_and_lets_the_next_suite_run(
    #[case] selection: &[&str],
    #[case] named: &str,
    dir: &TempDir,
) -> Result<()> {
    #[act]
    let finished = cargo_test(dir, &[ORDER, SELECTION], &[&["payment", "--"], selection].concat())?;

    #[assert]
    let text = finished.stdout();
    assert_eq!(finished.code(), Some(0), "{text}{}", finished.stderr());
    let notice = format!(
        "warning: no test of this suite matches{named}; another suite of this `cargo test` may have it; `--no-tests fail` makes this \
         an error\n"
    );
    assert_eq!(text.matches(&notice).count(), 1, "{text}");
    assert!(text.contains("test orders::refund ... ok"), "{text}");
    Ok(())
}

#[integration_test(tags("input"))]
#[case::package_and_target(&["-p", "itest-tests", "--test", "order"])]
#[case::glued(&["-pitest-tests", "--test=order"])]
#[case::long(&["--package=itest-tests", "--test", "order", "refund"])]
fn suite_named_to_cargo_test_fails_if_no_test_matches(#[case] line: &[&str], dir: &TempDir) -> Result<()> {
    let finished = cargo_test(dir, &[ORDER], &[line, &["--", "refund"]].concat())?;
    assert_eq!(finished.code(), Some(4), "{}", finished.stdout());
    assert!(finished.stderr().contains("no test has a name that contains `refund`"), "{}", finished.stderr());
    Ok(())
}

#[integration_test(tags("input"))]
fn no_tests_flag_overrides_the_command_line_of_cargo(dir: &TempDir) -> Result<()> {
    let fails = cargo_test(dir, &[ORDER, SELECTION], &["--", "refund", "--no-tests", "fail"])?;
    assert_eq!(fails.code(), Some(4), "{}", fails.stdout());
    let named = ["-p", "itest-tests", "--test", "order", "--", "refund", "--no-tests", "pass"];
    let passes = cargo_test(dir, &[ORDER], &named)?;
    assert_eq!(passes.code(), Some(0), "{}", passes.stderr());
    assert!(!passes.stdout().contains("another suite"), "{}", passes.stdout());
    Ok(())
}

#[integration_test(tags("input"))]
fn suite_without_a_match_still_writes_its_events_and_its_record(dir: &TempDir) -> Result<()> {
    let events =
        Events::of(cargo_test(dir, &[ORDER], &["--", "refund", "--format", "json", "--record", "own.itest"])?)?;
    assert_eq!(events.finished.code(), Some(0));
    assert_eq!((events.named("run_started").len(), events.named("warning").len()), (1, 1));
    assert_eq!((&events.summary()["success"], &events.summary()["passed"]), (&true.into(), &0.into()));
    let report = Suite::new(ORDER, dir).events(&["--report", "own.itest"])?;
    assert_eq!(report.summary(), events.summary());
    Ok(())
}

/// An empty suite that runs without a filter is a mistake in the suite, such as a missing `mod`.
#[integration_test(tags("input"))]
fn empty_suite_is_an_error_without_a_filter(dir: &TempDir) -> Result<()> {
    let everything = cargo_test(dir, &[EMPTY, SELECTION], &["--"])?;
    assert_eq!(everything.code(), Some(4), "{}", everything.stdout());
    assert!(everything.stderr().contains("is a `mod` line missing"), "{}", everything.stderr());
    let filtered = cargo_test(dir, &[EMPTY, SELECTION], &["--", "refund"])?;
    assert_eq!(filtered.code(), Some(0), "{}", filtered.stderr());
    assert!(filtered.stdout().contains("test orders::refund ... ok"), "{}", filtered.stdout());
    let allowed = cargo_test(dir, &[EMPTY, SELECTION], &["--", "--no-tests", "pass"])?;
    assert_eq!(allowed.code(), Some(0), "{}", allowed.stderr());
    Ok(())
}

#[integration_test(tags("input", "last_failed"))]
fn filter_without_last_failed_tests_is_an_error(dir: &TempDir) -> Result<()> {
    #[arrange]
    Suite::new(ORDER, dir).args(&["fails::number_3"]).run()?;

    #[act]
    let alone = Suite::new(ORDER, dir).args(&["plain", "--last-failed"]).run()?;
    let beside = cargo_test(dir, &[ORDER], &["--", "plain", "--last-failed"])?;

    #[assert]
    assert_eq!(alone.code(), Some(4), "{}", alone.stdout());
    assert!(alone.stderr().contains("no test that passes the filters failed when it last ran"), "{}", alone.stderr());
    assert_eq!(beside.code(), Some(0), "{}", beside.stderr());
    assert!(beside.stdout().contains("no test of this suite matches; another suite"), "{}", beside.stdout());
    Ok(())
}

/// A test that failed and was removed can never pass again, and must not keep all others from running.
#[integration_test(tags("last_failed"))]
fn removed_last_failed_test_lets_all_tests_run(dir: &TempDir) -> Result<()> {
    fs::create_dir(dir.join("last-failed"))?;
    fs::write(dir.join("last-failed/itest-tests-suite_order"), "removed::test\n")?;
    let events = Suite::new(ORDER, dir).events(&["plain", "--last-failed"])?;
    assert_eq!(events.order().len(), 12);
    Ok(())
}

#[integration_test(tags("input", "history"))]
fn history_and_detection_without_a_match_let_the_next_suite_run(dir: &TempDir) -> Result<()> {
    for flag in ["--history", "--detect"] {
        let finished = cargo_test(dir, &[ORDER], &["--", flag, "refund"])?;
        assert_eq!(finished.code(), Some(0), "{flag}: {}{}", finished.stdout(), finished.stderr());
        assert!(finished.stderr().contains("another suite of this `cargo test` may have it"), "{}", finished.stderr());
        let alone = Suite::new(ORDER, dir).args(&[flag, "refund"]).run()?;
        assert_eq!(alone.code(), Some(4), "{flag}: {}", alone.stdout());
    }
    Ok(())
}
