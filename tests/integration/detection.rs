//! `--detect` and `--bisect`: tests that lie are detected, named and explained.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Suite, signal};
use rustix::process::Signal;
use serde_json::Value;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-liars"), dir)
}

fn kinds(events: &Events) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events.named("verdict").iter().map(|verdict| (text(&verdict["id"]), text(&verdict["kind"]))).collect()
}

#[integration_test(tags("detection"), timeout = "5m")]
fn each_lying_test_is_reported_with_culprits_and_a_command(dir: &TempDir) -> Result<()> {
    #[act]
    let events = suite(dir).events(&["--detect", "--seed", "11"])?;

    #[assert]
    let expected = [
        ("counts_from_zero", "not_idempotent"),
        ("expects_no_number", "victim"),
        ("is_decided_by_a_coin", "flaky"),
        ("needs_a_prepared_number", "brittle"),
        ("is_wrong", "broken"),
        ("needs_the_missing_service_too", "environment"),
        ("needs_a_missing_service", "environment"),
        ("writes_into_a_shared_file", "contention"),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(id, kind)| (id.to_owned(), kind.to_owned())).into();
    assert_eq!(kinds(&events), expected);
    let verdict = |id: &str| {
        let all = events.named("verdict");
        all.into_iter().find(|verdict| verdict["id"] == id).cloned().unwrap_or_default()
    };
    assert_eq!(verdict("expects_no_number")["culprits"], serde_json::json!([["leaves_a_number"]]));
    assert_eq!(verdict("needs_a_prepared_number")["culprits"], serde_json::json!([["prepares_a_number"]]));
    assert_eq!(verdict("writes_into_a_shared_file")["culprits"], serde_json::json!([["writes_into_the_same_file"]]));
    assert_eq!(events.finished.code(), Some(101));
    events.finished.assert_nothing_left();
    // Each printed command reproduces the failure of its verdict.
    for id in ["expects_no_number", "needs_a_prepared_number", "counts_from_zero", "is_wrong"] {
        let command = verdict(id)["command"].as_str().unwrap_or_default().to_owned();
        let (_, lanes) = command.split_once(" -- --lane ").ok_or("the command has no lane")?;
        let finished = suite(dir).args(&["--lane", lanes.trim_matches('\'')]).run()?;
        assert_eq!(finished.code(), Some(101), "{command}: {}", finished.stdout());
        assert!(finished.stdout().contains(&format!("test {id} ... FAILED")), "{command}");
    }
    Ok(())
}

#[integration_test(tags("detection"))]
fn honest_tests_get_no_verdict(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["is_honest", "--detect"]).run()?;
    assert_eq!(finished.code(), Some(0), "{}", finished.stdout());
    assert!(finished.stdout().contains("detection result: ok. 0 of 8 tests lied"), "{}", finished.stdout());
    assert!(finished.stdout().contains("0 failures in "), "{}", finished.stdout());
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("detection"))]
fn used_up_budget_ends_detection_with_partial_results(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--detect", "--budget", "60"])?;
    let end = events.named("detection_finished").pop().ok_or("no end")?;
    assert_eq!((&end["complete"], &end["stopped_by"]), (&false.into(), &"the budget is used up".into()));
    assert!(end["executions"].as_u64() <= Some(60));
    assert!(kinds(&events).contains_key("is_wrong"));
    Ok(())
}

#[integration_test(tags("detection"))]
#[case::zero("0")]
#[case::no_time("0s")]
#[case::nonsense("soon")]
fn invalid_budget_is_refused(#[case] budget: &str, dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["--detect", "--budget", budget]).run()?;
    assert_eq!(finished.code(), Some(2));
    assert!(
        finished.stderr().contains("such as 500ms, 10s or 2m; or a number of executions from 1"),
        "{}",
        finished.stderr()
    );
    Ok(())
}

#[integration_test(tags("detection"))]
fn interrupted_detection_reports_partial_results_and_leaves_nothing(
    dir: &TempDir,
    #[values("… forward", "brittle", "… beside")] moment: &str,
) -> Result<()> {
    #[arrange]
    let suite = suite(dir).args(&["--detect"]);
    let mut child = suite.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
    let seen = lines.by_ref().map_while(Result::ok).any(|line| line.contains(moment));
    assert!(seen, "{moment} was never printed");

    #[act]
    signal(child.id(), Signal::INT);
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    let finished = suite.wait_for(child)?;

    #[assert]
    assert_eq!(finished.code(), Some(130), "{rest:#?}");
    assert!(rest.iter().any(|line| line.contains("ended by SIGINT: this is what is known so far")), "{rest:#?}");
    assert!(rest.iter().any(|line| line.starts_with("detection result: ")), "{rest:#?}");
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("detection"))]
fn bisect_traces_a_recorded_failure_to_its_culprit(dir: &TempDir) -> Result<()> {
    #[arrange]
    let order = ["is_honest::number_1", "leaves_a_number", "is_honest::number_2", "expects_no_number"].join(" ");
    suite(dir).args(&["--lane", &order]).run()?;

    #[act]
    let events = suite(dir).events(&["--bisect", "expects_no_number"])?;

    #[assert]
    let verdict = events.named("verdict").pop().ok_or("no verdict")?;
    assert_eq!((&verdict["kind"], &verdict["culprits"]), (&"victim".into(), &serde_json::json!([["leaves_a_number"]])));
    assert_eq!(events.finished.code(), Some(101));
    Ok(())
}

#[integration_test(tags("detection"))]
fn bisect_reports_a_failure_it_cannot_reproduce(dir: &TempDir) -> Result<()> {
    #[arrange]
    let start = r#"{"event":"run_started","format_version":1,"selected":1,"order":"random","seed":1,"jobs":1,"suite":"itest-tests-suite_order"}"#;
    let failed = r#"{"event":"case_finished","id":"plain::number_1","location":"a.rs:1:1","worker":0,"attempt":1,"outcome":"failed","elapsed_us":1}"#;
    let record = dir.join("seen-once.itest");
    std::fs::write(&record, format!("{start}\n{failed}\n"))?;

    #[act]
    let record = record.display().to_string();
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-order"), dir);
    let finished = suite.args(&["--bisect", "plain::number_1", "--replay", &record]).run()?;

    #[assert]
    assert!(
        finished.stdout().contains("the failure could not be reproduced: plain::number_1"),
        "{}",
        finished.stdout()
    );
    Ok(())
}

#[integration_test(tags("detection"))]
#[case::unknown(&["--bisect", "expects_no_numbr"], "did you mean `expects_no_number`?")]
#[case::passed(&["--bisect", "is_honest::number_1"], "it did not fail in the record")]
#[case::in_process(&["--detect", "--in-process"], "needs worker processes")]
#[case::in_parts(&["--detect", "--shard", "1/2"], "--shard 1/2: has no effect with --detect: filters and --tag select the tests")]
#[case::of_the_last_run(&["--detect", "--last-failed"], "--last-failed true: has no effect with --detect")]
#[case::into_a_report(&["--bisect", "is_wrong", "--junit", "j.xml"], "--junit j.xml: has no effect with --bisect")]
#[case::tried_again(&["--detect", "--retries", "2"], "--retries 2: has no effect with --detect")]
#[case::repeated(&["--bisect", "is_wrong", "--repeat", "2"], "--repeat 2: has no effect with --bisect")]
#[case::in_an_order(&["--detect", "--order", "reverse"], "--order reverse: has no effect with --detect")]
#[case::with_resources_kept(&["--detect", "--keep-failed"], "--keep-failed true: has no effect with --detect")]
#[case::too_small(&["--detect", "--budget", "2"], "--budget 2: too small: to run all")]
fn invalid_detection_arguments_are_refused(
    #[case] arguments: &[&str],
    #[case] message: &str,
    dir: &TempDir,
) -> Result<()> {
    suite(dir).args(&["is_honest::number_1"]).run()?;
    let finished = suite(dir).args(arguments).run()?;
    assert_eq!(finished.code(), Some(2), "{}", finished.stdout());
    assert!(finished.stderr().contains(message), "{}", finished.stderr());
    Ok(())
}

/// The only selected test would take a minute.
#[integration_test(tags("detection"), timeout = "40s")]
fn time_budget_ends_the_running_test(dir: &TempDir) -> Result<()> {
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-outcomes"), dir);
    let events = suite.events(&["--detect", "--budget", "1s", "--exact", "times_out_in_setup"])?;
    let end = events.named("detection_finished").pop().ok_or("no end")?;
    assert_eq!(end["stopped_by"], "the budget is used up", "{end}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("detection"))]
fn detection_ignores_keep_failed_of_the_environment(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).env("ITEST_KEEP_FAILED", "true").args(&["--detect", "--budget", "60"]).run()?;
    assert_eq!(finished.code(), Some(101), "{}", finished.stdout());
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("detection"))]
fn test_that_always_skips_is_counted_as_unknown(dir: &TempDir) -> Result<()> {
    #[arrange]
    let suite = || Suite::new(env!("CARGO_BIN_EXE_suite-outcomes"), dir);

    #[act]
    let alone = suite().args(&["--detect", "--exact", "skips"]).run()?.stdout();
    let both = suite().events(&["--detect", "--exact", "skips", "passes"])?;

    #[assert]
    assert!(alone.contains("1 test skipped itself each time: there is no result for it"), "{alone}");
    assert!(!alone.contains("0 failures in"), "{alone}");
    let end = both.named("detection_finished").pop().ok_or("no end")?;
    assert_eq!((&end["skipped"], &end["lying"]), (&1.into(), &0.into()));
    assert!(end["least_runs"].as_u64() >= Some(59), "the other one ran as often as ever: {end}");
    Ok(())
}

#[integration_test(tags("detection"))]
fn detection_without_selected_tests_runs_nothing(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["no_such_test", "--detect", "--no-tests", "pass"]).run()?;
    assert_eq!(finished.code(), Some(0), "{}", finished.stdout());
    assert!(finished.stdout().contains("0 executions in 0 probes"), "{}", finished.stdout());
    Ok(())
}

#[integration_test(tags("detection"))]
fn detection_ends_daemons_of_its_tests(dir: &TempDir) -> Result<()> {
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-leaks"), dir);
    let finished = suite.args(&["--detect", "--exact", "leaves_a_daemon", "--budget", "3"]).run()?;
    assert!(finished.stdout().contains("3 executions"), "{}", finished.stdout());
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("detection"))]
async fn interrupted_round_counts_its_finished_tests(dir: &TempDir) -> Result<()> {
    #[arrange]
    let journal = dir.join("journal");
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-order"), dir)
        .env("JOURNAL", journal.display().to_string())
        .args(&["--detect", "--exact", "fails::number_1", "waits_to_be_interrupted"]);
    let child = suite.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    // The waiting test is declared after the failing one, so the failing one has ended when it waits.
    let has_begun = || async { std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("waiting")) };
    eventually(has_begun).within(std::time::Duration::from_secs(20)).equals(true).await?;

    #[act]
    signal(child.id(), Signal::INT);
    let finished = suite.wait_for(child)?;

    #[assert]
    assert_eq!(finished.code(), Some(130), "{}", finished.stdout());
    assert!(finished.stdout().contains("not examined fails::number_1"), "{}", finished.stdout());
    assert!(finished.stdout().contains("1 execution in 1 probe"), "{}", finished.stdout());
    finished.assert_nothing_left();
    Ok(())
}
