//! What a hostile test does costs that test, and nobody else.

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
#[case::closed("closes_what_is_not_its_own", "crashed", "")]
#[case::garbage("writes_to_what_is_not_its_own", "", "")]
#[case::teardown("registers_teardown_for_ever", "errored", "without an end")]
fn a_hostile_test_harms_only_itself(
    #[case] test: &str,
    #[case] outcome: &str,
    #[case] message: &str,
    dir: &TempDir,
    #[values("declared", "reverse")] order: &str,
) -> Result<()> {
    #[act("runs it among good ones, in one worker")]
    let events = suite(dir).events(&[test, "a_good_neighbour", "--jobs", "1", "--order", order])?;

    #[assert]
    let outcomes = events.outcomes();
    let good = outcomes.iter().filter(|(id, outcome)| id.starts_with("a_good") && *outcome == "passed").count();
    assert_eq!(good, 6, "{outcomes:?} {:#}", events.summary());
    let case = events.case(test);
    let found = case["outcome"].as_str().unwrap_or_default();
    match outcome {
        "" => assert!(["crashed", "timed_out"].contains(&found), "{case:#}"),
        expected => assert_eq!(found, expected, "{case:#}"),
    }
    assert!(case["failures"][0]["message"].as_str().unwrap_or_default().contains(message), "{case:#}");
    events.finished.assert_nothing_left();
    Ok(())
}

/// Nobody is left to end them: they do it themselves.
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
fn the_printed_command_repeats_a_failure_of_an_ignored_test(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["--tag", "red", "--ignored", "--timeout", "7s"]).run()?;
    let text = finished.stdout();
    let expected = "-- --exact is_red_when_it_is_run --include-ignored --timeout=7s --seed ";
    assert!(text.contains(expected), "{text}");
    Ok(())
}

/// Runs the good neighbours where no process may open more files than this.
fn with_few_files(dir: &TempDir, limit: u32, arguments: &[&str]) -> Result<Finished> {
    let suite = suite(dir).args(&["a_good_neighbour"]).args(arguments);
    let program = format!("ulimit -n {limit}; exec {} \"$@\"", env!("CARGO_BIN_EXE_suite-hostile"));
    let command = suite.command()?;
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", &program, "sh"]).args(command.get_args()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(Finished::of(limited.output()?, &suite))
}

#[integration_test(tags("hostile"))]
fn few_open_files_cost_workers_and_not_the_run(
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
fn too_few_open_files_are_refused_with_the_remedy(
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
fn the_death_of_a_worker_is_noticed_although_a_copy_of_it_lives(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--tag", "fork", "--ignored"])?;
    let case = events.case("forks_and_is_killed");
    assert_eq!(case["outcome"], "crashed", "{case:#}");
    assert!(case["failures"][0]["message"].as_str().unwrap_or_default().contains("SIGKILL"), "{case:#}");
    assert!(case["elapsed_us"].as_u64().is_some_and(|elapsed| elapsed < 2_000_000), "{case:#}");
    events.finished.assert_nothing_left();
    Ok(())
}
