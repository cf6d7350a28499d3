//! Leaks of a test are detected, reported and cleaned up, so that the next test starts in a clean state.

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
#[case::variable("leaves_a_variable", "a changed environment variable (LEFT_BY_A_TEST)")]
#[case::directory("leaves_the_directory", "a changed working directory (/)")]
fn leak_is_reported_with_its_test(
    #[case] test: &str,
    #[case] expected: &str,
    #[values("--jobs=1", "--in-process")] mode: &str,
    dir: &TempDir,
) -> Result<()> {
    let events = suite(dir).events(&["--exact", test, mode])?;
    let case = events.case(test);
    assert_eq!(case["outcome"], "passed");
    let leaks = case["leaks"].as_array().cloned().unwrap_or_default();
    assert_eq!(leaks.len(), 1, "{leaks:?}");
    assert!(leaks[0].as_str().unwrap_or_default().contains(expected), "{leaks:?}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("leaks"))]
fn test_without_leak_gets_no_warning(dir: &TempDir, #[values("--jobs=1", "--in-process")] mode: &str) -> Result<()> {
    let events = suite(dir).events(&["tidy", "leaves_a_zombie_only", mode])?;
    let outcomes = events.outcomes();
    assert_eq!(outcomes.len(), 4, "{outcomes:?}");
    for id in outcomes.keys() {
        assert!(events.case(id)["leaks"].is_null(), "{:#}", events.case(id));
    }
    Ok(())
}

/// All tests run one after the other, and none of them sees a leak of an earlier one.
#[integration_test(tags("leaks"))]
fn next_test_sees_no_leak_of_an_earlier_test(
    dir: &TempDir,
    #[values("declared", "reverse", "random")] order: &str,
) -> Result<()> {
    let events = suite(dir).events(&["--jobs", "1", "--order", order])?;
    let failed: Vec<_> = events.outcomes().into_iter().filter(|(_, outcome)| outcome != "passed").collect();
    assert!(failed.is_empty(), "{failed:?}");
    let workers = events.named("case_finished").iter().map(|case| case["worker"].as_u64()).max().flatten();
    assert!(workers.is_some_and(|last| last >= 8), "each leak replaces the worker; the last one was {workers:?}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("leaks"))]
#[case::fail("fail", "errored", Some(101))]
#[case::ignore("ignore", "passed", Some(0))]
fn leak_policy_decides_the_outcome(
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
fn pipes_of_the_harness_are_not_reported_as_leak(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--tag", "pipes", "--jobs", "1", "--repeat", "4"])?;
    let leaks: Vec<_> = events.named("case_finished").iter().map(|case| case["leaks"].to_string()).collect();
    assert_eq!(leaks.iter().filter(|leaks| *leaks == "[\"open file /dev/zero\"]").count(), 4, "{leaks:?}");
    assert_eq!(leaks.iter().filter(|leaks| *leaks == "null").count(), 4, "{leaks:?}");
    Ok(())
}

#[integration_test(tags("leaks"))]
fn report_lists_leaks_at_its_end(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["--exact", "leaves_a_child", "leaves_a_task"]).run()?;
    let text = finished.stdout();
    assert!(text.contains("warning: leaves_a_child left behind: process "), "{text}");
    assert!(text.contains("warning: leaves_a_task left behind: a running task\n"), "{text}");
    Ok(())
}

#[integration_test(tags("leaks"))]
fn panic_in_a_thread_or_task_fails_its_test(
    dir: &TempDir,
    #[values("--jobs=1", "--in-process")] mode: &str,
) -> Result<()> {
    let events = suite(dir).events(&["--tag", "panics", "--include-ignored", mode])?;
    let outcomes = events.outcomes();
    assert_eq!(outcomes["panics_in_a_thread_on_purpose"], "passed");
    for (test, message, thread) in [
        ("panics_in_a_thread", "in a thread", "a thread without a name"),
        ("panics_in_an_unawaited_task", "in a task", "a task"),
    ] {
        let failure = &events.case(test)["failures"][0];
        assert_eq!(outcomes[test], "failed");
        assert_eq!(failure["message"], message);
        assert_eq!(failure["thread"], thread);
        assert!(failure["location"].as_str().is_some_and(|place| place.contains("leaks.rs:")), "{failure:#}");
    }
    Ok(())
}

/// The worker fixture is made in the leaking test itself, or in a test before it. In both cases the leak is reported.
#[integration_test(tags("leaks"))]
#[case::listener("leaves_a_listener", "listening port 127.0.0.1:")]
#[case::name("leaves_a_listener_with_a_name", "listening port @left-by-a-test")]
#[case::datagrams("leaves_a_datagram_socket", "listening port 127.0.0.1:")]
#[case::file("leaves_a_file", "open file /dev/full")]
#[case::task("leaves_a_task", "a running task")]
#[case::thread(
    "leaves_a_thread_without_a_name",
    "thread suite_leaks::beside_a_fixture::leaves_a_thread_without_a_name"
)]
#[case::variable("leaves_a_variable", "a changed environment variable (LEFT_BY_A_TEST)")]
#[case::before("leaves_an_umask_before_the_fixture_is_made", "a changed umask (027)")]
fn leak_is_reported_although_the_test_uses_a_worker_fixture(
    #[case] test: &str,
    #[case] expected: &str,
    dir: &TempDir,
    #[values("--jobs=1", "--in-process")] mode: &str,
) -> Result<()> {
    let name = format!("beside_a_fixture::{test}");
    let honest = "beside_a_fixture::honest_uses_the_pool";
    for selected in [&["--exact", &name][..], &["--exact", honest, &name]] {
        let arguments = [selected, &[mode, "--order", "declared"]].concat();
        let events = suite(dir).events(&arguments)?;
        let leaks = events.case(&name)["leaks"].as_array().cloned().unwrap_or_default();
        assert_eq!(leaks.len(), 1, "{leaks:?}");
        assert!(leaks[0].as_str().is_some_and(|leak| leak.contains(expected)), "{leaks:?}");
        events.finished.assert_nothing_left();
    }
    Ok(())
}

#[integration_test(tags("leaks"))]
fn resources_of_a_worker_fixture_are_not_reported_as_leak(
    dir: &TempDir,
    #[values("--jobs=1", "--in-process")] mode: &str,
) -> Result<()> {
    let events = suite(dir).events(&["beside_a_fixture::honest", mode])?;
    assert_eq!(events.outcomes().len(), 5, "{:?}", events.outcomes());
    for id in events.outcomes().keys() {
        assert!(events.case(id)["leaks"].is_null(), "{:#}", events.case(id));
    }
    events.finished.assert_nothing_left();
    Ok(())
}

/// An unnamed thread inherits the name of the runtime thread that started it.
#[integration_test(tags("leaks"))]
fn thread_started_by_a_task_is_reported_as_leak(dir: &TempDir) -> Result<()> {
    let name = "beside_a_fixture::leaves_a_thread_that_a_task_started";
    let events = suite(dir).events(&["--exact", name])?;
    let leak = events.case(name)["leaks"][0].as_str().unwrap_or_default().to_owned();
    assert!(leak.starts_with("thread suite_leaks::beside_a_fixture::leaves_a_thread_that_a_task_started "), "{leak}");
    Ok(())
}
