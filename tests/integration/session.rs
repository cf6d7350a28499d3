//! Session fixtures: they are made once for all processes of a run, locked by exclusive borrows, and torn down at the end of the run.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite, signal};
use rustix::process::Signal;

fn suite(dir: &TempDir) -> Result<Suite<'_>> {
    fs::create_dir_all(dir.join("outside"))?;
    Ok(Suite::new(env!("CARGO_BIN_EXE_suite-session"), dir)
        .env("JOURNAL", dir.join("journal").display().to_string())
        .env("OUTSIDE", dir.join("outside").display().to_string()))
}

fn journal(dir: &TempDir) -> Vec<String> {
    let text = fs::read_to_string(dir.join("journal")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn count(journal: &[String], line: &str) -> usize {
    journal.iter().filter(|noted| *noted == line).count()
}

/// The files that tests made outside of their processes and did not remove.
fn outside(dir: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("outside")).map(|entries| entries.filter_map(Result::ok).collect::<Vec<_>>());
    entries.unwrap_or_default().into_iter().map(|entry| entry.path()).collect()
}

#[integration_test(tags("session"))]
fn session_fixtures_are_set_up_once_and_torn_down_in_reverse(dir: &TempDir) -> Result<()> {
    let events = suite(dir)?.events(&["shares_the_cluster", "--jobs", "4"])?;
    assert_eq!(events.finished.code(), Some(0), "{}", events.finished.stdout());
    let lines = journal(dir);
    let fixtures: Vec<_> = lines.iter().filter(|line| !line.starts_with("shared by")).collect();
    assert_eq!(fixtures, ["network up", "cluster up", "cluster down", "network down", "give back network"]);
    assert!(outside(dir).is_empty());
    events.finished.assert_nothing_left();
    Ok(())
}

/// Tests with `&mut` of a fixture and tests with one `serial` key do not overlap, and no test sees the changes that another made to its copy.
#[integration_test(tags("session"))]
fn exclusive_borrows_and_serial_tests_never_overlap(dir: &TempDir, #[values("1", "4")] jobs: &str) -> Result<()> {
    let events = suite(dir)?.events(&["wears_the_ring_alone", "rings_the_bell_alone", "--jobs", jobs])?;
    assert_eq!(events.finished.code(), Some(0), "{:?}", events.outcomes());
    for thing in ["ring", "bell"] {
        let steps: Vec<_> = journal(dir).into_iter().filter(|line| line.starts_with(thing)).collect();
        let pairs: BTreeSet<_> = steps.chunks(2).map(<[String]>::to_vec).collect();
        assert_eq!(pairs.len(), 1, "two tests overlapped: {steps:?}");
    }
    Ok(())
}

#[integration_test(tags("session"))]
fn fixture_beside_an_exclusive_borrow_gets_the_session_value(dir: &TempDir) -> Result<()> {
    let events = suite(dir)?.events(&["--tag", "copies", "--jobs", "1"])?;
    assert_eq!(events.finished.code(), Some(0), "{}", events.finished.stdout());
    Ok(())
}

#[integration_test(tags("session"))]
fn failed_session_fixture_is_tried_once_and_fails_each_test(dir: &TempDir) -> Result<()> {
    let events = suite(dir)?.events(&["--ignored", "--tag", "broken", "--jobs", "2"])?;
    assert_eq!(events.outcomes().values().collect::<BTreeSet<_>>(), BTreeSet::from([&"errored".to_owned()]));
    assert_eq!(events.named("case_retried").len(), 0, "another attempt could not have another result");
    for case in events.named("case_finished") {
        let failure = &case["failures"][0];
        assert_eq!((&failure["phase"], &failure["description"]), (&"setup".into(), &"Broken".into()));
        let message = failure["message"].as_str().unwrap_or_default();
        assert!(message.starts_with("no such device") && message.contains("| the session's own output"), "{message}");
    }
    let lines = journal(dir);
    assert_eq!(lines, ["trying to make what is broken", "pieces swept up"]);
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("session"))]
fn resources_of_a_killed_worker_are_given_back_during_the_run(dir: &TempDir) -> Result<()> {
    let events = suite(dir)?.events(&["--include-ignored", "--tag", "dies | calls"])?;
    assert_eq!(events.case("takes_something_and_is_killed")["outcome"], "crashed");
    assert_eq!(events.case("calls_a_teardown_function_itself")["outcome"], "passed");
    assert_eq!(count(&journal(dir), "give back taken"), 2);
    assert!(outside(dir).is_empty());
    assert_eq!(events.summary()["given_back"], 1);
    events.finished.assert_nothing_left();
    Ok(())
}

/// The session server belongs to the whole run, so it must survive the worker that started it.
#[integration_test(tags("session"))]
fn session_server_survives_the_process_group_of_its_worker(
    dir: &TempDir,
    #[values(0, 1, 2, 3, 4, 5, 6, 7)] _attempt: u32,
) -> Result<()> {
    let events = suite(dir)?.events(&["--ignored", "--tag", "group"])?;
    assert_eq!(events.case("takes_something_and_is_killed_with_its_group")["outcome"], "crashed");
    assert_eq!(events.summary()["problems"].as_array().map(Vec::len), Some(0), "{}", events.summary());
    assert_eq!(events.summary()["given_back"], 1);
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("session"))]
async fn killed_supervisor_leaves_nothing(dir: &TempDir) -> Result<()> {
    #[arrange]
    let suite = suite(dir)?.args(&["--ignored", "--tag", "waits"]);
    let child = suite.command()?.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn()?;
    let waits = || async { count(&journal(dir), "waiting") };
    eventually(waits).within(Duration::from_secs(20)).equals(1).await?;

    #[act]
    signal(child.id(), Signal::KILL);
    let finished = Finished::of(child.wait_with_output()?, &suite);
    eventually(|| async { finished.left().len() }).within(Duration::from_secs(20)).equals(0).await?;

    #[assert]
    assert!(outside(dir).is_empty());
    assert_eq!(count(&journal(dir), "network down"), 1);
    Ok(())
}

#[integration_test(tags("session"))]
async fn children_of_an_orphan_without_a_ledger_are_ended(dir: &TempDir) -> Result<()> {
    #[arrange]
    let suite = suite(dir)?.args(&["--ignored", "--tag", "waits | orphan", "--jobs", "2"]);
    let child = suite.command()?.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn()?;
    let ready = || async { (count(&journal(dir), "waiting"), count(&journal(dir), "left")) };
    eventually(ready).within(Duration::from_secs(20)).equals((1, 1)).await?;

    #[act]
    signal(child.id(), Signal::KILL);
    let finished = Finished::of(child.wait_with_output()?, &suite);

    #[assert]
    eventually(|| async { finished.left() }).within(Duration::from_secs(5)).equals(Vec::new()).await?;
    Ok(())
}

#[integration_test(tags("session"))]
async fn next_run_gives_back_resources_of_a_killed_run(
    dir: &TempDir,
    #[values("next_run", "next_run_in_process", "--sweep")] by: &str,
) -> Result<()> {
    #[arrange]
    let waiting = suite(dir)?.args(&["--ignored", "--tag", "waits"]);
    let child = waiting.command()?.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn()?;
    eventually(|| async { count(&journal(dir), "waiting") }).within(Duration::from_secs(20)).equals(1).await?;
    waiting.kill_everything();
    child.wait_with_output()?;
    eventually(|| async { waiting.traces().processes() }).equals(Vec::new()).await?;
    assert_eq!(outside(dir).len(), 2, "no process is left that could give anything back");

    #[act]
    let listed = suite(dir)?.args(&["--list"]).run()?;
    let left_by_listing = outside(dir).len();
    let arguments: &[&str] = match by {
        "--sweep" => &["--sweep"],
        "next_run_in_process" => &["calls_a_teardown_function_itself", "--ignored", "--in-process"],
        _ => &["rings_the_bell_alone"],
    };
    let swept = suite(dir)?.args(arguments).run()?;

    #[assert]
    assert_eq!((listed.code(), left_by_listing), (Some(0), 2), "listing leaves everything as it is");
    assert_eq!(swept.code(), Some(0), "{}{}", swept.stdout(), swept.stderr());
    assert!(swept.stdout().contains("2 resources"), "{}", swept.stdout());
    assert!(!swept.stdout().contains("left behind"), "{}", swept.stdout());
    assert!(outside(dir).is_empty());
    swept.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("session"))]
async fn running_session_is_not_swept(dir: &TempDir) -> Result<()> {
    #[arrange]
    let suite = suite(dir)?;
    let waiting = self::suite(dir)?.args(&["--ignored", "--tag", "waits"]);
    let child = waiting.command()?.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn()?;
    eventually(|| async { count(&journal(dir), "waiting") }).within(Duration::from_secs(20)).equals(1).await?;

    #[act("a second run of the same suite, beside it")]
    let beside = suite.args(&["shares_the_cluster"]).run()?;

    #[assert]
    assert_eq!(beside.code(), Some(0));
    assert_eq!(outside(dir).iter().filter(|path| path.ends_with("taken")).count(), 1);
    signal(child.id(), Signal::INT);
    let finished = Finished::of(child.wait_with_output()?, &waiting);
    assert_eq!(finished.code(), Some(130));
    assert!(outside(dir).is_empty());
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("session"))]
async fn keep_failed_keeps_resources_until_their_process_is_ended(dir: &TempDir) -> Result<()> {
    #[arrange("a failed test, and a run that is over")]
    let suite = suite(dir)?;
    let temp = suite.temp();
    let events = suite.events(&["--ignored", "--tag", "keeps", "--keep-failed"])?;
    let case = events.case("fails_with_resources");
    assert_eq!((events.finished.code(), &case["outcome"]), (Some(101), &"failed".into()));
    let port: u16 = case["stdout"].as_str().unwrap_or_default().trim_start_matches("port ").trim().parse()?;
    let evidence = || {
        let kept = case["kept"]["steps"].as_array().into_iter().flatten().filter_map(|step| step.as_str());
        let folders = kept.filter_map(|step| step.strip_prefix("remove "));
        folders.map(|folder| PathBuf::from(folder).join("evidence")).any(|evidence| evidence.exists())
    };
    assert!(evidence() && outside(dir).len() == 2 && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());

    #[act]
    let holder = case["kept"]["process"]
        .as_u64()
        .and_then(|id| u32::try_from(id).ok())
        .ok_or("no process keeps the resources")?;
    signal(holder, Signal::TERM);

    #[assert]
    eventually(|| async { events.finished.left().len() }).within(Duration::from_secs(5)).equals(0).await?;
    assert!(!evidence() && outside(dir).is_empty() && fs::read_dir(temp)?.next().is_none());
    let lines = journal(dir);
    assert_eq!(lines, ["network up", "goodbye", "give back taken", "network down", "give back network"]);
    Ok(())
}

/// A fixture that blocks its thread cannot be cancelled. The server abandons that thread, and everything else goes on.
#[integration_test(tags("session"))]
#[case::setup("stuck", "its setup did not end within 300ms and blocks its thread")]
#[case::teardown("clinging", "a step of its teardown blocks its thread beyond its time limit")]
fn blocking_session_fixture_is_abandoned_and_reported(
    #[case] tag: &str,
    #[case] message: &str,
    dir: &TempDir,
) -> Result<()> {
    let limits = ["--setup-timeout", "300ms", "--teardown-timeout", "300ms"];
    let events = suite(dir)?.events(&[&["--ignored", "--tag", tag][..], &limits].concat())?;
    let text = events.finished.stdout();
    assert_eq!(events.finished.code(), Some(101), "{text}");
    assert!(text.contains(message), "{text}");
    assert!(outside(dir).is_empty(), "its durable step was done by another process");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("session"))]
fn daemon_of_a_session_fixture_is_not_a_leak(dir: &TempDir) -> Result<()> {
    let events = suite(dir)?.events(&["--ignored", "--tag", "daemon", "--jobs", "2"])?;
    assert_eq!(events.outcomes().values().filter(|outcome| *outcome == "passed").count(), 4);
    assert!(events.named("case_finished").iter().all(|case| case["leaks"].is_null()));
    events.finished.assert_nothing_left();
    Ok(())
}

/// The hanging thread keeps its ledger locked until the process ends. The report does not wait for the session, which ends after it: the
/// session server would wait longer for the ledger than the teardown timeout.
#[integration_test(tags("session"))]
async fn in_process_test_that_hangs_is_reported_at_once_and_leaves_no_session(dir: &TempDir) -> Result<()> {
    #[arrange]
    fs::create_dir(dir.join("outside"))?;
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-matrix"), dir)
        .env("OUTSIDE", dir.join("outside").display().to_string())
        .env("JOURNAL", dir.join("journal").display().to_string())
        .env("SERVICE", env!("CARGO_BIN_EXE_program-service"))
        .args(&["--exact", "blocks", "--in-process", "--teardown-timeout", "1m"]);

    #[act("hangs", within = "50s")]
    let finished = suite.run()?;

    #[assert]
    let text = finished.stdout();
    assert_eq!(finished.code(), Some(101), "{text}{}", finished.stderr());
    assert!(text.contains("(it blocks its thread; the whole run ends, because the test runs in it)"), "{text}");
    finished.assert_nothing_left();
    assert!(!dir.join("outside/durable").exists(), "the durable step was executed");
    Ok(())
}
