//! Values at the edge of their types: each is refused with one clear message, or counts as the largest that is allowed. No value makes
//! the harness panic, and no value that one run was given harms a later run.

use std::fs;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Finished, Suite};

use super::sweeping::dead_session;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-order"), dir)
}

fn assert_no_panic(finished: &Finished) {
    let stderr = finished.stderr();
    assert!(!stderr.contains("panicked at"), "{stderr}");
    assert!(finished.code().is_some(), "{stderr}");
}

/// The first line of a record, with these fields in addition to those that each record has.
fn start(fields: &str) -> String {
    format!(
        r#"{{"event":"run_started","format_version":1,"selected":1,"order":"random","seed":1,"jobs":1,"suite":"itest-tests-suite_order","build":"",{fields}}}"#
    )
}

/// The line of a failed test, with these fields in addition to those that each line has.
fn case(fields: &str) -> String {
    format!(
        r#"{{"event":"case_finished","id":"fails::number_1","location":"a.rs:1:1","attempt":1,"outcome":"failed",{fields}}}"#
    )
}

const PLAIN: &str = r#""worker":0,"started_us":1,"elapsed_us":1"#;

fn end(passed: u64, elapsed_us: u64) -> String {
    format!(
        r#"{{"event":"run_finished","success":false,"passed":{passed},"flaky":{passed},"failed":{passed},"ignored":{passed},"elapsed_us":{elapsed_us}}}"#
    )
}

#[integration_test(tags("input"))]
#[case::timeout("--timeout")]
#[case::setup("--setup-timeout")]
#[case::teardown("--teardown-timeout")]
#[case::slow("--slow")]
#[case::budget("--budget")]
#[case::repeats("--for")]
#[case::retry("--retry-delay")]
#[case::history("--history-keep")]
fn duration_beyond_ten_years_is_refused(
    #[case] flag: &str,
    #[values("18446744073709551615s", "300000000000y", "99999999999999999999y", "11y")] text: &str,
    dir: &TempDir,
) -> Result<()> {
    let finished = suite(dir).args(&["plain::number_1", flag, text]).run()?;
    assert_no_panic(&finished);
    assert_eq!(finished.code(), Some(2), "{}", finished.stderr());
    let message = format!("{flag} {text}: longer than 10 years");
    assert!(finished.stderr().contains(&message), "{}", finished.stderr());
    Ok(())
}

#[integration_test(tags("input"))]
fn longest_allowed_durations_break_no_run(dir: &TempDir) -> Result<()> {
    let session = || Suite::new(env!("CARGO_BIN_EXE_suite-session"), dir);
    let flags = ["--timeout", "--setup-timeout", "--teardown-timeout", "--slow", "--retry-delay", "--history-keep"];
    let arguments: Vec<&str> = flags.iter().flat_map(|flag| [*flag, "3650days"]).collect();
    let first = session().args(&arguments).run()?;
    assert_no_panic(&first);
    assert_eq!(first.code(), Some(0), "{}{}", first.stdout(), first.stderr());
    let second = session().run()?;
    assert_no_panic(&second);
    assert_eq!(second.code(), Some(0), "{}{}", second.stdout(), second.stderr());
    Ok(())
}

#[integration_test(tags("input"))]
#[case::jobs(&["--jobs", "18446744073709551615"])]
#[case::retries(&["--retries", "4294967295"])]
#[case::records(&["--records", "18446744073709551615"])]
#[case::fail_fast(&["--fail-fast=18446744073709551615"])]
#[case::shard(&["--shard", "4294967295/4294967295"])]
#[case::shard_by_durations(&["--shard", "4294967295/4294967295", "--shard-by", "durations", "--durations", "own.itest"])]
#[case::seed(&["--seed", "18446744073709551615"])]
fn largest_counts_cause_no_panic(#[case] arguments: &[&str], dir: &TempDir) -> Result<()> {
    suite(dir).args(&["plain::number_1", "--record", "own.itest"]).run()?;
    let finished = suite(dir).args(&["plain::number_1"]).args(arguments).run()?;
    assert_no_panic(&finished);
    assert_eq!(finished.code(), Some(0), "{}", finished.stderr());
    Ok(())
}

/// Reports that show every number of a record.
const REPORTS: [&[&str]; 4] = [
    &["--report-time"],
    &["--format", "json"],
    &["--format", "libtest-json"],
    &["--ctrf", "report.json", "--junit", "report.xml", "--annotations", "github"],
];

#[integration_test(tags("input"))]
#[case::times(
    r#""began_unix_ms":0"#,
    r#""worker":0,"started_us":18446744073709551615,"elapsed_us":18446744073709551615"#
)]
#[case::workers(r#""began_unix_ms":1"#, r#""worker":4294967295,"started_us":1,"elapsed_us":1"#)]
#[case::part(r#""began_unix_ms":1,"shard":{"index":5,"count":4294967295,"by":"hash"}"#, PLAIN)]
#[case::last_moment(
    r#""began_unix_ms":253402300799999"#,
    r#""worker":0,"started_us":18446744073709551615,"elapsed_us":1"#
)]
fn record_with_extreme_numbers_is_reported(#[case] head: &str, #[case] ended: &str, dir: &TempDir) -> Result<()> {
    let lines = |seed: u64| {
        let line = start(head).replace("\"seed\":1", &format!("\"seed\":{seed}"));
        let mut lines = vec![line];
        lines.extend((0..40).map(|_| case(ended)));
        lines.push(end(u64::MAX, u64::MAX));
        lines.join("\n") + "\n"
    };
    fs::write(dir.join("one.itest"), lines(1))?;
    fs::write(dir.join("two.itest"), lines(2).replace("\"index\":5", "\"index\":6"))?;
    for report in REPORTS {
        let arguments = [&["--report", "one.itest", "--report", "two.itest"], report].concat();
        let finished = suite(dir).args(&arguments).run()?;
        assert_no_panic(&finished);
        assert_eq!(finished.code(), Some(101), "{}", finished.stderr());
        assert!(finished.stderr().len() < 1_000, "the message is short: {}", finished.stderr());
    }
    let finished = suite(dir).args(&["plain", "--order", "longest-first", "--durations", "one.itest"]).run()?;
    assert_no_panic(&finished);
    Ok(())
}

#[integration_test(tags("input"))]
#[case::part_that_is_not_there(
    r#""began_unix_ms":1,"shard":{"index":6,"count":5,"by":"hash"}"#,
    "there is no part 6 of 5"
)]
#[case::far_future(r#""began_unix_ms":9991795886284721"#, "it says that it began after the year 9999")]
#[case::end_of_time(r#""began_unix_ms":18446744073709551615"#, "it says that it began after the year 9999")]
fn record_with_an_invalid_first_line_is_refused(
    #[case] head: &str,
    #[case] message: &str,
    dir: &TempDir,
) -> Result<()> {
    fs::write(dir.join("one.itest"), [start(head), case(PLAIN), end(0, 1), String::new()].join("\n"))?;
    for flag in ["--report", "--replay"] {
        let finished = suite(dir).args(&[flag, "one.itest"]).run()?;
        assert_no_panic(&finished);
        assert_eq!(finished.code(), Some(2), "{}", finished.stdout());
        assert!(finished.stderr().contains(message), "{}", finished.stderr());
    }
    Ok(())
}

#[integration_test(tags("input", "history"))]
fn record_from_the_far_future_does_not_break_the_history(dir: &TempDir) -> Result<()> {
    #[arrange]
    let run = || suite(dir).args(&["plain::number_1"]).run();
    run()?;
    let record = dir.join("records/itest-tests-suite_order/9999-far.itest");
    let lines = [start(r#""began_unix_ms":9991795886284721"#), case(PLAIN), end(0, 1), String::new()];
    fs::write(&record, lines.join("\n"))?;

    #[act]
    let history = suite(dir).args(&["--history"]).run()?;

    #[assert]
    assert_no_panic(&history);
    assert_eq!(history.code(), Some(0), "{}", history.stderr());
    assert!(history.stdout().contains(": 1 run from 20"), "{}", history.stdout());
    assert!(
        history.stderr().contains("9999-far.itest cannot be used: it says that it began after"),
        "{}",
        history.stderr()
    );
    fs::remove_file(&record)?;
    run()?;
    let later = suite(dir).args(&["--history", "--format", "json"]).run()?;
    assert_eq!(Events::of(later)?.named("history")[0]["runs"], 2);
    Ok(())
}

/// An earlier version wrote any limit into the files of its session, and every later run failed to read them.
#[integration_test(tags("input", "session"))]
async fn session_with_an_unlimited_timeout_is_swept(dir: &TempDir) -> Result<()> {
    #[arrange]
    let program = env!("CARGO_BIN_EXE_suite-session");
    let session = dead_session(program, dir).await?;
    let file = session.join("session.json");
    let text = fs::read_to_string(&file)?;
    let endless = text
        .replace("\"secs\":10,", "\"secs\":18446744073709551615,")
        .replace("\"secs\":60,", "\"secs\":18446744073709551615,");
    assert_ne!(text, endless);
    fs::write(&file, endless)?;

    #[act]
    let swept =
        Suite::new(program, dir).env("OUTSIDE", dir.join("outside").display().to_string()).args(&["--sweep"]).run()?;

    #[assert]
    assert_no_panic(&swept);
    assert_eq!(swept.code(), Some(0), "{}{}", swept.stdout(), swept.stderr());
    swept.assert_nothing_left();
    Ok(())
}
