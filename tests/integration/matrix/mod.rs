//! Nothing is left behind: tests of each way in which a run can end, with every kind of resource, under both runners.
//!
//! In each case, one test acquires a resource of every kind, the run ends in one way, and the case checks what is left. [`paths`] has the
//! expected results; `docs/leftovers.md` is generated from the same list.

mod page;
mod paths;
mod resources;
mod servers;

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Finished, signal};
use rustix::process::Signal;

use paths::{End, Expected, Remaining, Runner};
use resources::{Resource, Surroundings};
use servers::{Servers, SharedRabbitmq, SharedServers};

/// The time limit for the test to acquire its resources, and for an interrupted run to end.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(30);

/// The tests that run before and after the one that ends in the examined way.
const OTHER_TESTS: [&str; 2] = ["a_test_before", "z_test_after"];

/// A configuration under which nextest ends a test after 1.5 s.
const NEXTEST_TIME_LIMIT: &str = "[profile.default]\n\
                       slow-timeout = { period = \"1500ms\", terminate-after = 1, grace-period = \"300ms\" }\n";

#[integration_test(timeout = "2m", tags("matrix"))]
async fn nothing_is_left_under_cargo_test(
    #[values(
        "pass",
        "error",
        "panic",
        "panic_in_a_task",
        "panic_in_a_thread",
        "setup_fails_half_way",
        "arrange_fails",
        "timeout",
        "blocking_hang",
        "deadlock",
        "endless_loop",
        "teardown_fails",
        "teardown_panics",
        "teardown_hangs",
        "teardown_blocks",
        "exit",
        "abort",
        "segmentation_fault",
        "stack_overflow",
        "worker_is_killed",
        "worker_is_stopped",
        "interrupt",
        "second_interrupt",
        "terminate",
        "hang_up",
        "runner_is_killed",
        "killed_while_a_test_blocks",
        "process_group_is_killed",
        "session_server_gets_signals",
        "session_server_is_killed",
        "everything_is_killed"
    )]
    path: &str,
    dir: &TempDir,
    rabbitmq: &SharedRabbitmq,
) -> Result<()> {
    assert_nothing_left_under_cargo_test(path, dir, Servers::Private(rabbitmq)).await
}

/// The most different ways, with servers at URLs.
#[integration_test(timeout = "2m", tags("matrix"))]
async fn nothing_is_left_on_servers_at_urls(
    #[values(
        "pass",
        "panic",
        "setup_fails_half_way",
        "timeout",
        "blocking_hang",
        "teardown_hangs",
        "abort",
        "worker_is_killed",
        "interrupt",
        "terminate",
        "runner_is_killed",
        "process_group_is_killed",
        "session_server_is_killed",
        "everything_is_killed"
    )]
    path: &str,
    dir: &TempDir,
    rabbitmq: &SharedRabbitmq,
    servers: &SharedServers,
) -> Result<()> {
    assert_nothing_left_under_cargo_test(path, dir, Servers::Shared(rabbitmq, servers)).await
}

/// The ways that end a private server in different processes. There are few of them, because the server takes seconds to start.
#[integration_test(timeout = "2m", tags("matrix"))]
async fn nothing_is_left_of_a_private_rabbitmq(
    #[values("abort", "interrupt", "runner_is_killed", "session_server_is_killed", "everything_is_killed")] path: &str,
    dir: &TempDir,
) -> Result<()> {
    assert_nothing_left_under_cargo_test(path, dir, Servers::PrivateRabbitmq).await
}

/// Runs the suite, ends it in this way, and checks its outcome and what is left.
async fn assert_nothing_left_under_cargo_test(path: &str, dir: &TempDir, servers: Servers<'_>) -> Result<()> {
    let (test, expected) = paths::find(path, Runner::CargoTest).ok_or("there is no such path")?;
    let surroundings = Surroundings::new(dir, servers)?;
    let [before, after] = OTHER_TESTS;
    let suite = surroundings
        .suite()
        .env("ITEST_TEARDOWN_TIMEOUT", teardown_timeout(test))
        .args(&["--format", "json", "--order", "declared", "--jobs", "1"])
        .args(&["--exact", before, test, after]);
    let finished = run_to_end(expected, &surroundings, suite.command()?, |child| Ok(suite.wait_for(child)?)).await?;
    assert_eq!(finished.code(), expected.code, "{}{}", finished.stdout(), finished.stderr());
    assert_left(&surroundings, &finished, expected).await?;
    if !expected.outcome.is_empty() {
        let events = Events::of(finished)?;
        assert_eq!(events.case(test)["outcome"], expected.outcome, "{:#}", events.case(test));
        let others_passed =
            OTHER_TESTS.iter().filter(|id| events.outcomes().get(**id).is_some_and(|end| end == "passed"));
        let expected = if matches!(expected.end, End::Test) { 2 } else { 1 };
        assert_eq!(others_passed.count(), expected, "{:?}", events.outcomes());
    }
    assert_next_run_releases(&surroundings, expected, surroundings.suite().args(&[before]).command()?).await
}

#[integration_test(timeout = "2m", tags("matrix", "nextest"))]
async fn nothing_is_left_under_nextest(
    #[values(
        "pass",
        "error",
        "panic",
        "panic_in_a_task",
        "panic_in_a_thread",
        "setup_fails_half_way",
        "arrange_fails",
        "timeout",
        "blocking_hang",
        "deadlock",
        "endless_loop",
        "teardown_fails",
        "teardown_panics",
        "teardown_hangs",
        "teardown_blocks",
        "exit",
        "abort",
        "segmentation_fault",
        "stack_overflow",
        "worker_is_killed",
        "worker_is_stopped",
        "runner_ends_a_test",
        "interrupt",
        "second_interrupt",
        "terminate",
        "hang_up",
        "runner_is_killed",
        "killed_while_a_test_blocks",
        "process_group_is_killed",
        "session_server_gets_signals",
        "session_server_is_killed",
        "everything_is_killed"
    )]
    path: &str,
    dir: &TempDir,
    rabbitmq: &SharedRabbitmq,
) -> Result<()> {
    #[arrange]
    let (test, expected) = paths::find(path, Runner::Nextest).ok_or("there is no such path")?;
    let surroundings = Surroundings::new(dir, Servers::Private(rabbitmq))?;
    let [before, after] = OTHER_TESTS;
    let suite = surroundings.suite().env("ITEST_TEARDOWN_TIMEOUT", teardown_timeout(test));
    let (config, choice) = (dir.join("nextest.toml"), [before, test, after].map(|test| format!("test(={test})")));
    std::fs::write(&config, if matches!(expected.end, End::TimeLimit) { NEXTEST_TIME_LIMIT } else { "" })?;
    let (config, choice) = (config.display().to_string(), choice.join(" + "));
    let arguments = ["run", "--no-fail-fast", "--test-threads", "1", "--config-file", &config, "-E", &choice];

    #[act]
    let nextest = suite.nextest(&arguments)?;
    let finished = run_to_end(expected, &surroundings, nextest, |child| Ok(suite.wait_for(child)?)).await?;

    #[assert]
    let stderr = finished.stderr();
    assert_eq!(finished.code(), expected.code, "{stderr}");
    assert_left(&surroundings, &finished, expected).await?;
    if !expected.outcome.is_empty() {
        let has_line = |test: &str, word: &str| {
            let lines = stderr.lines().map(str::trim);
            lines.filter(|line| line.ends_with(&format!(" {test}"))).any(|line| line.starts_with(word))
        };
        assert!(has_line(test, expected.outcome), "{stderr}");
        let goes_on = matches!(expected.end, End::Test | End::TimeLimit);
        assert!(has_line(before, "PASS") && has_line(after, "PASS") == goes_on, "{stderr}");
    }
    let next = surroundings.suite().nextest(&["run", "--config-file", &config, "-E", &format!("test(={before})")])?;
    assert_next_run_releases(&surroundings, expected, next).await
}

/// Hanging steps get a short limit, to keep the case short. All others get the time that they may need on a busy machine.
fn teardown_timeout(test: &str) -> &'static str {
    if test.ends_with("_in_teardown") { "700ms" } else { "10s" }
}

/// Starts a run, ends it in the expected way, and waits for its end.
async fn run_to_end(
    expected: &Expected,
    surroundings: &Surroundings<'_>,
    mut command: Command,
    wait: impl FnOnce(Child) -> Result<Finished>,
) -> Result<Finished> {
    let mut child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if !matches!(expected.end, End::Test | End::TimeLimit) {
        let is_waiting = || async { surroundings.noted("waiting").is_some() };
        eventually(is_waiting).within(STARTUP_TIMEOUT).equals(true).await?;
    }
    match expected.end {
        End::Test | End::TimeLimit => {}
        End::Signal(sent) => signal(child.id(), sent),
        End::RepeatedInterrupts => {
            let has_ended = || {
                signal(child.id(), Signal::INT);
                let ended = child.try_wait().is_ok_and(|status| status.is_some());
                async move { ended }
            };
            // The interval leaves time for two interrupts: after a third one nextest ends without waiting for its tests.
            eventually(has_ended).within(STARTUP_TIMEOUT).every(Duration::from_millis(700)).equals(true).await?;
        }
        End::ProcessGroup => {
            let group = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process_group(group, Signal::KILL)?;
        }
        End::Everything => kill_harness(surroundings),
    }
    wait(child)
}

/// Kills all processes of the harness. It stops all of them first, so that none can react to the death of another.
fn kill_harness(surroundings: &Surroundings<'_>) {
    let mut stopped = BTreeSet::new();
    loop {
        let running: Vec<_> = surroundings.harness().into_iter().filter(|id| stopped.insert(*id)).collect();
        if running.is_empty() {
            break;
        }
        for id in running {
            signal(id, Signal::STOP);
        }
    }
    for id in stopped {
        signal(id, Signal::KILL);
    }
}

/// Asserts that the test acquired every resource, and that exactly the expected resources are left.
async fn assert_left(surroundings: &Surroundings<'_>, finished: &Finished, expected: &Expected) -> Result<()> {
    let never_taken = surroundings.never_taken();
    assert!(never_taken.is_empty(), "never taken: {never_taken:?}\n{}{}", finished.stdout(), finished.stderr());
    let Remaining { until_next_run, for_good, timeout } = expected.left;
    wait_for_leftovers(surroundings, finished, timeout, until_next_run.iter().chain(for_good).copied().collect()).await
}

async fn assert_next_run_releases(
    surroundings: &Surroundings<'_>,
    expected: &Expected,
    mut next: Command,
) -> Result<()> {
    let Remaining { until_next_run, for_good, timeout } = expected.left;
    if until_next_run.is_empty() {
        return Ok(());
    }
    // Killed processes may take a moment to disappear.
    eventually(|| async { surroundings.harness() }).equals(Vec::new()).await?;
    let swept = Finished::of(next.output()?, &surroundings.suite());
    assert_eq!(swept.code(), Some(0), "{}{}", swept.stdout(), swept.stderr());
    wait_for_leftovers(surroundings, &swept, timeout, for_good.iter().copied().collect()).await
}

/// Waits until exactly the expected resources are left.
async fn wait_for_leftovers(
    surroundings: &Surroundings<'_>,
    finished: &Finished,
    timeout: Duration,
    expected: BTreeSet<Resource>,
) -> Result<()> {
    let kinds = || async { surroundings.leftovers(finished).into_keys().collect::<BTreeSet<_>>() };
    let settled = eventually(kinds).within(timeout).equals(expected).await;
    settled.map(drop).map_err(|error| {
        let left = surroundings.leftovers(finished);
        format!("{error}\nleft: {left:#?}\n{}{}", finished.stdout(), finished.stderr()).into()
    })
}
