//! Signals to the processes of a run: whichever process is killed or stopped, all resources of the tests are given back.

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Finished, Suite, signal};
use rustix::process::Signal;
use serde_json::Value;

fn suite(dir: &TempDir) -> Result<Suite<'_>> {
    fs::create_dir_all(dir.join("outside"))?;
    Ok(Suite::new(env!("CARGO_BIN_EXE_suite-session"), dir)
        .env("JOURNAL", dir.join("journal").display().to_string())
        .env("OUTSIDE", dir.join("outside").display().to_string()))
}

/// The files that tests made outside of their processes and did not remove.
fn outside(dir: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(dir.join("outside")).map(|entries| entries.filter_map(std::result::Result::ok));
    entries.into_iter().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn has_noted(dir: &TempDir, line: &str) -> bool {
    fs::read_to_string(dir.join("journal")).is_ok_and(|text| text.lines().any(|noted| noted == line))
}

/// The processes of the suite that were started with this flag.
fn processes(suite: &Suite<'_>, flag: &str) -> Vec<u32> {
    let has_flag = |id: &u32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == flag.as_bytes())
    };
    suite.traces().process_ids().into_iter().filter(has_flag).collect()
}

const SERVER: &str = "--itest-session";
const RECOVERING: &str = "--itest-recover";

fn start(suite: &Suite<'_>) -> Result<Child> {
    Ok(suite.command()?.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?)
}

fn problems(events: &Events) -> Vec<String> {
    let problems = events.summary()["problems"].as_array().cloned().unwrap_or_default();
    problems.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Sends these signals to the session server, one after the other, while the suite runs, but at most `at_most` of them.
async fn send_to_server(suite: &Suite<'_>, mut child: Child, signals: &[Signal], at_most: usize) -> Result<Finished> {
    let mut sent = 0;
    while child.try_wait()?.is_none() {
        for id in processes(suite, SERVER) {
            for each in signals.iter().take(at_most - sent) {
                signal(id, *each);
                sent += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(sent >= at_most.min(5), "{sent} signals were sent");
    Ok(suite.wait_for(child)?)
}

/// Twelve tests acquire a resource and crash, in two workers, while the session server gets signals all the time.
#[integration_test(timeout = "2m", tags("session"))]
#[case::terminate(&[Signal::TERM], usize::MAX)]
#[case::interrupt(&[Signal::INT], usize::MAX)]
#[case::hang_up(&[Signal::HUP], usize::MAX)]
#[case::quit(&[Signal::QUIT], usize::MAX)]
#[case::stop_and_continue(&[Signal::STOP, Signal::CONT], usize::MAX)]
#[case::stop(&[Signal::STOP], 1)]
async fn signals_to_the_session_server_lose_no_resource(
    #[case] signals: &[Signal],
    #[case] at_most: usize,
    dir: &TempDir,
) -> Result<()> {
    let suite = suite(dir)?.args(&["--ignored", "--tag", "storm", "--jobs", "2", "--format", "json"]);
    let finished = send_to_server(&suite, start(&suite)?, signals, at_most).await?;
    assert_eq!(outside(dir), [""; 0]);
    let events = Events::of(finished)?;
    assert_eq!(problems(&events), [""; 0]);
    assert_eq!(events.summary()["given_back"], 12);
    events.finished.assert_nothing_left();
    Ok(())
}

/// A killed session server is replaced each time. Only its own deferred steps are lost.
#[integration_test(timeout = "2m", tags("session"))]
async fn killed_session_server_loses_no_ledger_entry(dir: &TempDir) -> Result<()> {
    let suite = suite(dir)?.args(&["--ignored", "--tag", "storm", "--jobs", "2", "--format", "json"]);
    let mut child = start(&suite)?;
    let mut killed = 0;
    while child.try_wait()?.is_none() {
        for id in processes(&suite, SERVER) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            signal(id, Signal::KILL);
            killed += 1;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let events = Events::of(suite.wait_for(child)?)?;
    assert_eq!(outside(dir), [""; 0]);
    assert!(killed > 0);
    assert!(
        problems(&events).iter().all(|problem| problem.contains("the session server died")),
        "{:?}",
        problems(&events)
    );
    events.finished.assert_nothing_left();
    Ok(())
}

/// An interrupted recovery does not count as an attempt and is repeated at once.
#[integration_test(timeout = "2m", tags("session"))]
#[case::kill(&[Signal::KILL], 1)]
#[case::terminate(&[Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT], 1)]
#[case::stop(&[Signal::STOP], 1)]
async fn interrupted_recovery_is_repeated(
    #[case] signals: &[Signal],
    #[case] times: usize,
    dir: &TempDir,
) -> Result<()> {
    #[arrange]
    let limit = ["--teardown-timeout", "1s"];
    let suite = suite(dir)?.args(&["--ignored", "--tag", "slow-back", "--format", "json"]).args(&limit);
    let child = start(&suite)?;
    let giving_back = || async { has_noted(dir, "giving back slowly") };
    eventually(giving_back).within(Duration::from_secs(20)).equals(true).await?;

    #[act]
    for id in processes(&suite, RECOVERING).into_iter().take(times) {
        for each in signals {
            signal(id, *each);
        }
    }
    let events = Events::of(suite.wait_for(child)?)?;

    #[assert]
    assert_eq!(outside(dir), [""; 0]);
    assert_eq!(problems(&events), [""; 0]);
    assert_eq!(events.summary()["given_back"], 1);
    events.finished.assert_nothing_left();
    Ok(())
}

/// The session server ends the session while a test acquires its first resource.
#[integration_test(timeout = "2m", tags("session", "nextest"))]
async fn resources_of_an_orphan_are_given_back_while_the_session_ends(
    dir: &TempDir,
    #[values("crashes", "ends")] how: &str,
) -> Result<()> {
    #[arrange]
    let suite = suite(dir)?.env("HOW", how);
    let child = suite.nextest(&["run", "--run-ignored", "only", "takes_something_when_orphaned"])?;
    let mut child = { child }.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let waits = || async { has_noted(dir, "waiting for the end of the runner") };
    eventually(waits).within(Duration::from_secs(20)).equals(true).await?;

    #[act]
    child.kill()?;
    child.wait()?;

    #[assert]
    let finished = || async { (has_noted(dir, "taken as an orphan"), suite.traces().left(), outside(dir)) };
    eventually(finished).within(Duration::from_secs(20)).equals((true, Vec::new(), Vec::new())).await?;
    assert!(has_noted(dir, "give back orphan"));
    Ok(())
}

/// With `--keep-failed`, a failed test keeps its resources even if the session server is killed.
#[integration_test(timeout = "2m", tags("session"))]
async fn kept_session_survives_its_server(dir: &TempDir, #[values("kill", "terminate")] end: &str) -> Result<()> {
    #[arrange("a failed test that keeps what it took, and a run that is over")]
    let suite = suite(dir)?.args(&["--ignored", "--tag", "keeps", "--keep-failed", "--format", "json"]);
    let events = Events::of(suite.run()?)?;
    let kept = events.case("fails_with_resources")["kept"]["process"].as_u64();
    let holder = kept.and_then(|id| u32::try_from(id).ok()).ok_or("nothing is kept")?;
    let servers = processes(&suite, SERVER);
    assert_eq!((servers.len(), outside(dir).len()), (1, 2));

    #[act]
    signal(servers[0], if end == "kill" { Signal::KILL } else { Signal::TERM });
    let is_replaced =
        || async { processes(&suite, SERVER).len() == 1 && (end != "kill" || processes(&suite, SERVER) != servers) };
    eventually(is_replaced).within(Duration::from_secs(5)).equals(true).await?;

    #[assert]
    assert_eq!(outside(dir).len(), 2, "the resources are still kept");
    let swept = self::suite(dir)?.args(&["--sweep"]).run()?;
    assert_eq!((swept.code(), outside(dir).len()), (Some(0), 2), "{}{}", swept.stdout(), swept.stderr());
    signal(holder, Signal::TERM);
    eventually(|| async { events.finished.left() }).within(Duration::from_secs(5)).equals(Vec::new()).await?;
    assert_eq!(outside(dir), [""; 0]);
    Ok(())
}
