//! The promise that nothing is left behind: every way to end, by all kinds of things that must be given back, under both runners.
//!
//! Each case takes one of everything in one test, goes one way, and looks at what is left. [`paths`] says what must come of it, and
//! `docs/leftovers.md` is made from the same list.

mod page;
mod paths;
mod resources;

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Finished, signal};
use rustix::process::Signal;

use paths::{End, Expected, Left, Runner};
use resources::{Resource, Surroundings};

/// How long a run may take to take everything.
const BEGINNING: Duration = Duration::from_secs(30);

/// Tests that run before and after.
const NEIGHBOURS: [&str; 2] = ["a_good_neighbour", "yet_another_neighbour"];

/// When nextest has had enough of a test.
const NEXTEST: &str = "[profile.default]\n\
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
        "session_server_is_asked_to_end",
        "session_server_is_killed",
        "everything_is_killed"
    )]
    path: &str,
    dir: &TempDir,
) -> Result<()> {
    #[arrange]
    let (test, expected) = paths::find(path, Runner::CargoTest).ok_or("nothing is known of that")?;
    let surroundings = Surroundings::new(dir)?;
    let [before, after] = NEIGHBOURS;
    let suite = surroundings
        .suite()
        .env("ITEST_TEARDOWN_TIMEOUT", teardown_timeout(test))
        .args(&["--format", "json", "--order", "declared", "--jobs", "1"])
        .args(&["--exact", before, test, after]);

    #[act]
    let finished = ended(expected, &surroundings, suite.command()?, |child| Ok(suite.wait_for(child)?)).await?;

    #[assert]
    assert_eq!(finished.code(), expected.code, "{}{}", finished.stdout(), finished.stderr());
    assert_left(&surroundings, &finished, expected).await?;
    if !expected.outcome.is_empty() {
        let events = Events::of(finished)?;
        assert_eq!(events.case(test)["outcome"], expected.outcome, "{:#}", events.case(test));
        let neighbours = NEIGHBOURS.iter().filter(|id| events.outcomes().get(**id).is_some_and(|end| end == "passed"));
        let expected = if matches!(expected.end, End::Test) { 2 } else { 1 };
        assert_eq!(neighbours.count(), expected, "{:?}", events.outcomes());
    }
    assert_next_run_gives_back(&surroundings, expected, surroundings.suite().args(&[before]).command()?).await
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
        "session_server_is_asked_to_end",
        "session_server_is_killed",
        "everything_is_killed"
    )]
    path: &str,
    dir: &TempDir,
) -> Result<()> {
    #[arrange]
    let (test, expected) = paths::find(path, Runner::Nextest).ok_or("nothing is known of that")?;
    let surroundings = Surroundings::new(dir)?;
    let [before, after] = NEIGHBOURS;
    let suite = surroundings.suite().env("ITEST_TEARDOWN_TIMEOUT", teardown_timeout(test));
    let (config, choice) = (dir.join("nextest.toml"), [before, test, after].map(|test| format!("test(={test})")));
    std::fs::write(&config, if matches!(expected.end, End::TimeLimit) { NEXTEST } else { "" })?;
    let (config, choice) = (config.display().to_string(), choice.join(" + "));
    let arguments = ["run", "--no-fail-fast", "--test-threads", "1", "--config-file", &config, "-E", &choice];

    #[act]
    let nextest = suite.nextest(&arguments)?;
    let finished = ended(expected, &surroundings, nextest, |child| Ok(suite.wait_for(child)?)).await?;

    #[assert]
    let told = finished.stderr();
    assert_eq!(finished.code(), expected.code, "{told}");
    assert_left(&surroundings, &finished, expected).await?;
    if !expected.outcome.is_empty() {
        let said = |test: &str, word: &str| {
            let lines = told.lines().map(str::trim);
            lines.filter(|line| line.ends_with(&format!(" {test}"))).any(|line| line.starts_with(word))
        };
        assert!(said(test, expected.outcome), "{told}");
        let goes_on = matches!(expected.end, End::Test | End::TimeLimit);
        assert!(said(before, "PASS") && said(after, "PASS") == goes_on, "{told}");
    }
    let next = surroundings.suite().nextest(&["run", "--config-file", &config, "-E", &format!("test(={before})")])?;
    assert_next_run_gives_back(&surroundings, expected, next).await
}

/// Steps that hang are cut off soon; all others have the time that they may need on a busy machine.
fn teardown_timeout(test: &str) -> &'static str {
    if test.ends_with("_in_teardown") { "700ms" } else { "10s" }
}

/// Starts a run and sees it to its end.
async fn ended(
    expected: &Expected,
    surroundings: &Surroundings<'_>,
    mut command: Command,
    wait: impl FnOnce(Child) -> Result<Finished>,
) -> Result<Finished> {
    let mut child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if !matches!(expected.end, End::Test | End::TimeLimit) {
        let is_waiting = || async { surroundings.noted("waiting").is_some() };
        eventually(is_waiting).within(BEGINNING).equals(true).await?;
    }
    match expected.end {
        End::Test | End::TimeLimit => {}
        End::Signal(sent) => signal(child.id(), sent),
        End::Impatience => {
            let has_ended = || {
                signal(child.id(), Signal::INT);
                let ended = child.try_wait().is_ok_and(|status| status.is_some());
                async move { ended }
            };
            // Twice: nextest takes a third one for a reason to end without having waited for anything.
            eventually(has_ended).within(BEGINNING).every(Duration::from_millis(700)).equals(true).await?;
        }
        End::Group => {
            let group = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process_group(group, Signal::KILL)?;
        }
        End::Everything => kill_the_harness(surroundings),
    }
    wait(child)
}

/// First nobody can do anything any more, and then nobody is there any more.
fn kill_the_harness(surroundings: &Surroundings<'_>) {
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

/// What is left is what is expected to be, and it was there.
async fn assert_left(surroundings: &Surroundings<'_>, finished: &Finished, expected: &Expected) -> Result<()> {
    let never_taken = surroundings.never_taken();
    assert!(never_taken.is_empty(), "never taken: {never_taken:?}\n{}{}", finished.stdout(), finished.stderr());
    let Left { until_next_run, for_good, patience } = expected.left;
    settled(surroundings, finished, patience, until_next_run.iter().chain(for_good).copied().collect()).await
}

async fn assert_next_run_gives_back(
    surroundings: &Surroundings<'_>,
    expected: &Expected,
    mut next: Command,
) -> Result<()> {
    let Left { until_next_run, for_good, patience } = expected.left;
    if until_next_run.is_empty() {
        return Ok(());
    }
    // Whoever was killed may take a moment to die.
    eventually(|| async { surroundings.harness() }).equals(Vec::new()).await?;
    let swept = Finished::of(next.output()?, &surroundings.suite());
    assert_eq!(swept.code(), Some(0), "{}{}", swept.stdout(), swept.stderr());
    settled(surroundings, &swept, patience, for_good.iter().copied().collect()).await
}

async fn settled(
    surroundings: &Surroundings<'_>,
    finished: &Finished,
    patience: Duration,
    expected: BTreeSet<Resource>,
) -> Result<()> {
    let kinds = || async { surroundings.leftovers(finished).into_keys().collect::<BTreeSet<_>>() };
    let settled = eventually(kinds).within(patience).equals(expected).await;
    settled.map(drop).map_err(|error| {
        let left = surroundings.leftovers(finished);
        format!("{error}\nleft: {left:#?}\n{}{}", finished.stdout(), finished.stderr()).into()
    })
}
