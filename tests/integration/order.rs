//! Order, seeds, parallel workers and locks.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Suite};

fn run(dir: &TempDir, arguments: &[&str]) -> Result<(Events, Vec<String>)> {
    let journal = dir.join("journal");
    // The journal must only have the lines of this run.
    let _ = std::fs::remove_file(&journal);
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-order"), dir).env("JOURNAL", journal.display().to_string());
    let events = suite.events(arguments)?;
    let text = std::fs::read_to_string(journal).unwrap_or_default();
    Ok((events, text.lines().map(str::to_owned).collect()))
}

/// The most tests of the journal that ran at the same time.
fn most_at_once(journal: &[String]) -> usize {
    let mut running = 0_usize;
    let mut most = 0;
    for line in journal {
        match line.split_once(' ') {
            Some(("begin", _)) => running += 1,
            Some(("end", _)) => running -= 1,
            _ => {}
        }
        most = most.max(running);
    }
    most
}

#[integration_test(tags("order"))]
fn same_seed_gives_the_same_order(dir: &TempDir) -> Result<()> {
    #[arrange]
    let arguments = |seed| ["plain", "--jobs", "1", "--seed", seed];

    #[act]
    let (_, first) = run(dir, &arguments("7"))?;
    let (_, again) = run(dir, &arguments("7"))?;
    let (_, other) = run(dir, &arguments("8"))?;

    #[assert]
    assert_eq!(first.len(), 12);
    assert_eq!(first, again);
    assert_ne!(first, other);
    Ok(())
}

#[integration_test(tags("order"))]
fn runs_without_a_seed_draw_one_and_report_it(dir: &TempDir) -> Result<()> {
    #[act]
    let (first, order) = run(dir, &["plain", "--jobs", "1"])?;
    let (second, other) = run(dir, &["plain", "--jobs", "1"])?;

    #[assert]
    assert_ne!(first.named("run_started")[0]["seed"], second.named("run_started")[0]["seed"]);
    assert_ne!(order, other, "two random orders of 12 tests are the same");
    let seed = first.named("run_started")[0]["seed"].to_string();
    let (_, repeated) = run(dir, &["plain", "--jobs", "1", "--seed", &seed])?;
    assert_eq!(order, repeated);
    Ok(())
}

#[integration_test(tags("order"))]
fn declared_order_follows_the_source_and_reverse_inverts_it(dir: &TempDir) -> Result<()> {
    let (_, declared) = run(dir, &["plain", "--jobs", "1", "--order", "declared"])?;
    let (_, mut reverse) = run(dir, &["plain", "--jobs", "1", "--order", "reverse"])?;
    let expected: Vec<_> = (0..12).map(|number| format!("plain::number_{number}")).collect();
    assert_eq!(declared, expected);
    reverse.reverse();
    assert_eq!(reverse, expected);
    Ok(())
}

#[integration_test(tags("order"))]
fn shuffle_flags_of_libtest_give_the_same_order(dir: &TempDir) -> Result<()> {
    let (_, ours) = run(dir, &["plain", "--jobs", "1", "--seed", "99"])?;
    let (_, libtests) = run(dir, &["plain", "--test-threads", "1", "--shuffle", "--shuffle-seed", "99"])?;
    assert_eq!(ours, libtests);
    Ok(())
}

#[integration_test(tags("parallel"))]
fn jobs_limits_how_many_tests_run_at_once(dir: &TempDir) -> Result<()> {
    let (_, alone) = run(dir, &["--tag", "parallel", "--jobs", "1"])?;
    assert_eq!(most_at_once(&alone), 1);
    let (_, together) = run(dir, &["--tag", "parallel", "--jobs", "3"])?;
    assert!((2..=3).contains(&most_at_once(&together)), "{together:?}");
    Ok(())
}

#[integration_test(tags("parallel"))]
fn serial_tests_with_one_key_never_overlap(dir: &TempDir) -> Result<()> {
    let (events, journal) = run(dir, &["--tag", "serial", "--jobs", "4"])?;
    assert_eq!(events.outcomes().len(), 5);
    assert_eq!(most_at_once(&journal), 1, "{journal:?}");
    Ok(())
}

#[integration_test(tags("parallel"))]
fn worker_does_not_wait_for_a_lock_while_another_test_can_run(dir: &TempDir) -> Result<()> {
    let (_, journal) = run(dir, &["prints", "meets", "--jobs", "3", "--seed", "1"])?;
    assert!(most_at_once(&journal) >= 2, "{journal:?}");
    Ok(())
}

#[integration_test]
fn random_data_repeats_with_the_seed_and_differs_between_tests(dir: &TempDir) -> Result<()> {
    let sorted = |(_, mut journal): (Events, Vec<String>)| {
        journal.sort();
        journal
    };
    let first = sorted(run(dir, &["--tag", "data", "--seed", "5"])?);
    let again = sorted(run(dir, &["--tag", "data", "--seed", "5", "--order", "declared"])?);
    let other = sorted(run(dir, &["--tag", "data", "--seed", "6"])?);
    assert_eq!(first, again);
    assert_ne!(first, other);
    let numbers: std::collections::BTreeSet<_> =
        first.iter().filter_map(|line| line.split_once(' ')).map(|(_, n)| n).collect();
    assert_eq!(numbers.len(), 3, "each test draws its own number: {first:?}");
    Ok(())
}

#[integration_test]
#[case::first("--fail-fast", 1)]
#[case::third("--fail-fast=3", 3)]
fn fail_fast_starts_no_more_tests(#[case] flag: &str, #[case] failures: u64, dir: &TempDir) -> Result<()> {
    let (events, _) = run(dir, &["--tag", "failing", "--jobs", "1", flag])?;
    let summary = events.summary();
    assert_eq!(summary["failed"], failures);
    assert_eq!(summary["not_run"], 8 - failures);
    assert_eq!(events.finished.code(), Some(101));
    Ok(())
}

#[integration_test]
fn slow_test_is_reported_while_it_runs(dir: &TempDir) -> Result<()> {
    let (events, _) = run(dir, &["--tag", "slow", "--slow", "50ms"])?;
    let slow = events.named("case_slow");
    assert_eq!(slow.len(), 1);
    assert_eq!(slow[0]["id"], "is_slow");
    assert_eq!(slow[0]["phase"], "act");
    assert_eq!(events.summary()["slowest"][0]["id"], "is_slow");
    Ok(())
}

#[integration_test]
fn children_of_a_crashed_test_do_not_survive_it(dir: &TempDir) -> Result<()> {
    let (events, _) = run(dir, &["--tag", "child"])?;
    assert_eq!(events.case("starts_a_child_and_crashes")["outcome"], "crashed");
    events.finished.assert_nothing_left();
    Ok(())
}
