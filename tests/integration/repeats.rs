//! Repeated runs: `--repeat`, `--until-fail`, `--for`, and the results of flaky tests.

use std::collections::{BTreeMap, BTreeSet};

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-order"), dir).env("JOURNAL", dir.join("journal").display().to_string())
}

#[integration_test(tags("repeats"))]
fn each_round_runs_all_tests_in_a_new_order(dir: &TempDir) -> Result<()> {
    let arguments = ["plain", "--repeat", "5", "--jobs", "1", "--seed", "7"];
    let events = suite(dir).events(&arguments)?;
    let order = events.order();
    let rounds: Vec<_> = order.chunks(12).collect();
    assert_eq!((order.len(), rounds.len()), (60, 5));
    for round in &rounds {
        assert_eq!(round.iter().collect::<BTreeSet<_>>().len(), 12, "{round:?}");
    }
    assert_eq!(rounds.iter().collect::<BTreeSet<_>>().len(), 5, "two rounds had the same order");
    assert_eq!((&events.summary()["rounds"], &events.summary()["passed"]), (&5.into(), &60.into()));
    assert_eq!(suite(dir).events(&arguments)?.order(), order, "the seed fixes all of them");
    Ok(())
}

#[integration_test(tags("repeats"))]
fn until_fail_and_repeat_report_the_failed_rounds(
    dir: &TempDir,
    #[values("--until-fail", "--repeat")] flag: &str,
) -> Result<()> {
    let flags: &[&str] = if flag == "--repeat" { &["--repeat", "8"] } else { &["--until-fail"] };
    let arguments = [&["--ignored", "--tag", "flaky", "--jobs", "1"], flags].concat();
    let finished = suite(dir).args(&arguments).run()?;
    let text = finished.stdout();
    assert_eq!(finished.code(), Some(101), "{text}");
    let (expected, counted) = match flag {
        "--repeat" => ("fails_every_fourth_time, in 2 of 8 rounds", "6 passed; 2 failed"),
        _ => ("fails_every_fourth_time, in 1 of 4 rounds", "3 passed; 1 failed"),
    };
    assert!(text.contains(expected) && text.contains(counted), "{text}");
    assert!(text.contains("this was the 4th time"), "{text}");
    Ok(())
}

#[integration_test(tags("repeats"))]
fn run_with_a_time_limit_finishes_its_last_round(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["plain", "--for", "200ms", "--jobs", "2"])?;
    assert_eq!(events.finished.code(), Some(0));
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for id in events.order() {
        *times.entry(id).or_default() += 1;
    }
    assert_eq!(times.len(), 12);
    let counts: BTreeSet<_> = times.values().collect();
    assert!(counts.len() == 1 && counts.iter().all(|count| **count >= 2), "{times:?}");
    Ok(())
}

/// A test that only fails in parallel with itself needs rounds that overlap.
#[integration_test(tags("repeats"))]
fn rounds_of_one_test_run_in_parallel(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["--exact", "meets::number_3", "--repeat", "8", "--jobs", "4"]).run()?;
    assert_eq!(finished.code(), Some(0));
    assert!(finished.stdout().contains("running 8 tests") && finished.stdout().contains("8 rounds"));
    let text = std::fs::read_to_string(dir.join("journal"))?;
    assert!(text.contains("begin 3\nbegin 3\n"), "{text}");
    Ok(())
}

#[integration_test(tags("repeats"))]
#[case::pass("pass", Some(0))]
#[case::fail("fail", Some(101))]
fn flaky_result_decides_the_exit_code(#[case] result: &str, #[case] code: Option<i32>, dir: &TempDir) -> Result<()> {
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-outcomes"), dir);
    let finished = suite.args(&["--exact", "passes_at_last", "--flaky-result", result]).run()?;
    assert_eq!(finished.code(), code, "{}", finished.stdout());
    assert_eq!(finished.stdout().contains("flaky tests fail this run"), result == "fail");
    Ok(())
}

#[integration_test(tags("repeats"))]
#[case::claim("fails_in_assert", 0)]
#[case::environment("errors_in_arrange", 2)]
fn retry_on_errored_does_not_retry_failed_tests(
    #[case] test: &str,
    #[case] retries: usize,
    dir: &TempDir,
) -> Result<()> {
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-outcomes"), dir);
    let events = suite.events(&["--exact", test, "--retries", "2", "--retry-on", "errored"])?;
    assert_eq!(events.named("case_retried").len(), retries);
    Ok(())
}
