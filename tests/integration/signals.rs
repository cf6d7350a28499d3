//! A signal ends a run after its teardown.

use std::process::Stdio;
use std::time::Duration;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite, signal};
use rustix::process::Signal;

/// Starts a suite and waits until its test has written to the journal.
async fn started<'t>(dir: &'t TempDir, tag: &str, arguments: &[&str]) -> Result<(Suite<'t>, std::process::Child)> {
    let journal = dir.join("journal");
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-order"), dir)
        .env("JOURNAL", journal.display().to_string())
        .args(&["--tag", tag])
        .args(arguments);
    let child = suite.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let has_begun = || async { std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("waiting")) };
    eventually(has_begun).within(Duration::from_secs(20)).equals(true).await?;
    Ok((suite, child))
}

#[integration_test(tags("signals"))]
#[case::interrupt(Signal::INT, 130, "SIGINT")]
#[case::terminate(Signal::TERM, 143, "SIGTERM")]
#[case::hang_up(Signal::HUP, 129, "SIGHUP")]
async fn signal_ends_the_run_after_teardown(
    #[case] sent: Signal,
    #[case] code: i32,
    #[case] name: &str,
    #[values("--jobs=2", "--in-process")] mode: &str,
    dir: &TempDir,
) -> Result<()> {
    #[arrange]
    let (suite, child) = started(dir, "patient", &[mode]).await?;

    #[act]
    signal(child.id(), sent);
    let finished = Finished::of(child.wait_with_output()?, &suite);

    #[assert]
    let stdout = finished.stdout();
    assert_eq!(finished.code(), Some(code), "{stdout}");
    assert!(stdout.contains(&format!("{name}: no more tests are started")), "{stdout}");
    assert!(stdout.contains("test waits_to_be_interrupted ... interrupted"), "{stdout}");
    assert!(std::fs::read_to_string(dir.join("journal"))?.contains("torn down"));
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("signals"))]
async fn test_that_ignores_cancellation_is_killed(dir: &TempDir) -> Result<()> {
    let (suite, child) = started(dir, "stubborn", &[]).await?;
    signal(child.id(), Signal::INT);
    let finished = Finished::of(child.wait_with_output()?, &suite);
    assert_eq!(finished.code(), Some(130));
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("signals"))]
async fn second_signal_ends_the_run_at_once(dir: &TempDir) -> Result<()> {
    let (suite, child) = started(dir, "stubborn", &["--teardown-timeout", "4m"]).await?;
    let began = std::time::Instant::now();
    signal(child.id(), Signal::INT);
    signal(child.id(), Signal::TERM);
    let finished = Finished::of(child.wait_with_output()?, &suite);
    assert!(began.elapsed() < Duration::from_mins(1), "it waited for the test or for its teardown");
    assert!(finished.code().is_some_and(|code| code > 128));
    finished.assert_nothing_left();
    Ok(())
}

/// While the run is stopped, as by Ctrl-Z, no timeout advances.
#[integration_test(tags("signals"))]
async fn time_while_stopped_does_not_count_as_run_time(
    dir: &TempDir,
    #[values("--jobs=1", "--in-process")] mode: &str,
) -> Result<()> {
    #[arrange]
    let (suite, child) = started(dir, "leisurely", &[mode, "--ignored"]).await?;
    let stopped = || async { suite_states(&suite.traces()).iter().all(|state| *state == 'T') };

    #[act("stops for longer than the test may take")]
    signal(child.id(), Signal::TSTP);
    eventually(stopped).within(Duration::from_secs(5)).equals(true).await?;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    signal(child.id(), Signal::CONT);
    let finished = Finished::of(child.wait_with_output()?, &suite);

    #[assert]
    assert_eq!(finished.code(), Some(0), "{}", finished.stdout());
    finished.assert_nothing_left();
    Ok(())
}

/// The state letters of the suite's processes, from `/proc`.
fn suite_states(suite: &Finished) -> Vec<char> {
    let state = |id: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    };
    suite.process_ids().iter().filter_map(state).collect()
}

/// The workers get no message; they notice the death of the supervisor by themselves.
#[integration_test(tags("signals"))]
async fn workers_do_not_outlive_a_killed_supervisor(dir: &TempDir) -> Result<()> {
    let (suite, child) = started(dir, "patient", &[]).await?;
    signal(child.id(), Signal::KILL);
    let finished = Finished::of(child.wait_with_output()?, &suite);
    finished.assert_nothing_left();
    assert!(std::fs::read_to_string(dir.join("journal"))?.contains("torn down"));
    Ok(())
}
