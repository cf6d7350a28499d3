//! A report from a record has the verdict and the events of its run. A merged report fails if one of its runs failed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Suite, signal};
use rustix::process::Signal;
use serde_json::Value;

const ORDER: &str = env!("CARGO_BIN_EXE_suite-order");
const LEAKS: &str = env!("CARGO_BIN_EXE_suite-leaks");
const OUTCOMES: &str = env!("CARGO_BIN_EXE_suite-outcomes");
const SESSION: &str = env!("CARGO_BIN_EXE_suite-session");

fn suite<'t>(program: &str, dir: &'t TempDir) -> Suite<'t> {
    let (journal, outside) = (dir.join("journal"), dir.join("outside"));
    let _ = std::fs::create_dir_all(&outside);
    Suite::new(program, dir).env("JOURNAL", journal.display().to_string()).env("OUTSIDE", outside.display().to_string())
}

/// The events that a record keeps, sorted.
fn recorded_events(events: &Events) -> Vec<String> {
    let names =
        ["run_started", "case_ignored", "case_retried", "case_finished", "warning", "interrupting", "run_finished"];
    let mut recorded: Vec<_> = names.iter().flat_map(|name| events.named(name)).map(Value::to_string).collect();
    recorded.sort();
    recorded
}

/// An `itest.toml` under which the failures of one test do not count.
const QUARANTINE: &str =
    "[[quarantine]]\ntest = \"fails::number_1\"\nowner = \"ann\"\nreason = \"known\"\nuntil = 2999-12-31\n";

#[integration_test(tags("record"))]
#[case::failed(ORDER, &["fails::number_1", "plain::number_1"], 101, "")]
#[case::flaky(ORDER, &["fails_at_first", "--ignored", "--flaky-result", "fail"], 101, "")]
#[case::fail_fast(ORDER, &["fails", "plain", "--fail-fast", "--jobs", "1"], 101, "")]
#[case::leak(LEAKS, &["--exact", "leaves_a_thread", "leaves_an_open_file", "--leaks", "fail", "--include-ignored"], 101, "")]
#[case::teardown(OUTCOMES, &["--exact", "errors_in_teardown", "passes"], 101, "")]
#[case::crashed(OUTCOMES, &["--exact", "aborts", "passes"], 101, "")]
#[case::timed_out(OUTCOMES, &["--exact", "times_out_awaiting", "passes"], 101, "")]
#[case::session_fixture(SESSION, &["--ignored", "--tag", "clinging", "--setup-timeout", "300ms", "--teardown-timeout", "300ms"], 101, "")]
#[case::kept(SESSION, &["--ignored", "--tag", "keeps", "--keep-failed"], 101, "")]
#[case::repeated(ORDER, &["fails::number_1", "plain::number_1", "--repeat", "3", "--until-fail"], 101, "")]
#[case::quarantine_ignored(ORDER, &["fails::number_1", "--quarantine", "ignore"], 101, QUARANTINE)]
#[case::quarantine(ORDER, &["fails::number_1", "plain::number_1"], 0, QUARANTINE)]
#[case::green(OUTCOMES, &["--exact", "passes", "passes_in_phases", "skips", "is_ignored"], 0, "")]
#[case::flaky_but_green(ORDER, &["fails_at_first", "--ignored"], 0, "")]
fn report_of_a_record_has_the_verdict_and_events_of_the_run(
    #[case] program: &str,
    #[case] arguments: &[&str],
    #[case] code: i32,
    #[case] configuration: &str,
    dir: &TempDir,
) -> Result<()> {
    #[arrange]
    std::fs::write(dir.join("itest.toml"), configuration)?;

    #[act]
    let run = suite(program, dir).events(&[arguments, &["--record", "own.itest"]].concat())?;
    let report = suite(program, dir).events(&["--report", "own.itest"])?;

    #[assert]
    assert_eq!((run.finished.code(), report.finished.code()), (Some(code), Some(code)), "{}", report.summary());
    assert_eq!(recorded_events(&report), recorded_events(&run));
    // A process keeps the resources of a failed test until it is killed.
    suite(program, dir).kill_everything();
    Ok(())
}

#[integration_test(tags("record"))]
#[case::failed(&["fails::number_1"], 101)]
#[case::flaky(&["fails_at_first", "--ignored", "--flaky-result", "fail"], 101)]
#[case::flaky_but_green(&["fails_at_first", "--ignored"], 0)]
#[case::green(&["plain"], 0)]
fn merged_report_fails_if_one_part_failed(#[case] arguments: &[&str], #[case] code: i32, dir: &TempDir) -> Result<()> {
    #[arrange]
    suite(ORDER, dir).events(&[arguments, &["--record", "one.itest"]].concat())?;
    suite(ORDER, dir).events(&["prints", "--record", "green.itest"])?;
    suite(ORDER, dir).events(&["meets", "--flaky-result", "fail", "--record", "other.itest"])?;

    #[act]
    let parts =
        ["--report", "green.itest", "--report", "one.itest", "--report", "other.itest", "--record", "all.itest"];
    let merged = suite(ORDER, dir).events(&parts)?;
    let again = suite(ORDER, dir).events(&["--report", "all.itest"])?;

    #[assert]
    assert_eq!((merged.finished.code(), again.finished.code()), (Some(code), Some(code)), "{}", merged.summary());
    assert_eq!(recorded_events(&again), recorded_events(&merged));
    Ok(())
}

#[integration_test(tags("record"))]
fn report_of_an_interrupted_run_is_interrupted(dir: &TempDir) -> Result<()> {
    #[arrange]
    let arguments = ["waits_to_be_interrupted", "--format", "json", "--record", "own.itest"];
    let waiting = suite(ORDER, dir).args(&arguments);
    let child = waiting.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let began = Instant::now();
    while !std::fs::read_to_string(dir.join("journal")).is_ok_and(|text| text.contains("waiting")) {
        assert!(began.elapsed() < Duration::from_secs(20), "it did not begin");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    signal(child.id(), Signal::INT);
    let run = Events::of(waiting.wait_for(child)?)?;

    #[act]
    let report = suite(ORDER, dir).events(&["--report", "own.itest"])?;

    #[assert]
    assert_eq!((run.finished.code(), report.finished.code()), (Some(130), Some(130)));
    assert_eq!(report.named("interrupting").len(), 1);
    assert_eq!(recorded_events(&report), recorded_events(&run));
    Ok(())
}
