//! Invariants run after the body and before teardown of each test that uses their fixtures, and a broken one fails the test.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Suite};

const OF_THE_ACCOUNT: &str = "account_is_balanced";
const MISSING: &str = "the account lacks 7 coins";

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-invariants"), dir)
}

fn events_of(dir: &TempDir, test: &str) -> Result<Events> {
    Ok(suite(dir).events(&["--exact", test])?)
}

/// The failures of a test: phase, description and message of each.
fn failures(events: &Events, test: &str) -> Vec<[String; 3]> {
    let as_text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let failures = events.case(test)["failures"].as_array().cloned().unwrap_or_default();
    failures.iter().map(|failure| ["phase", "description", "message"].map(|key| as_text(&failure[key]))).collect()
}

/// The phases of a test, each with its description.
fn phases(events: &Events, test: &str) -> Vec<String> {
    let phases = events.case(test)["phases"].as_array().cloned().unwrap_or_default();
    let name = |phase: &serde_json::Value| match phase["description"].as_str() {
        Some(description) => format!("{} {description}", phase["phase"].as_str().unwrap_or_default()),
        None => phase["phase"].as_str().unwrap_or_default().to_owned(),
    };
    phases.iter().map(name).collect()
}

#[integration_test]
#[case::directly("breaks_the_invariant")]
#[case::in_another_fixture("breaks_it_in_another_fixture")]
#[case::exclusively("breaks_it_through_an_exclusive_borrow")]
fn broken_invariant_fails_a_test_that_borrows_its_fixture(#[case] test: &str, dir: &TempDir) -> Result<()> {
    let events = events_of(dir, test)?;
    assert_eq!(events.case(test)["outcome"], "failed");
    assert_eq!(failures(&events, test), [["invariants", OF_THE_ACCOUNT, MISSING]]);
    Ok(())
}

#[integration_test]
fn invariants_run_after_the_body_and_before_teardown(dir: &TempDir) -> Result<()> {
    let test = "keeps_the_invariant";
    let events = events_of(dir, test)?;
    assert_eq!(events.case(test)["outcome"], "passed");
    let expected = [
        "setup",
        "arrange",
        "act",
        "assert",
        "invariants account_is_balanced",
        "invariants every_test_is_checked",
        "teardown",
    ];
    assert_eq!(phases(&events, test), expected);
    assert_eq!(
        events.case(test)["stderr"],
        format!("the account is checked after {test}\na test is checked\nthe account is closed\n")
    );
    Ok(())
}

#[integration_test]
#[case::own_value("breaks_an_account_of_its_own", "passed")]
#[case::skipped_test("breaks_it_and_is_skipped", "skipped")]
fn invariant_does_not_run_after(#[case] test: &str, #[case] outcome: &str, dir: &TempDir) -> Result<()> {
    let events = events_of(dir, test)?;
    assert_eq!(events.case(test)["outcome"], outcome);
    assert!(!phases(&events, test).contains(&format!("invariants {OF_THE_ACCOUNT}")));
    Ok(())
}

#[integration_test]
fn invariant_without_fixtures_runs_after_every_test(dir: &TempDir) -> Result<()> {
    let events = events_of(dir, "uses_nothing")?;
    assert_eq!(phases(&events, "uses_nothing"), ["setup", "body", "invariants every_test_is_checked", "teardown"]);
    Ok(())
}

#[integration_test]
fn broken_invariant_is_reported_beside_the_failure_of_the_body(dir: &TempDir) -> Result<()> {
    let events = events_of(dir, "breaks_it_and_fails")?;
    let of_the_body = ["body", "", "the test itself fails"];
    assert_eq!(failures(&events, "breaks_it_and_fails"), [of_the_body, ["invariants", OF_THE_ACCOUNT, MISSING]]);
    let events = events_of(dir, "fails_and_keeps_it")?;
    assert_eq!(failures(&events, "fails_and_keeps_it"), [of_the_body]);
    let events = events_of(dir, "hangs_and_breaks_it")?;
    assert_eq!(events.case("hangs_and_breaks_it")["outcome"], "timed_out");
    let failures = failures(&events, "hangs_and_breaks_it");
    assert_eq!(failures[1..], [["invariants", OF_THE_ACCOUNT, MISSING]], "{failures:?}");
    Ok(())
}

#[integration_test]
fn report_names_the_invariant_and_its_line(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["--exact", "breaks_it_and_fails"]).run()?;
    let output = finished.stdout() + &finished.stderr();
    let source = include_str!("../suites/invariants.rs");
    let line = 1 + source.lines().position(|line| line.contains("Check::Breaks => Err")).ok_or("there is one")?;
    let expected = format!("and in invariant `{OF_THE_ACCOUNT}` at tests/suites/invariants.rs:{line}:");
    assert!(output.contains(&expected), "{expected}\n{output}");
    Ok(())
}

#[integration_test]
#[case::panics("invariant_panics", "failed", "the account has no balance")]
#[case::hangs("invariant_hangs", "timed_out", "the invariant did not end within 300ms")]
#[case::blocks(
    "invariant_blocks_its_thread",
    "timed_out",
    "an invariant did not end within its time limit and did not react to its cancellation"
)]
#[case::skips(
    "invariant_is_skipped",
    "failed",
    "an invariant cannot be skipped; return early instead (the reason was: no account today)"
)]
fn misbehaving_invariant_fails_the_test_and_leaves_nothing(
    #[case] test: &str,
    #[case] outcome: &str,
    #[case] message: &str,
    dir: &TempDir,
) -> Result<()> {
    let events = events_of(dir, test)?;
    assert_eq!(events.case(test)["outcome"], outcome);
    let last = failures(&events, test).pop().ok_or("the test fails")?;
    assert!(last[0] == "invariants" && last[2].starts_with(message), "{last:?}");
    suite(dir).traces().assert_nothing_left();
    Ok(())
}

#[integration_test]
fn invariant_of_a_worker_fixture_reads_what_the_test_has_changed(dir: &TempDir) -> Result<()> {
    let events = events_of(dir, "counts_a_visit")?;
    assert_eq!(events.case("counts_a_visit")["outcome"], "passed");
    assert!(phases(&events, "counts_a_visit").contains(&"invariants visits_are_counted".to_owned()));
    Ok(())
}

#[integration_test]
fn invariant_can_wait_for_a_task_on_the_runtime_of_the_test(dir: &TempDir) -> Result<()> {
    let events = events_of(dir, "invariant_asks_a_task_of_the_test")?;
    assert_eq!(events.case("invariant_asks_a_task_of_the_test")["outcome"], "passed", "{events:?}");
    Ok(())
}

#[integration_test]
fn retried_test_is_checked_in_each_attempt(dir: &TempDir) -> Result<()> {
    let test = "breaks_the_invariant";
    let events = suite(dir).events(&["--exact", test, "--retries", "2"])?;
    assert_eq!((&events.case(test)["outcome"], &events.case(test)["attempt"]), (&"failed".into(), &3.into()));
    Ok(())
}

#[integration_test]
fn invariant_that_would_never_run_is_rejected(dir: &TempDir) -> Result<()> {
    let finished = Suite::new(env!("CARGO_BIN_EXE_suite-unused-invariant"), dir).run()?;
    let output = finished.stdout() + &finished.stderr();
    assert_eq!(finished.code(), Some(3), "{output}");
    let expected = "would never run: no test uses all of its fixtures (`Inventory`, `Orders`); use them as `&T` in a test, or \
                    remove the invariant";
    assert!(output.contains("the invariant `inventory_covers_orders` (tests/suites/unused_invariant.rs:"), "{output}");
    assert!(output.contains(expected), "{output}");
    Ok(())
}
