//! Fixtures: which tests share a value, and the order of teardown.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Suite};

fn run(dir: &TempDir, arguments: &[&str]) -> Result<(Events, Vec<String>)> {
    let journal = dir.join("journal");
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-sharing"), dir).env("JOURNAL", journal.display().to_string());
    let events = suite.events(arguments)?;
    let lines = std::fs::read_to_string(journal)?.lines().map(str::to_owned).collect();
    Ok((events, lines))
}

#[integration_test(tags("fixtures"))]
fn ownership_decides_which_tests_share_a_value(dir: &TempDir) -> Result<()> {
    let (events, _) = run(dir, &[])?;
    let outcomes = events.outcomes();
    assert!(outcomes.len() == 7 && outcomes.values().all(|outcome| outcome == "passed"), "{outcomes:?}");
    Ok(())
}

#[integration_test(tags("fixtures"))]
fn worker_fixture_is_set_up_once_and_torn_down_at_worker_end(dir: &TempDir, #[values(1, 2)] jobs: usize) -> Result<()> {
    #[act]
    let (events, journal) = run(dir, &["--jobs", &jobs.to_string()])?;

    #[assert]
    let count = |word: &str| journal.iter().filter(|line| *line == word).count();
    let workers: std::collections::BTreeSet<_> =
        events.named("case_finished").iter().map(|case| case["worker"].to_string()).collect();
    assert!(count("start cluster") <= workers.len() && count("start cluster") >= 1);
    assert_eq!(count("start cluster"), count("stop cluster"));
    assert_eq!(count("create database"), count("drop database"));
    if jobs == 1 {
        assert_eq!(journal.last().map(String::as_str), Some("stop cluster"));
    }
    Ok(())
}

#[integration_test(tags("fixtures"))]
fn teardown_runs_in_reverse_order_of_setup(dir: &TempDir) -> Result<()> {
    let (_, journal) = run(dir, &["--tag", "order"])?;
    assert_eq!(
        journal,
        [
            "start cluster",
            "create database",
            "start service",
            "test",
            "test's own",
            "stop service",
            "value dropped",
            "drop database",
            "stop cluster",
        ]
    );
    Ok(())
}
