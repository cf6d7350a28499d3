//! Delays between attempts.

use std::process::Stdio;
use std::time::{Duration, Instant};

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Suite, signal};
use rustix::process::Signal;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-order"), dir).env("JOURNAL", dir.join("journal").display().to_string())
}

#[integration_test(tags("retries"))]
fn retry_delay_doubles_within_its_jitter(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["fails_in_every_attempt", "--ignored", "--retry-delay", "80ms"])?;
    let ends = [events.named("case_retried"), events.named("case_finished")].concat();
    let started: Vec<u64> = ends.iter().filter_map(|event| event["started_us"].as_u64()).collect();
    let pauses: Vec<u64> = started.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000).collect();
    assert_eq!(pauses.len(), 3);
    for (pause, exact) in pauses.iter().zip([80, 160, 320]) {
        // A fresh worker has to start, on a machine that may have other things to do.
        assert!((exact * 3 / 4..exact * 5 / 4 + 2_000).contains(pause), "{pauses:?}");
    }
    Ok(())
}

#[integration_test(tags("retries"))]
fn other_tests_run_during_a_retry_delay_and_locks_are_kept(dir: &TempDir) -> Result<()> {
    #[arrange]
    let filters = ["fails_at_first", "plain", "--include-ignored", "--skip", "fails_in_every"];
    let order = ["--jobs", "1", "--order", "reverse", "--retry-delay", "300ms"];

    #[act]
    let events = suite(dir).events(&[&filters[..], &order].concat())?;

    #[assert("one worker ran the others meanwhile, but for the one that needs the same lock")]
    assert_eq!(events.finished.code(), Some(0), "{:?}", events.outcomes());
    let journal = std::fs::read_to_string(dir.join("journal"))?;
    let lines: Vec<_> = journal.lines().collect();
    let of = |number: u32| {
        let name = format!("attempt of fails_at_first::number_{number}");
        lines.iter().enumerate().filter(|(_, line)| **line == name).map(|(at, _)| at).collect::<Vec<_>>()
    };
    let (second, first) = (of(0), of(1));
    assert_eq!((first.len(), second.len()), (2, 2), "{journal}");
    assert_eq!(first[1] - first[0], 13, "all twelve ran between two attempts: {journal}");
    assert!(second[0] > first[1], "the lock was released during the delay: {journal}");
    assert_eq!(events.summary()["flaky"], 2);
    Ok(())
}

#[integration_test(tags("retries"))]
#[case::fail_fast(&["fails_in_every_attempt", "fails::number_3", "--include-ignored", "--fail-fast"], 101)]
#[case::interrupt(&["fails_in_every_attempt", "--include-ignored"], 130)]
fn fail_fast_and_interrupt_end_a_retry_delay(
    #[case] arguments: &[&str],
    #[case] code: i32,
    dir: &TempDir,
) -> Result<()> {
    #[arrange]
    let order = ["--jobs", "1", "--order", "reverse", "--retry-delay", "1m", "--format", "json"];
    let suite = suite(dir).args(arguments).args(&order);
    let began = Instant::now();

    #[act]
    let child = suite.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let journal = dir.join("journal");
    while code == 130 && !std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("attempt")) {
        assert!(began.elapsed() < Duration::from_secs(20), "it did not begin");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    if code == 130 {
        signal(child.id(), Signal::INT);
    }
    let events = itest_tests::Events::of(suite.wait_for(child)?)?;

    #[assert("it failed, once, and is not called retried")]
    assert_eq!(events.finished.code(), Some(code));
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(events.named("case_retried").len(), 0);
    if code == 101 {
        assert_eq!(events.case("fails_in_every_attempt")["outcome"], "failed");
    }
    assert_eq!(events.outcomes().len(), arguments.iter().filter(|argument| argument.starts_with("fails")).count());
    events.finished.assert_nothing_left();
    Ok(())
}
