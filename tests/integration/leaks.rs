//! What a test leaves behind is seen, told and taken away; the next test finds everything in its place.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-leaks"), dir)
}

#[integration_test(tags("leaks"))]
#[case::child("leaves_a_child", "process ")]
#[case::daemon("leaves_a_daemon", "(sleep 300)")]
#[case::daemon_without_environment("leaves_a_daemon_without_environment", "(sleep 300)")]
#[case::thread("leaves_a_thread", "(busybody)")]
#[case::task("leaves_a_task", "a running task")]
#[case::file("leaves_an_open_file", "open file /dev/zero")]
#[case::port("leaves_a_listening_port", "listening port ")]
#[case::variable("leaves_a_variable", "a change of the environment variable LEFT_BY_A_TEST")]
#[case::directory("leaves_the_directory", "another working directory, /")]
fn a_leak_is_told_with_its_test(
    #[case] test: &str,
    #[case] told: &str,
    #[values("--jobs=1", "--in-process")] mode: &str,
    dir: &TempDir,
) -> Result<()> {
    let events = suite(dir).events(&["--exact", test, mode])?;
    let case = events.case(test);
    assert_eq!(case["outcome"], "passed");
    let leaks = case["leaks"].as_array().cloned().unwrap_or_default();
    assert_eq!(leaks.len(), 1, "{leaks:?}");
    assert!(leaks[0].as_str().unwrap_or_default().contains(told), "{leaks:?}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("leaks"))]
fn who_leaves_nothing_is_not_accused(dir: &TempDir, #[values("--jobs=1", "--in-process")] mode: &str) -> Result<()> {
    let events = suite(dir).events(&["tidy", "leaves_a_zombie_only", mode])?;
    let outcomes = events.outcomes();
    assert_eq!(outcomes.len(), 4, "{outcomes:?}");
    for id in outcomes.keys() {
        assert!(events.case(id)["leaks"].is_null(), "{:#}", events.case(id));
    }
    Ok(())
}

/// All of them in one line of workers: nobody finds what another one left.
#[integration_test(tags("leaks"))]
fn the_next_test_finds_everything_in_its_place(
    dir: &TempDir,
    #[values("declared", "reverse", "random")] order: &str,
) -> Result<()> {
    let events = suite(dir).events(&["--jobs", "1", "--order", order])?;
    let failed: Vec<_> = events.outcomes().into_iter().filter(|(_, outcome)| outcome != "passed").collect();
    assert!(failed.is_empty(), "{failed:?}");
    let workers = events.named("case_finished").iter().map(|case| case["worker"].as_u64()).max().flatten();
    assert!(workers.is_some_and(|last| last >= 8), "each leak costs a worker; the last one was {workers:?}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("leaks"))]
#[case::fail("fail", "errored", Some(101))]
#[case::ignore("ignore", "passed", Some(0))]
fn a_leak_means_what_the_suite_says(
    #[case] policy: &str,
    #[case] outcome: &str,
    #[case] code: Option<i32>,
    dir: &TempDir,
) -> Result<()> {
    let events = suite(dir).events(&["--exact", "leaves_a_child", "--leaks", policy])?;
    assert_eq!(events.case("leaves_a_child")["outcome"], outcome);
    assert_eq!(events.finished.code(), code);
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("leaks"))]
fn the_pipes_of_the_harness_are_nobodys_leak(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--tag", "pipes", "--jobs", "1", "--repeat", "4"])?;
    let leaks: Vec<_> = events.named("case_finished").iter().map(|case| case["leaks"].to_string()).collect();
    assert_eq!(leaks.iter().filter(|leaks| *leaks == "[\"open file /dev/zero\"]").count(), 4, "{leaks:?}");
    assert_eq!(leaks.iter().filter(|leaks| *leaks == "null").count(), 4, "{leaks:?}");
    Ok(())
}

#[integration_test(tags("leaks"))]
fn the_report_names_leaks_at_its_end(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["--exact", "leaves_a_child", "leaves_a_task"]).run()?;
    let text = finished.stdout();
    assert!(text.contains("warning: leaves_a_child left behind: process "), "{text}");
    assert!(text.contains("warning: leaves_a_task left behind: a running task\n"), "{text}");
    Ok(())
}

#[integration_test(tags("leaks"))]
fn a_panic_in_a_thread_or_task_fails_its_test(
    dir: &TempDir,
    #[values("--jobs=1", "--in-process")] mode: &str,
) -> Result<()> {
    let events = suite(dir).events(&["--tag", "panics", "--include-ignored", mode])?;
    let outcomes = events.outcomes();
    assert_eq!(outcomes["panics_in_a_thread_on_purpose"], "passed");
    for (test, message) in [("panics_in_a_thread", "in a thread"), ("panics_in_a_task_that_nobody_awaits", "in a task")]
    {
        let failure = &events.case(test)["failures"][0];
        assert_eq!(outcomes[test], "failed");
        assert_eq!(failure["message"], message);
        assert_eq!(failure["description"], "a spawned thread or task");
        assert!(failure["location"].as_str().is_some_and(|place| place.contains("leaks.rs:")), "{failure:#}");
    }
    Ok(())
}
