//! No panic goes unreported, whatever ends the test, its process or its panic hook.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Suite};
use serde_json::Value;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-panics"), dir)
}

fn failures(events: &Events, test: &str) -> Vec<Value> {
    events.case(test)["failures"].as_array().cloned().unwrap_or_default()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

#[integration_test(tags("panics"))]
#[case::second_panic("panics_while_it_unwinds", "crashed", "SIGABRT")]
#[case::callback("panics_in_a_callback_of_c", "crashed", "SIGABRT")]
#[case::abort("aborts_while_it_unwinds", "crashed", "SIGABRT")]
#[case::exit("exits_while_it_unwinds", "crashed", "code 3")]
#[case::hang("hangs_while_it_unwinds", "timed_out", "did not end within 200ms")]
#[case::stack("overflows_its_stack_while_it_unwinds", "crashed", "SIGABRT")]
#[case::kill("is_killed_while_it_unwinds", "crashed", "SIGKILL")]
#[case::long("has_a_message_longer_than_the_log", "crashed", "SIGABRT")]
#[case::thread("aborts_after_a_thread_panicked", "crashed", "SIGABRT")]
fn panic_before_a_crash_is_the_first_reported_failure(
    #[case] test: &str,
    #[case] outcome: &str,
    #[case] end: &str,
    dir: &TempDir,
) -> Result<()> {
    let name = format!("crashes::{test}");
    let events = suite(dir).events(&["--exact", &name])?;
    assert_eq!(events.case(&name)["outcome"], outcome);
    let failures = failures(&events, &name);
    let (first, last) = failures.first().zip(failures.last()).ok_or("nothing is reported")?;
    assert!(text(first, "message").contains("the real reason"), "{failures:#?}");
    assert!(text(first, "location").contains("suites/panics.rs:"), "{failures:#?}");
    assert!(text(last, "message").contains(end), "{failures:#?}");
    Ok(())
}

#[integration_test(tags("panics"))]
fn caught_panic_is_not_reported_with_a_later_crash(dir: &TempDir) -> Result<()> {
    let name = "crashes::aborts_after_it_caught_a_panic";
    let events = suite(dir).events(&["--exact", name])?;
    let failures = failures(&events, name);
    assert_eq!(failures.len(), 1, "{failures:#?}");
    assert!(text(&failures[0], "message").contains("SIGABRT"), "{failures:#?}");
    Ok(())
}

#[integration_test(tags("panics"))]
fn caught_panic_is_shown_in_the_output(dir: &TempDir, #[values("--jobs=1", "--in-process")] mode: &str) -> Result<()> {
    let finished = suite(dir).args(&["caught::", "--show-output", mode]).run()?;
    let output = finished.stdout() + &finished.stderr();
    assert_eq!(output.matches("the handler's reason").count(), 2, "{output}");
    assert!(output.contains("panicked at tests/suites/panics.rs:"), "{output}");
    let numbers = (0..100).filter(|number| output.contains(&format!("panic {number}\n"))).count();
    assert_eq!(numbers, 100, "{output}");
    Ok(())
}

#[integration_test(tags("panics"))]
#[case::local_task("local_task", "in a local task", "a task", "body")]
#[case::own_runtime("local_task_of_a_private_runtime", "in a local task", "a task", "body")]
#[case::blocking("blocking_task", "in a blocking task", "a task", "body")]
#[case::thread("thread_that_is_joined_in_assert", "after the act", "the thread `pool-3`", "assert")]
fn background_panic_fails_the_test_with_thread_and_phase(
    #[case] test: &str,
    #[case] message: &str,
    #[case] thread: &str,
    #[case] phase: &str,
    dir: &TempDir,
    #[values("--jobs=1", "--in-process")] mode: &str,
) -> Result<()> {
    let name = format!("background::{test}");
    let events = suite(dir).events(&["--exact", &name, mode])?;
    assert_eq!(events.case(&name)["outcome"], "failed");
    let failures = failures(&events, &name);
    assert_eq!(failures.len(), 1, "{failures:#?}");
    let failure = &failures[0];
    assert_eq!([text(failure, "message"), text(failure, "thread"), text(failure, "phase")], [message, thread, phase]);
    assert!(text(failure, "location").contains("suites/panics.rs:"), "{failure:#}");
    Ok(())
}

#[integration_test(tags("panics"))]
fn background_panic_report_names_the_call_that_allows_it(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["background::local_task", "background::resumed"]).run()?;
    let text = finished.stdout();
    assert!(text.contains("test background::local_task_on_purpose ... ok"), "{text}");
    assert!(text.contains("failed in test body, in a task, at "), "{text}");
    assert!(text.contains("if this panic is expected: itest::allow_background_panics(\"why\")"), "{text}");
    Ok(())
}

#[integration_test(tags("panics"))]
fn panic_resumed_from_a_task_is_reported_once(dir: &TempDir) -> Result<()> {
    let name = "background::resumed_from_a_task";
    let events = suite(dir).events(&["--exact", name])?;
    let failures = failures(&events, name);
    assert_eq!(failures.len(), 1, "{failures:#?}");
    assert_eq!(text(&failures[0], "message"), "handed on");
    assert!(text(&failures[0], "location").contains("suites/panics.rs:"), "{failures:#?}");
    Ok(())
}

/// In each order, some tests start with a panic hook that another test has left.
#[integration_test(tags("panics"))]
fn panic_hook_of_a_test_does_not_affect_later_tests(
    dir: &TempDir,
    #[values("declared", "reverse", "random")] order: &str,
) -> Result<()> {
    let events = suite(dir).events(&["hooks::", "--jobs", "1", "--order", order])?;
    for (test, outcome) in events.outcomes() {
        let passes = ["silences_an_expected_panic", "restores_the_earlier_hook", "leaves_a_hook"];
        let expected = if passes.iter().any(|name| test.contains(name)) { "passed" } else { "failed" };
        assert_eq!(outcome, expected, "{test}: {:#}", events.case(&test));
        if outcome == "failed" {
            let failure = &failures(&events, &test)[0];
            assert!(text(failure, "location").contains("suites/panics.rs:"), "{test}: {failure:#}");
            let stderr = events.case(&test)["stderr"].to_string();
            let is_behind_a_hook = test.ends_with("of_its_own");
            assert_eq!(stderr.contains("a hook of the test's own"), is_behind_a_hook, "{test}: {stderr}");
            let is_printed_twice = test.ends_with("hook_away") && stderr.contains("panicked at");
            assert!(!is_printed_twice, "{test}: {stderr}");
        }
    }
    Ok(())
}
