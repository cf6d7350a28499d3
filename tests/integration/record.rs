//! The record of a run: replay, reports, merging and lanes.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Suite};
use serde_json::Value;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-order"), dir)
}

/// All records of the suite, oldest first.
fn records(dir: &TempDir) -> Vec<PathBuf> {
    let folder = dir.join("records/itest-tests-suite_order");
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<_> = entries.collect();
    paths.sort();
    paths
}

/// The tests that each worker ran, in order.
fn split(events: &Events) -> BTreeMap<u64, Vec<String>> {
    let mut ends = events.named("case_finished");
    ends.sort_by_key(|end| end["started_us"].as_u64());
    let mut split: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for end in ends {
        let worker = end["worker"].as_u64().unwrap_or_default();
        split.entry(worker).or_default().push(end["id"].as_str().unwrap_or_default().to_owned());
    }
    split
}

#[integration_test(tags("record"))]
fn replay_repeats_the_order_and_the_split_between_workers(dir: &TempDir) -> Result<()> {
    #[arrange]
    let first = suite(dir).events(&["plain", "prints", "meets", "--jobs", "3"])?;
    let mut expected: Vec<_> = split(&first).into_values().collect();

    #[act]
    let again = suite(dir).events(&["--replay", "last"])?;

    #[assert]
    let mut repeated: Vec<_> = split(&again).into_values().collect();
    expected.sort();
    repeated.sort();
    assert_eq!(expected, repeated);
    assert_eq!(first.named("run_started")[0]["seed"], again.named("run_started")[0]["seed"]);
    Ok(())
}

#[integration_test(tags("record"))]
fn replay_runs_each_recorded_attempt_in_its_own_worker(dir: &TempDir) -> Result<()> {
    suite(dir).events(&["fails::number_1", "plain::number_1", "--retries", "2"])?;
    let again = suite(dir).events(&["--replay", "last"])?;
    let failed = again.order().iter().filter(|id| *id == "fails::number_1").count();
    assert_eq!((failed, again.named("case_retried").len()), (3, 0));
    let workers: Vec<_> =
        split(&again).into_values().filter(|ran| ran.contains(&"fails::number_1".to_owned())).collect();
    assert_eq!(workers.len(), 3);
    Ok(())
}

#[integration_test(tags("record"))]
fn report_from_a_record_equals_the_report_of_the_run(dir: &TempDir) -> Result<()> {
    #[arrange]
    let output = Suite::new(env!("CARGO_BIN_EXE_suite-output"), dir);
    let now = output.args(&["--jobs", "2", "--show-output", "--seed", "3"]).run()?;

    #[act]
    let later =
        Suite::new(env!("CARGO_BIN_EXE_suite-output"), dir).args(&["--report", "last", "--show-output"]).run()?;

    #[assert]
    let lines_of = |text: String| {
        // These lines name the command line and the record, which differ between the run and the report.
        let of_this_run = |line: &str| line.starts_with("repeat this run") || line.starts_with("record: ");
        let lines = text.lines().filter(|line| !of_this_run(line) && !line.is_empty());
        let mut lines: Vec<_> = lines.map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines_of(now.stdout()), lines_of(later.stdout()));
    assert_eq!(now.code(), later.code());
    Ok(())
}

#[integration_test(tags("record"))]
fn records_of_several_runs_are_merged(dir: &TempDir) -> Result<()> {
    #[arrange]
    let part = |filter: &str, file: &str| -> Result<()> {
        suite(dir).args(&[filter, "--record", &dir.join(file).display().to_string()]).run()?;
        Ok(())
    };
    part("plain", "a.itest")?;
    part("fails", "b.itest")?;

    #[act]
    let (a, b, all) = (dir.join("a.itest"), dir.join("b.itest"), dir.join("all.itest"));
    let (a, b, all) = (a.display().to_string(), b.display().to_string(), all.display().to_string());
    let merged = suite(dir).events(&["--report", &a, "--report", &b, "--record", &all])?;

    #[assert]
    assert_eq!((&merged.summary()["passed"], &merged.summary()["failed"]), (&12.into(), &8.into()));
    assert_eq!(merged.finished.code(), Some(101));
    let read = suite(dir).events(&["--report", &all])?;
    assert_eq!(read.outcomes(), merged.outcomes());
    Ok(())
}

#[integration_test(tags("record"))]
fn records_flag_limits_the_kept_records(dir: &TempDir) -> Result<()> {
    for _ in 0..4 {
        suite(dir).args(&["plain::number_1", "--records", "2"]).run()?;
    }
    assert_eq!(records(dir).len(), 2);
    suite(dir).args(&["plain::number_1", "--records", "0"]).run()?;
    assert_eq!(records(dir).len(), 2, "a run that writes no record deletes none");
    Ok(())
}

#[integration_test(tags("record"))]
fn truncated_record_is_reported_as_far_as_it_goes(dir: &TempDir) -> Result<()> {
    #[arrange]
    suite(dir).args(&["plain", "fails", "--seed", "1", "--jobs", "1"]).run()?;
    let record = records(dir).pop().ok_or("no record")?;
    let bytes = fs::read(&record)?;
    fs::write(&record, &bytes[..bytes.len() * 2 / 3])?;

    #[act]
    let events = suite(dir).events(&["--report", "last"])?;

    #[assert]
    assert!(events.finished.stderr().contains("ends early"), "{}", events.finished.stderr());
    let count = events.outcomes().len();
    assert!((2..20).contains(&count), "{count} cases");
    Ok(())
}

/// If a CI machine is lost in the middle of its part, the merged report must fail.
#[integration_test(tags("record"))]
fn truncated_record_fails_the_report(dir: &TempDir) -> Result<()> {
    #[arrange]
    suite(dir).args(&["plain", "--seed", "1"]).run()?;
    let record = records(dir).pop().ok_or("no record")?;
    let bytes = fs::read(&record)?;
    let whole = suite(dir).args(&["--report", "last"]).run()?;
    fs::write(&record, &bytes[..bytes.len() / 2])?;

    #[act]
    let cut = suite(dir).args(&["--report", "last"]).run()?;

    #[assert]
    assert_eq!((whole.code(), cut.code()), (Some(0), Some(101)), "{}", cut.stdout());
    assert!(cut.stdout().contains("error: a record ends early: it has the results of "), "{}", cut.stdout());
    Ok(())
}

#[integration_test(tags("record"))]
fn record_given_twice_is_refused(dir: &TempDir) -> Result<()> {
    suite(dir).args(&["plain::number_1"]).run()?;
    let finished = suite(dir).args(&["--report", "last", "--report", "last"]).run()?;
    assert_eq!(finished.code(), Some(2), "{}", finished.stdout());
    assert!(finished.stderr().contains("--report last: the report already has this run"), "{}", finished.stderr());
    Ok(())
}

#[integration_test(tags("record"))]
fn report_prints_a_command_that_replays_its_record(dir: &TempDir) -> Result<()> {
    suite(dir).args(&["fails::number_1", "--seed", "7", "--record", "own.itest"]).run()?;
    let report = suite(dir).args(&["--report", "own.itest"]).run()?.stdout();
    let command =
        report.lines().find_map(|line| line.strip_prefix("repeat this run: ")).ok_or("no command is given")?;
    assert!(command.ends_with(" -- --replay own.itest --seed 7"), "{command}");
    Ok(())
}

#[integration_test(tags("record"))]
#[case::nothing("--replay", "", "there is no record in")]
#[case::no_file("--replay", "nowhere.itest", "No such file")]
#[case::no_record("--report", "text", "it is no record of itest")]
#[case::empty("--report", "empty", "it is no record of itest")]
#[case::endless("--report", "/dev/zero", "it is no record of itest")]
#[case::later("--replay", "later", "it has format version 99")]
#[case::other_suite("--replay", "other", "it is a record of the suite shop-integration")]
#[case::nothing_left("--replay", "gone", "the suite has none of the recorded tests any more")]
#[case::damaged("--report", "damaged", "it is damaged at byte")]
fn unusable_record_is_refused(
    #[case] flag: &str,
    #[case] file: &str,
    #[case] message: &str,
    dir: &TempDir,
) -> Result<()> {
    let start = |version: u32, suite: &str| {
        format!(
            r#"{{"event":"run_started","format_version":{version},"selected":1,"order":"random","seed":1,"jobs":1,"suite":"{suite}","build":""}}"#
        )
    };
    let own = start(1, "itest-tests-suite_order");
    let case = r#"{"event":"case_finished","id":"gone","location":"a.rs:1:1","worker":0,"attempt":1,"outcome":"failed","elapsed_us":1}"#;
    fs::write(dir.join("text"), "hello\n")?;
    fs::write(dir.join("empty"), "")?;
    fs::write(dir.join("later"), format!("{}\n", start(99, "itest-tests-suite_order")))?;
    fs::write(dir.join("other"), format!("{}\n{case}\n", start(1, "shop-integration")))?;
    fs::write(dir.join("gone"), format!("{own}\n{case}\n"))?;
    fs::write(dir.join("damaged"), format!("{own}\n{{\"event\n{case}\n"))?;
    let name = if file.is_empty() { "last".to_owned() } else { dir.join(file).display().to_string() };
    let finished = suite(dir).args(&[flag, &name]).run()?;
    assert_eq!(finished.code(), Some(2), "{}", finished.stdout());
    assert!(finished.stderr().contains(message), "{}", finished.stderr());
    Ok(())
}

#[integration_test(tags("record"))]
fn replay_accepts_removed_tests_and_unknown_fields(dir: &TempDir) -> Result<()> {
    suite(dir).args(&["plain::number_1", "plain::number_2", "--seed", "5"]).run()?;
    let record = records(dir).pop().ok_or("no record")?;
    let mut bytes = fs::read(&record)?;
    let line = r#"{"event":"case_finished","id":"gone","location":"a.rs:1:1","worker":0,"attempt":1,"outcome":"failed","elapsed_us":1,"mood":"new"}"#;
    bytes.extend(format!("{line}\n{{\"event\":\"a_new_event\",\"x\":1}}\n").bytes());
    fs::write(&record, bytes)?;
    let events = suite(dir).events(&["--replay", "last"])?;
    assert!(events.finished.stderr().contains("the suite does not have 1 recorded tests any more: gone"));
    assert_eq!(events.order().len(), 2 + usize::from(events.order().contains(&"plain::number_11".to_owned())) * 2);
    Ok(())
}

#[integration_test(tags("record"))]
fn lanes_run_in_lockstep_each_in_a_process(dir: &TempDir) -> Result<()> {
    let lanes = ["--lane", "plain::number_1 plain::number_2", "--lane", "plain::number_3,plain::number_4"];
    let events = suite(dir).events(&lanes)?;
    let mut split: Vec<_> = split(&events).into_values().collect();
    split.sort();
    assert_eq!(split, [["plain::number_1", "plain::number_2"], ["plain::number_3", "plain::number_4"]]);
    let started = |id: &str| events.case(id)["started_us"].as_u64().unwrap_or_default();
    let ended = |id: &str| started(id) + events.case(id)["elapsed_us"].as_u64().unwrap_or_default();
    assert!(started("plain::number_2") >= ended("plain::number_3"), "the second tests wait for both of the first ones");
    let repeated = suite(dir).events(&["--lane", "plain::number_1 plain::number_1", "--repeat", "3"])?;
    assert_eq!(repeated.summary()["passed"], Value::from(6));
    let workers = self::split(&repeated);
    assert_eq!(workers.values().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2], "every round has processes of its own");
    Ok(())
}

#[integration_test(tags("record"))]
#[case::unknown(&["--lane", "plain::numbr_1"], "did you mean `plain::number_1`?")]
#[case::empty(&["--lane", " "], "names no test")]
#[case::filter(&["--lane", "plain::number_1", "meets"], "names the tests to run")]
#[case::both(&["--lane", "plain::number_1", "--replay", "last"], "contradicts --lane")]
fn invalid_lane_is_refused(#[case] arguments: &[&str], #[case] message: &str, dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(arguments).run()?;
    assert_eq!(finished.code(), Some(2));
    assert!(finished.stderr().contains(message), "{}", finished.stderr());
    Ok(())
}

/// The lane has more steps than the buffer of a socket, and the worker dies in the middle of them.
#[integration_test(tags("record"))]
fn long_lane_continues_after_its_worker_dies(dir: &TempDir) -> Result<()> {
    let lane = "passes ".repeat(400) + "aborts " + &"passes ".repeat(400);
    let outcomes = Suite::new(env!("CARGO_BIN_EXE_suite-outcomes"), dir);
    let events = outcomes.events(&["--lane", &lane])?;
    assert_eq!((&events.summary()["passed"], &events.summary()["failed"]), (&800.into(), &1.into()));
    Ok(())
}

/// If nothing can be written, the run goes on, and each warning names its path.
#[integration_test(tags("record"))]
fn unwritable_record_folder_is_named_in_a_warning(dir: &TempDir) -> Result<()> {
    #[arrange("files where folders are needed")]
    fs::write(dir.join("records"), "")?;
    fs::write(dir.join("last-failed"), "")?;

    #[act]
    let finished = suite(dir).args(&["fails::number_1"]).run()?;

    #[assert]
    let stderr = finished.stderr();
    assert_eq!(finished.code(), Some(101), "{stderr}");
    let folder = dir.join("records/itest-tests-suite_order").display().to_string();
    assert!(stderr.contains(&format!("this run is not recorded: the folder {folder}: ")), "{stderr}");
    let file = dir.join("last-failed/itest-tests-suite_order").display().to_string();
    assert!(stderr.contains(&format!("the failed tests cannot be saved for --last-failed: {file}: ")), "{stderr}");
    Ok(())
}
