//! Cases that are found when a suite starts.

use std::fs;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite};

const ROWS: &str = "two 2\nfour 4\n";

/// The suite with these rows.
fn suite<'t>(dir: &'t TempDir, rows: &str) -> Result<Suite<'t>> {
    let path = dir.join("rows");
    fs::write(&path, rows)?;
    Ok(Suite::new(env!("CARGO_BIN_EXE_suite-run-time-cases"), dir).env("ROWS", path.to_string_lossy()))
}

fn run(dir: &TempDir, rows: &str, arguments: &[&str]) -> Result<Finished> {
    Ok(suite(dir, rows)?.args(arguments).run()?)
}

/// The names of `--list`.
fn listed(dir: &TempDir, arguments: &[&str]) -> Result<Vec<String>> {
    let finished = run(dir, ROWS, &[&["--list"], arguments].concat())?;
    let names = finished.stdout().lines().filter_map(|line| Some(line.strip_suffix(": test")?.to_owned())).collect();
    Ok(names)
}

#[integration_test]
fn cases_are_listed_and_selected_by_stable_names(dir: TempDir) -> Result {
    let all = [
        "file_has_its_name::bad.txt::copies_1",
        "file_has_its_name::bad.txt::copies_2",
        "file_has_its_name::large/ninety.txt::copies_1",
        "file_has_its_name::large/ninety.txt::copies_2",
        "file_has_its_name::one.txt::copies_1",
        "file_has_its_name::one.txt::copies_2",
        "file_has_its_name::two books.txt::copies_1",
        "file_has_its_name::two books.txt::copies_2",
        "number_is_even::four",
        "number_is_even::two",
        "order_is_read::bad.txt",
        "order_is_read::large/ninety.txt",
        "order_is_read::one.txt",
        "order_is_read::two books.txt",
    ];
    assert_eq!(listed(&dir, &[])?, all);
    assert_eq!(listed(&dir, &["--exact", "order_is_read::two books.txt"])?, all[13..]);
    assert_eq!(listed(&dir, &["--exact", "number_is_even"])?, all[8..10]);
    assert_eq!(listed(&dir, &["large/"])?, [all[2], all[3], all[11]]);
    Ok(())
}

#[integration_test]
#[case::processes(&[])]
#[case::in_process(&["--in-process"])]
#[case::four_jobs(&["--jobs", "4", "--order", "reverse"])]
fn each_case_has_its_own_value(#[case] arguments: &[&str], dir: TempDir) -> Result {
    let events = suite(&dir, ROWS)?.events(arguments)?;
    let failed: Vec<_> = events.outcomes().into_iter().filter(|(_, outcome)| outcome != "passed").collect();
    assert_eq!(failed, [("order_is_read::bad.txt".to_owned(), "failed".to_owned())]);
    assert_eq!(events.outcomes().len(), 14);
    Ok(())
}

#[integration_test]
fn shards_share_the_cases(dir: TempDir) -> Result {
    let mut names = Vec::new();
    for shard in ["1/2", "2/2"] {
        let of_shard = suite(&dir, ROWS)?.events(&["--shard", shard])?.outcomes();
        assert!(of_shard.len() < 14, "{of_shard:?}");
        names.extend(of_shard.into_keys());
    }
    names.sort();
    assert_eq!(names, listed(&dir, &[])?);
    Ok(())
}

#[integration_test]
fn case_that_appears_during_the_run_belongs_to_the_next_run(dir: TempDir) -> Result {
    let rows = "writer 2\nflaky 2\nlast 2\n";
    let suite = suite(&dir, rows)?;
    // Each attempt has a new process, which calls the function again.
    let finished = suite.args(&["number_is_even", "--jobs", "1", "--order", "declared", "--retries", "1"]).run()?;
    assert_eq!(finished.code(), Some(0), "{}", finished.stdout());
    assert!(finished.stdout().contains("3 passed; 0 failed"), "{}", finished.stdout());
    assert_eq!(fs::read_to_string(dir.join("rows"))?, format!("{rows}late 3\n"));
    Ok(())
}

/// A machine that merges the records of shards may lack the files of cases.
#[integration_test]
#[case::report(&["--report", "last"])]
#[case::history(&["--history"])]
fn past_runs_are_reported_although_the_search_for_cases_fails(#[case] arguments: &[&str], dir: TempDir) -> Result {
    assert_eq!(run(&dir, ROWS, &["number_is_even"])?.code(), Some(0));
    let finished = run(&dir, "", arguments)?;
    let errors = finished.stderr();
    assert_eq!(finished.code(), Some(0), "{errors}");
    assert!(errors.contains("itest: warning: `number_is_even` (tests/suites/run_time_cases.rs:"), "{errors}");
    assert!(errors.contains("has no cases: `rows` returned no case"), "{errors}");
    Ok(())
}

#[integration_test]
#[case::no_rows("", "`rows` returned no case; return one, or remove the test")]
#[case::no_number("two", "`rows` failed: no number in `two`")]
#[case::same_name("two 2\ntwo 4\n", "two cases are named `two`; rename one of them")]
#[case::no_name(" 2\n", "a case has an empty name; give it one")]
#[case::panic("two 2!\n", "`rows` panicked: a row has a `!`")]
fn run_without_cases_is_an_error(#[case] rows: &str, #[case] reason: &str, dir: TempDir) -> Result {
    for arguments in [&[][..], &["--list"]] {
        let finished = run(&dir, rows, arguments)?;
        assert_eq!(finished.code(), Some(3), "{}", finished.stderr());
        let errors = finished.stderr();
        let line = errors.lines().find(|line| line.starts_with("itest: error: ")).ok_or("no error")?;
        assert!(line.starts_with("itest: error: `number_is_even` (tests/suites/run_time_cases.rs:"), "{errors}");
        assert!(line.ends_with(&format!(") has no cases: {reason}")), "{errors}");
        finished.assert_nothing_left();
    }
    Ok(())
}

#[integration_test]
fn replay_of_unchanged_files_warns_of_nothing(dir: TempDir) -> Result {
    let record = dir.join("run.itest");
    let path = record.to_string_lossy();
    run(&dir, ROWS, &["order_is_read", "--record", &path])?;
    let replay = run(&dir, ROWS, &["--replay", &path])?;
    assert!(!replay.stderr().contains("changed"), "{}", replay.stderr());
    assert_eq!(replay.test_lines().len(), 4, "{}", replay.stdout());
    Ok(())
}
