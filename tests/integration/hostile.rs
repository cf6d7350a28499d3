//! A hostile test fails alone: other tests keep their results, and the run leaves nothing behind.

use std::process::Stdio;
use std::time::Duration;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite, signal};

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-hostile"), dir).env("JOURNAL", dir.join("journal").display().to_string())
}

#[integration_test(tags("hostile"))]
#[case::stderr("closes_its_stderr", "passed", "")]
#[case::closed("closes_descriptors_of_the_harness", "crashed", "")]
#[case::garbage("writes_to_descriptors_of_the_harness", "", "")]
#[case::teardown("registers_teardown_forever", "errored", "without an end")]
fn hostile_test_does_not_affect_other_tests(
    #[case] test: &str,
    #[case] outcome: &str,
    #[case] message: &str,
    dir: &TempDir,
    #[values("declared", "reverse")] order: &str,
) -> Result<()> {
    #[act("runs it among unaffected tests, in one worker")]
    let events = suite(dir).events(&[test, "unaffected", "--jobs", "1", "--order", order])?;

    #[assert]
    let outcomes = events.outcomes();
    let good = outcomes.iter().filter(|(id, outcome)| id.starts_with("unaffected") && *outcome == "passed").count();
    assert_eq!(good, 6, "{outcomes:?} {:#}", events.summary());
    let case = events.case(test);
    let actual = case["outcome"].as_str().unwrap_or_default();
    match outcome {
        "" => assert!(["crashed", "timed_out"].contains(&actual), "{case:#}"),
        expected => assert_eq!(actual, expected, "{case:#}"),
    }
    assert!(case["failures"][0]["message"].as_str().unwrap_or_default().contains(message), "{case:#}");
    events.finished.assert_nothing_left();
    Ok(())
}

/// No supervisor is left to end these processes, so they must end by themselves.
#[integration_test(tags("hostile"), timeout = "90s")]
async fn children_and_blocked_tests_do_not_outlive_a_killed_supervisor(dir: &TempDir) -> Result<()> {
    #[arrange]
    let suite = suite(dir).args(&["--tag", "orphan", "--include-ignored", "--teardown-timeout", "100ms"]);
    let child = suite.command()?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let journal = dir.join("journal");
    let has_begun = || async { std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("waiting")) };
    eventually(has_begun).within(Duration::from_secs(20)).equals(true).await?;

    #[act]
    signal(child.id(), rustix::process::Signal::KILL);
    let finished = Finished::of(child.wait_with_output()?, &suite);

    #[assert]
    eventually(|| async { finished.processes().len() }).within(Duration::from_secs(20)).equals(0).await?;
    Ok(())
}

#[integration_test(tags("hostile"))]
fn printed_command_repeats_a_failure_of_an_ignored_test(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["--tag", "red", "--ignored", "--timeout", "7s"]).run()?;
    let text = finished.stdout();
    let expected = "-- --exact fails_when_it_is_run --include-ignored --timeout=7s --seed ";
    assert!(text.contains(expected), "{text}");
    Ok(())
}

/// Runs the unaffected tests where no process may open more than `limit` files.
fn with_few_files(dir: &TempDir, limit: u32, arguments: &[&str]) -> Result<Finished> {
    let suite = suite(dir).args(&["unaffected"]).args(arguments);
    let program = format!("ulimit -n {limit}; exec {} \"$@\"", env!("CARGO_BIN_EXE_suite-hostile"));
    let command = suite.command()?;
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", &program, "sh"]).args(command.get_args()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(Finished::of(limited.output()?, &suite))
}

#[integration_test(tags("hostile"))]
fn low_open_file_limit_reduces_the_number_of_workers(
    dir: &TempDir,
    #[values(36, 40, 64)] limit: u32,
    #[values(&["--jobs", "64"][..], &["--in-process"])] arguments: &[&str],
) -> Result<()> {
    let finished = with_few_files(dir, limit, arguments)?;
    let text = finished.stdout();
    assert!(finished.code() == Some(0) && text.contains("6 passed"), "{text}{}", finished.stderr());
    Ok(())
}

#[integration_test(tags("hostile"))]
fn too_low_open_file_limit_is_refused_with_a_remedy(
    dir: &TempDir,
    #[values(5, 8, 12, 16, 24, 35)] limit: u32,
    #[values("--jobs=2", "--in-process")] mode: &str,
) -> Result<()> {
    let finished = with_few_files(dir, limit, &[mode])?;
    let text = finished.stderr();
    assert_eq!(finished.code(), Some(3), "{text}");
    assert!(text.contains(&format!("may open only {limit} files")) && text.contains("ulimit -n 1024"), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    Ok(())
}

#[integration_test(tags("hostile"))]
fn killed_worker_is_noticed_while_its_forked_child_lives(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--tag", "fork", "--ignored"])?;
    let case = events.case("forks_and_is_killed");
    assert_eq!(case["outcome"], "crashed", "{case:#}");
    assert!(case["failures"][0]["message"].as_str().unwrap_or_default().contains("SIGKILL"), "{case:#}");
    assert!(case["elapsed_us"].as_u64().is_some_and(|elapsed| elapsed < 2_000_000), "{case:#}");
    events.finished.assert_nothing_left();
    Ok(())
}
