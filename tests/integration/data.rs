//! Test data repeats with the seed, and unique keys are unique in the whole run.

use std::collections::BTreeSet;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-data"), dir)
}

/// Runs the suite and returns the data that its tests generated, sorted by the names of the tests.
fn generated(dir: &TempDir, seed: &str, jobs: &str) -> Result<Vec<String>> {
    let journal = dir.join("journal");
    let _ = std::fs::remove_file(&journal);
    let suite = suite(dir).env("JOURNAL", journal.display().to_string());
    let events = suite.events(&["--seed", seed, "--jobs", jobs])?;
    assert_eq!(events.named("case_finished").len(), 12);
    let mut lines: Vec<_> = std::fs::read_to_string(journal)?.lines().map(str::to_owned).collect();
    // Tests write side by side; each writes its own lines in order.
    lines.sort_by_key(|line| line.split(' ').nth(1).map(str::to_owned));
    Ok(lines)
}

#[integration_test(tags("data"))]
fn same_seed_gives_the_same_data_with_any_number_of_workers(dir: &TempDir) -> Result<()> {
    #[act]
    let first = generated(dir, "7", "1")?;
    let again = generated(dir, "7", "3")?;
    let other = generated(dir, "8", "1")?;

    #[assert]
    assert_eq!(first.len(), 12 * (8 + 9 + 1));
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert!(first.iter().all(|line| !line.starts_with("sequence") || line.ends_with(" 1 1 2")));
    Ok(())
}

#[integration_test(tags("data"))]
fn unique_keys_are_unique_in_the_whole_run(dir: &TempDir) -> Result<()> {
    #[act]
    let lines = [generated(dir, "1", "3")?, generated(dir, "2", "3")?].concat();

    #[assert]
    let values = |what: &str| -> Vec<String> {
        let lines = lines.iter().filter(|line| line.starts_with(what));
        lines.filter_map(|line| line.split(' ').nth(2).map(str::to_owned)).collect()
    };
    for (what, count) in [("text", 2 * 12 * 11), ("number", 2 * 12 * 6)] {
        let all = values(what);
        assert_eq!(all.len(), count, "{what}");
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), count, "{what}: some values are there twice");
    }
    assert!(values("number").iter().all(|number| number.parse().is_ok_and(|number: i64| number > 0)));
    Ok(())
}

/// The journal lines of attempts, each as attempt, round, key, number and name.
fn attempts(journal: &str) -> Vec<[String; 5]> {
    let words = |line: &str| line.split(' ').skip(2).map(str::to_owned).collect::<Vec<_>>();
    journal.lines().filter_map(|line| words(line).try_into().ok()).collect()
}

fn column(attempts: &[[String; 5]], number: usize) -> Vec<&str> {
    attempts.iter().map(|words| words[number].as_str()).collect()
}

fn all_differ(words: &[&str]) -> bool {
    words.iter().enumerate().all(|(position, word)| !words[..position].contains(word))
}

#[integration_test(timeout = "1m")]
fn retry_gets_the_same_data_with_new_unique_keys(dir: &TempDir) -> Result<()> {
    #[arrange]
    let journal = dir.join("journal");
    let suite = suite(dir).env("JOURNAL", journal.display().to_string());
    #[act]
    suite.events(&["--ignored", "passes_at_last", "--seed", "7"])?;
    #[assert]
    let attempts = attempts(&std::fs::read_to_string(&journal)?);
    assert_eq!(column(&attempts, 0), ["1", "2", "3"]);
    assert_eq!(column(&attempts, 1), ["1", "1", "1"]);
    assert!(all_differ(&column(&attempts, 2)) && all_differ(&column(&attempts, 3)), "{attempts:?}");
    assert!(attempts.iter().all(|words| words[4] == attempts[0][4]), "{attempts:?}");
    Ok(())
}

#[integration_test(timeout = "1m")]
#[case::workers(&[])]
#[case::in_process(&["--in-process"])]
fn next_round_gets_the_same_data_with_new_unique_keys(#[case] arguments: &[&str], dir: &TempDir) -> Result<()> {
    #[arrange]
    let journal = dir.join("journal");
    let suite = suite(dir).env("JOURNAL", journal.display().to_string()).args(arguments);
    #[act]
    suite.events(&["--ignored", "passes_at_once", "--seed", "7", "--repeat", "3"])?;
    #[assert]
    let mut attempts = attempts(&std::fs::read_to_string(&journal)?);
    attempts.sort();
    assert_eq!(column(&attempts, 0), ["1", "1", "1"]);
    assert_eq!(column(&attempts, 1), ["1", "2", "3"]);
    assert!(all_differ(&column(&attempts, 2)) && all_differ(&column(&attempts, 3)), "{attempts:?}");
    assert!(attempts.iter().all(|words| words[4] == attempts[0][4]), "{attempts:?}");
    Ok(())
}

#[integration_test(timeout = "2m", tags("nextest"))]
fn retries_of_nextest_count_as_attempts(dir: &TempDir) -> Result<()> {
    #[arrange]
    let journal = dir.join("journal");
    let suite = suite(dir).env("JOURNAL", journal.display().to_string());
    #[act]
    let run = suite.nextest(&["run", "--run-ignored", "only", "--retries", "2", "passes_at_last"])?.output()?;
    #[assert]
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let attempts = attempts(&std::fs::read_to_string(&journal)?);
    assert_eq!(column(&attempts, 0), ["1", "2", "3"]);
    assert!(all_differ(&column(&attempts, 2)), "{attempts:?}");
    Ok(())
}
