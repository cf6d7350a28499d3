//! Time limits and teardown work even if a test blocks its runtime, and a test may have a private runtime.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-runtimes"), dir)
}

#[integration_test(tags("runtimes"))]
#[case::hang("shared::blocks_every_thread_and_awaits", "timed_out", "did not end within 300ms")]
#[case::pass("shared::blocks_every_thread_and_passes", "passed", "")]
#[case::paused("own::never_ends_in_paused_time", "timed_out", "did not end within 200ms")]
fn timeout_and_teardown_work_while_the_test_blocks_its_runtime(
    #[case] test: &str,
    #[case] outcome: &str,
    #[case] message: &str,
    dir: &TempDir,
    #[values("--jobs=1", "--in-process")] mode: &str,
) -> Result<()> {
    let finished = suite(dir).args(&["--exact", test, mode, "--nocapture"]).run()?;
    assert!(finished.stdout().contains("given back: true"), "{test} was not torn down: {}", finished.stdout());
    let events = suite(dir).events(&["--exact", test, "--jobs", "1"])?;
    let case = events.case(test);
    assert_eq!(case["outcome"], outcome, "{case:#}");
    assert!(case["failures"][0]["message"].as_str().unwrap_or_default().contains(message), "{case:#}");
    assert_eq!(case["stdout"], "given back: true\n", "{case:#}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("runtimes"))]
fn blocked_tasks_do_not_delay_timers_of_other_tests(
    dir: &TempDir,
    #[values("declared", "reverse")] order: &str,
) -> Result<()> {
    let events = suite(dir).events(&["shared::", "--jobs", "1", "--order", order])?;
    for (test, outcome) in events.outcomes() {
        let expected = if test.ends_with("and_awaits") { "timed_out" } else { "passed" };
        assert_eq!(outcome, expected, "{test}: {:#}", events.case(&test));
    }
    Ok(())
}

#[integration_test(tags("runtimes"))]
#[case::current_thread("leaves_a_task_of_one_thread", &["a running task"])]
#[case::threads("leaves_tasks_of_two_threads", &["2 running tasks", "(test-runtime)"])]
fn leaked_tasks_on_a_private_runtime_are_reported(
    #[case] test: &str,
    #[case] expected: &[&str],
    dir: &TempDir,
) -> Result<()> {
    let name = format!("own::{test}");
    let events = suite(dir).events(&["--exact", &name])?;
    let leaks = events.case(&name)["leaks"].to_string();
    assert!(expected.iter().all(|leak| leaks.contains(leak)), "{leaks}");
    Ok(())
}

#[integration_test(tags("runtimes"))]
fn private_and_shared_runtimes_work_in_one_run(
    dir: &TempDir,
    #[values("--jobs=1", "--jobs=2")] jobs: &str,
) -> Result<()> {
    let arguments = ["own::", "fixtures::", "--skip", "leaves", "--skip", "never_ends", "--skip", "panics", jobs];
    let events = suite(dir).events(&arguments)?;
    assert_eq!(events.outcomes().len(), 11, "{:?}", events.outcomes());
    for (test, outcome) in events.outcomes() {
        assert_eq!(outcome, "passed", "{test}: {:#}", events.case(&test));
        assert!(events.case(&test)["leaks"].is_null(), "{test}: {:#}", events.case(&test));
    }
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("runtimes"))]
fn panic_of_a_task_on_a_private_runtime_fails_the_test(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["panics"])?;
    for test in ["own::task_panics", "own::task_of_one_thread_panics"] {
        assert_eq!(events.case(test)["failures"][0]["thread"], "a task", "{:#}", events.case(test));
    }
    Ok(())
}

#[integration_test(tags("runtimes"))]
#[case::default(None, "passed", "passed")]
#[case::more(Some("33554432"), "passed", "passed")]
#[case::less(Some("1048576"), "crashed", "")]
fn stack_size_is_that_of_a_main_thread_or_rust_min_stack(
    #[case] bytes: Option<&str>,
    #[case] in_worker_process: &str,
    #[case] in_worker_thread: &str,
    dir: &TempDir,
) -> Result<()> {
    let test = "uses_six_megabytes_of_stack";
    for (mode, expected) in [("--jobs=1", in_worker_process), ("--in-process", in_worker_thread)] {
        let suite = suite(dir).args(&["--exact", test, mode, "--format", "json"]);
        let suite = bytes.into_iter().fold(suite, |suite, bytes| suite.env("RUST_MIN_STACK", bytes));
        let finished = suite.run()?;
        let outcome = format!("\"outcome\":\"{expected}\"");
        let is_reported = finished.stdout().contains(&outcome);
        // A stack overflow ends a process whose test runs in it before anything is reported.
        assert_eq!(is_reported, !expected.is_empty(), "{mode}: {}{}", finished.stdout(), finished.stderr());
    }
    Ok(())
}
