//! itest under the real cargo-nextest.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite, signal};
use rustix::process::Signal;
use serde_json::Value;

/// Runs a suite under cargo-nextest.
fn nextest(suite: &Suite<'_>, arguments: &[&str]) -> Result<Output> {
    Ok(suite.nextest(arguments)?.output()?)
}

#[integration_test(timeout = "2m", tags("nextest"))]
fn nextest_lists_every_case(dir: &TempDir) -> Result<()> {
    let program = env!("CARGO_BIN_EXE_suite-selection");
    let output = nextest(&Suite::new(program, dir), &["list", "--message-format", "json"])?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let listed: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {stderr}"))?;
    let cases = &listed["rust-suites"]["suite"]["testcases"];
    assert_eq!(cases.as_object().map(serde_json::Map::len), Some(11), "{cases:#}");
    assert_eq!(cases["moon"]["ignored"], true);
    assert_eq!(cases["orders::pay"]["ignored"], false);
    Ok(())
}

#[integration_test(timeout = "2m", tags("nextest"))]
fn nextest_runs_every_case_in_a_process_of_its_own(dir: &TempDir) -> Result<()> {
    let program = env!("CARGO_BIN_EXE_suite-selection");
    let output = nextest(&Suite::new(program, dir), &["run", "--no-fail-fast"])?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("9 tests run: 9 passed, 2 skipped"), "{stderr}");
    Ok(())
}

/// nextest has partitions of its own. A second split inside of a partition would lose tests.
#[integration_test(timeout = "2m", tags("nextest", "shards"))]
fn shard_settings_are_ignored_under_nextest(dir: &TempDir) -> Result<()> {
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-selection"), dir)
        .env("CI_NODE_INDEX", "2")
        .env("CI_NODE_TOTAL", "3")
        .env("ITEST_SHARD", "1/3")
        .env("GITHUB_ACTIONS", "true");
    let output = nextest(&suite, &["run", "--no-fail-fast"])?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("9 tests run: 9 passed, 2 skipped"), "{stderr}");
    Ok(())
}

#[integration_test(timeout = "2m", tags("nextest"))]
fn nextest_reports_the_failed_tests(dir: &TempDir) -> Result<()> {
    #[arrange]
    let program = env!("CARGO_BIN_EXE_suite-outcomes");
    let suite = Suite::new(program, dir).env("ITEST_SETUP_TIMEOUT", "300ms").env("ITEST_TEARDOWN_TIMEOUT", "200ms");

    #[act]
    let output = nextest(&suite, &["run", "--no-fail-fast", "--retries", "0"])?;

    #[assert]
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(100), "{stderr}");
    let failed = |test: &str| {
        let line = stderr.lines().find(|line| line.contains("suite ") && line.trim_end().ends_with(test));
        line.is_some_and(|line| !line.contains("PASS"))
    };
    for test in ["fails_in_assert", "errors_in_setup", "times_out_blocking", "aborts", "hangs_in_teardown"] {
        assert!(failed(test), "{test} in {stderr}");
    }
    for test in ["passes", "passes_in_phases", "skips"] {
        assert!(!failed(test), "{test} in {stderr}");
    }
    assert!(stderr.contains("24 tests run"), "{stderr}");
    Finished::of(output, &suite).assert_nothing_left();
    Ok(())
}

/// nextest sends SIGTERM and kills ten seconds later. By then teardown must be over.
#[integration_test(timeout = "2m", tags("nextest"))]
fn teardown_runs_after_a_timeout_of_nextest(dir: &TempDir) -> Result<()> {
    #[arrange]
    let program = env!("CARGO_BIN_EXE_suite-order");
    let journal = dir.join("journal");
    let suite = Suite::new(program, dir).env("JOURNAL", journal.display().to_string());
    let config = "[profile.default]\nslow-timeout = { period = \"1s\", terminate-after = 1 }\n";
    std::fs::write(dir.join("nextest.toml"), config)?;

    #[act]
    let config = dir.join("nextest.toml").display().to_string();
    let output = nextest(&suite, &["run", "--config-file", &config, "waits_to_be_interrupted"])?;

    #[assert]
    assert_eq!(output.status.code(), Some(100), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(std::fs::read_to_string(journal)?.contains("torn down"));
    Finished::of(output, &suite).assert_nothing_left();
    Ok(())
}

/// All processes of a run use one session server, which also has their locks.
#[integration_test(timeout = "2m", tags("nextest", "session"))]
async fn processes_of_one_nextest_run_share_a_session(dir: &TempDir) -> Result<()> {
    #[arrange]
    let program = env!("CARGO_BIN_EXE_suite-session");
    let journal = dir.join("journal");
    let suite = Suite::new(program, dir)
        .env("JOURNAL", journal.display().to_string())
        .env("OUTSIDE", dir.path().display().to_string());

    #[act]
    let output = nextest(&suite, &["run", "--no-fail-fast", "--test-threads", "4"])?;

    #[assert]
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("18 tests run: 18 passed"), "{stderr}");
    // The session is torn down after nextest has ended.
    let finished = Finished::of(output, &suite);
    eventually(|| async { finished.left() }).equals(Vec::new()).await?;
    let text = std::fs::read_to_string(journal)?;
    let lines = |wanted: &str| text.lines().filter(|line| line.starts_with(wanted)).collect::<Vec<_>>();
    assert_eq!(lines("network"), ["network up", "network down"]);
    assert_eq!(lines("cluster"), ["cluster up", "cluster down"]);
    for thing in ["ring", "bell"] {
        let steps = lines(thing);
        assert!(steps.chunks(2).all(|pair| *pair == steps[..2]), "two tests overlapped: {steps:?}");
    }
    Ok(())
}

/// Under nextest the harness runs in the process of the test, so a crash ends it, too.
#[integration_test(timeout = "2m", tags("nextest"))]
async fn children_of_a_crashed_test_are_ended_without_a_session(
    dir: &TempDir,
    #[values("aborts", "exits", "kills_itself", "blocks")] how: &str,
) -> Result<()> {
    #[arrange]
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-leaks"), dir).env("HOW", how);
    let arguments = ["run", "--run-ignored", "only", "--no-fail-fast", "leaves_a_child_and_a_daemon_and_crashes"];

    #[act]
    let output = nextest(&suite, &arguments)?;

    #[assert]
    let finished = Finished::of(output, &suite);
    assert_eq!(finished.code(), Some(100), "{}", finished.stderr());
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(timeout = "2m", tags("nextest"))]
async fn next_start_ends_children_of_a_killed_nextest_run(dir: &TempDir) -> Result<()> {
    #[arrange]
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-leaks"), dir);
    let mut nextest = suite.nextest(&["run", "--run-ignored", "only", "leaves_a_child_and_a_daemon_and_waits"])?;
    let mut nextest = nextest.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let programs = || async { programs(&suite).len() };
    eventually(programs).within(Duration::from_secs(20)).equals(2).await?;

    #[act]
    kill_all_except(&suite, &self::programs(&suite));
    nextest.wait()?;
    let swept = Suite::new(env!("CARGO_BIN_EXE_suite-leaks"), dir).args(&["--sweep"]).run()?;

    #[assert]
    assert_eq!(swept.code(), Some(0), "{}{}", swept.stdout(), swept.stderr());
    swept.assert_nothing_left();
    Ok(())
}

/// By then the process has another parent, which stays alive.
#[integration_test(timeout = "2m", tags("nextest", "session"))]
async fn test_process_started_after_the_death_of_its_runner_ends_at_once(dir: &TempDir) -> Result<()> {
    #[arrange]
    if std::env::var_os("NEXTEST").is_some() {
        skip!("these tests run under nextest, which the process would take for its runner");
    }
    let run = [("NEXTEST", "1"), ("NEXTEST_RUN_ID", "one"), ("NEXTEST_EXECUTION_MODE", "process-per-test")];
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-session"), dir).env("OUTSIDE", dir.path().display().to_string());
    let suite = run.iter().fold(suite, |suite, (name, value)| suite.env(name, *value));
    let suite = suite.args(&["--ignored", "--exact", "takes_something_and_waits", "--nocapture"]);

    #[act]
    let command = suite.command()?;
    let mut shell = Command::new("sh");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.args(["-c", "(sleep 0.3; exec \"$0\" \"$@\") & exit"]).arg(command.get_program()).args(command.get_args());
    let stderr = std::fs::File::create(dir.join("stderr"))?;
    let mut shell = shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn()?;
    drop(shell.stdout.take());
    shell.wait()?;

    #[assert]
    let stderr = || std::fs::read_to_string(dir.join("stderr")).unwrap_or_default();
    let has_begun = || async { stderr().contains("stdout cannot be written") };
    eventually(has_begun).within(Duration::from_secs(20)).equals(true).await?;
    eventually(|| async { suite.traces().left() }).within(Duration::from_secs(10)).equals(Vec::new()).await?;
    assert!(!dir.join("taken").exists());
    Ok(())
}

/// The processes that the tests of the suite started.
fn programs(suite: &Suite<'_>) -> Vec<u32> {
    let is_sleep = |id: &u32| std::fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep"));
    suite.traces().process_ids().into_iter().filter(is_sleep).collect()
}

/// Kills all processes of a suite but the spared ones. It stops all of them first, so that none can react to the death of another.
fn kill_all_except(suite: &Suite<'_>, spared: &[u32]) {
    for sent in [Signal::STOP, Signal::KILL] {
        for id in suite.traces().process_ids().into_iter().filter(|id| !spared.contains(id)) {
            signal(id, sent);
        }
    }
}
