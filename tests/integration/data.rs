//! Test data repeats with the seed, and its keys are nobody else's.

use std::collections::BTreeSet;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

/// What a run's tests have made, in the order of their names.
fn made(dir: &TempDir, seed: &str, jobs: &str) -> Result<Vec<String>> {
    let journal = dir.join("journal");
    let _ = std::fs::remove_file(&journal);
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-data"), dir).env("JOURNAL", journal.display().to_string());
    let events = suite.events(&["--seed", seed, "--jobs", jobs])?;
    assert_eq!(events.named("case_finished").len(), 12);
    let mut lines: Vec<_> = std::fs::read_to_string(journal)?.lines().map(str::to_owned).collect();
    // Tests write side by side; each writes its own lines in order.
    lines.sort_by_key(|line| line.split(' ').nth(1).map(str::to_owned));
    Ok(lines)
}

#[integration_test(tags("data"))]
fn one_seed_is_the_same_data_however_it_is_run(dir: &TempDir) -> Result<()> {
    #[act]
    let first = made(dir, "7", "1")?;
    let again = made(dir, "7", "3")?;
    let other = made(dir, "8", "1")?;

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
    let lines = [made(dir, "1", "3")?, made(dir, "2", "3")?].concat();

    #[assert]
    let values = |what: &str| -> Vec<String> {
        let lines = lines.iter().filter(|line| line.starts_with(what));
        lines.filter_map(|line| line.split(' ').nth(2).map(str::to_owned)).collect()
    };
    for (what, count) in [("text", 2 * 12 * 11), ("number", 2 * 12 * 6)] {
        let all = values(what);
        assert_eq!(all.len(), count, "{what}");
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), count, "{what}: some stand there twice");
    }
    assert!(values("number").iter().all(|number| number.parse().is_ok_and(|number: i64| number > 0)));
    Ok(())
}
