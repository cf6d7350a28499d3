//! Every way in which a test can end has its own outcome and is attributed to its phase.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    let limits = ["--setup-timeout", "300ms", "--teardown-timeout", "200ms"];
    Suite::new(env!("CARGO_BIN_EXE_suite-outcomes"), dir).args(&limits)
}

#[integration_test(tags("outcomes"))]
#[case::passes("passes", "passed", "", "")]
#[case::passes_in_phases("passes_in_phases", "passed", "", "")]
#[case::fails_in_assert("fails_in_assert", "failed", "assert", "arithmetic")]
#[case::fails_in_act("fails_in_act", "failed", "act", "invalid digit found in string")]
#[case::errors_in_arrange("errors_in_arrange", "errored", "arrange", "invalid digit found in string")]
#[case::fails_without_phases("fails_without_phases", "failed", "body", "plainly")]
#[case::errors_in_setup("errors_in_setup", "errored", "setup", "the licence has expired")]
#[case::panics_in_setup("panics_in_setup", "errored", "setup", "dropped it")]
#[case::needs_the_unreachable("needs_the_unreachable", "errored", "setup", "no route to host")]
#[case::times_out_in_setup("times_out_in_setup", "timed_out", "setup", "setup did not end within 300ms")]
#[case::times_out_awaiting("times_out_awaiting", "timed_out", "act", "the test did not end within 100ms")]
#[case::times_out_blocking("times_out_blocking", "timed_out", "act", "it blocks its thread")]
#[case::aborts("aborts", "crashed", "act", "SIGABRT")]
#[case::exits("exits", "crashed", "body", "exited with code 0")]
#[case::reads_invalid_memory("reads_invalid_memory", "crashed", "body", "SIGSEGV")]
#[case::overflows_its_stack("overflows_its_stack", "crashed", "body", "SIG")]
#[case::skips("skips", "skipped", "", "")]
#[case::misses_a_service("misses_a_service", "skipped", "", "")]
#[case::overruns_its_budget("overruns_its_budget", "failed", "act", "over its budget of 1ms")]
#[case::errors_in_teardown("errors_in_teardown", "errored", "teardown", "it is stuck")]
#[case::fails_and_errors_in_teardown("fails_and_errors_in_teardown", "failed", "body", "the real reason")]
#[case::hangs_in_teardown("hangs_in_teardown", "timed_out", "teardown", "still running after its limit of 200ms")]
#[case::passes_at_last("passes_at_last", "flaky", "", "")]
fn each_way_to_end_has_its_outcome_and_phase(
    #[case] test: &str,
    #[case] outcome: &str,
    #[case] phase: &str,
    #[case] message: &str,
    dir: &TempDir,
) -> Result<()> {
    #[act("runs it alone")]
    let events = suite(dir).events(&["--exact", test])?;

    #[assert]
    let case = events.case(test);
    assert_eq!(case["outcome"], outcome, "{case:#}");
    let failure = &case["failures"][0];
    assert_eq!(failure["phase"].as_str().unwrap_or_default(), phase, "{case:#}");
    let actual = failure["message"].as_str().unwrap_or_default();
    assert!(actual.contains(message), "{actual}");
    let green = ["passed", "skipped", "flaky"].contains(&outcome);
    assert_eq!(events.finished.code(), Some(if green { 0 } else { 101 }));
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("outcomes"))]
fn failing_tests_do_not_change_results_of_other_tests(
    dir: &TempDir,
    #[values("1", "2", "4")] jobs: &str,
) -> Result<()> {
    #[act("runs the whole suite")]
    let events = suite(dir).events(&["--jobs", jobs])?;

    #[assert]
    let outcomes = events.outcomes();
    let count = |wanted: &str| outcomes.values().filter(|outcome| *outcome == wanted).count();
    assert_eq!(outcomes.len(), 24, "{outcomes:?}");
    assert_eq!(
        ["passed", "flaky", "failed", "errored", "timed_out", "crashed", "skipped"].map(count),
        [2, 1, 5, 6, 4, 4, 2],
        "{outcomes:?}"
    );
    let summary = events.summary();
    assert_eq!(summary["failed"], 19);
    assert_eq!(summary["ignored"], 3, "two skip themselves, one is ignored");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
fn failed_worker_fixture_is_not_retried_for_the_next_test(dir: &TempDir) -> Result<()> {
    #[act]
    let events = suite(dir).events(&["--tag", "unreachable", "--jobs", "1"])?;

    #[assert]
    let ends = events.named("case_finished");
    assert_eq!(ends.len(), 2);
    let tries =
        ends.iter().filter(|end| end["stdout"].as_str().is_some_and(|text| text.contains("trying once"))).count();
    assert_eq!(tries, 1);
    assert!(ends.iter().all(|end| end["failures"][0]["message"] == "no route to host"));
    assert!(ends.iter().all(|end| end["failures"][0]["description"] == "Unreachable"));
    Ok(())
}

#[integration_test]
fn teardown_runs_for_the_finished_part_of_a_failed_setup(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", "panics_in_setup"])?;
    assert_eq!(events.case("panics_in_setup")["stdout"], "given back\n");
    Ok(())
}

#[integration_test]
fn teardown_runs_after_a_timeout(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", "times_out_awaiting"])?;
    let case = events.case("times_out_awaiting");
    assert_eq!(case["stdout"], "tidied up\n");
    assert_eq!(case["failures"][0]["description"], "waits for ever");
    let line =
        include_str!("../suites/outcomes.rs").lines().position(|line| line.contains("waits for ever")).unwrap_or(0) + 1;
    let place = case["failures"][0]["location"].to_string();
    assert!(place.contains(&format!("suites/outcomes.rs:{line}:")), "the phase's own line, {line}, not {place}");
    Ok(())
}

#[integration_test]
fn failed_or_hanging_teardown_step_does_not_stop_other_steps(
    #[values("errors_in_teardown", "hangs_in_teardown")] test: &str,
    dir: &TempDir,
) -> Result<()> {
    let events = suite(dir).events(&["--exact", test])?;
    assert_eq!(events.case(test)["stdout"], "returned\n");
    Ok(())
}

#[integration_test]
fn teardown_failure_is_reported_after_the_failure_of_the_test(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", "fails_and_errors_in_teardown"])?;
    let failures = &events.case("fails_and_errors_in_teardown")["failures"];
    assert_eq!(failures[0]["message"], "the real reason");
    assert_eq!(failures[1]["phase"], "teardown");
    assert_eq!(failures[1]["message"], "it is stuck");
    Ok(())
}

#[integration_test]
fn failure_in_a_phase_names_its_line(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", "fails_in_act"])?;
    let place = events.case("fails_in_act")["failures"][0]["location"].to_string();
    let line =
        include_str!("../suites/outcomes.rs").lines().position(|line| line.contains("let port")).unwrap_or(0) + 1;
    assert!(place.contains(&format!("suites/outcomes.rs:{line}:")), "{place}, not line {line}");
    Ok(())
}

#[integration_test]
fn phases_are_recorded_in_order(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", "passes_in_phases"])?;
    let phases = events.case("passes_in_phases")["phases"].clone();
    let names: Vec<_> = phases.as_array().into_iter().flatten().map(|phase| phase["phase"].clone()).collect();
    assert_eq!(names, ["setup", "arrange", "act", "assert", "teardown"]);
    assert_eq!(phases[2]["description"], "adds up");
    Ok(())
}

#[integration_test]
fn retry_runs_in_a_new_process(dir: &TempDir) -> Result<()> {
    #[act]
    let events = suite(dir).events(&["--exact", "passes_at_last"])?;

    #[assert]
    let mut outputs: Vec<_> = events.named("case_retried").iter().map(|event| event["stdout"].clone()).collect();
    outputs.push(events.case("passes_at_last")["stdout"].clone());
    let processes: Vec<_> = outputs.iter().filter_map(|text| text.as_str()?.split_once("process ")).collect();
    assert_eq!(processes.len(), 3, "{outputs:?}");
    assert!(processes[0].1 != processes[1].1 && processes[1].1 != processes[2].1, "{processes:?}");
    assert_eq!(events.case("passes_at_last")["attempt"], 3);
    Ok(())
}

#[integration_test]
fn missing_service_fails_the_test_under_require_all(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", "misses_a_service", "--require", "all"])?;
    assert_eq!(events.case("misses_a_service")["outcome"], "failed");
    assert_eq!(events.finished.code(), Some(101));
    Ok(())
}
