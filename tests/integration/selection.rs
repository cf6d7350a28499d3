//! Names, filters, tags, `ignore`, cases and values.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-selection"), dir)
}

const EVERYTHING: [&str; 11] = [
    "matrix::size_1::name_a",
    "matrix::size_1::name_b",
    "matrix::size_2::name_a",
    "matrix::size_2::name_b",
    "moon",
    "orders::cards::case_3",
    "orders::cards::master",
    "orders::cards::visa",
    "orders::pay",
    "orders::refund",
    "sun",
];

fn listed(dir: &TempDir, arguments: &[&str]) -> Result<Vec<String>> {
    let finished = suite(dir).args(&["--list", "--format", "terse"]).args(arguments).run()?;
    assert_eq!(finished.code(), Some(0), "{}", finished.stderr());
    Ok(finished.stdout().lines().map(|line| line.trim_end_matches(": test").to_owned()).collect())
}

#[integration_test]
fn list_has_every_case_under_a_stable_name(dir: &TempDir) -> Result<()> {
    assert_eq!(listed(dir, &[])?, EVERYTHING);
    assert_eq!(listed(dir, &["--seed", "1"])?, EVERYTHING);
    Ok(())
}

#[integration_test]
#[case::ignored(&["--ignored"], &["moon", "sun"])]
#[case::one_filter(&["pay"], &["orders::pay"])]
#[case::two_filters(&["pay", "refund"], &["orders::pay", "orders::refund"])]
#[case::skip(&["orders", "--skip", "cards"], &["orders::pay", "orders::refund"])]
#[case::exact(&["--exact", "orders::pay"], &["orders::pay"])]
#[case::exact_case(&["--exact", "orders::cards::visa"], &["orders::cards::visa"])]
#[case::exact_test(&["--exact", "orders::cards"], &["orders::cards::case_3", "orders::cards::master", "orders::cards::visa"])]
#[case::exact_skip(&["orders", "--skip", "refund", "--skip", "cards"], &["orders::pay"])]
#[case::tag(&["--tag", "payments"], &["orders::pay", "orders::refund"])]
#[case::tag_expression(&["--tag", "payments & !slow"], &["orders::pay"])]
#[case::tag_and_filter(&["--tag", "payments", "refund"], &["orders::refund"])]
fn filters_select_tests(#[case] arguments: &[&str], #[case] expected: &[&str], dir: &TempDir) -> Result<()> {
    assert_eq!(listed(dir, arguments)?, expected);
    Ok(())
}

#[integration_test]
#[case::default(&[], 9, 2)]
#[case::ignored(&["--ignored"], 2, 0)]
#[case::included(&["--include-ignored"], 11, 0)]
fn ignored_flags_decide_whether_ignored_tests_run(
    #[case] arguments: &[&str],
    #[case] passed: u64,
    #[case] ignored: u64,
    dir: &TempDir,
) -> Result<()> {
    let events = suite(dir).events(arguments)?;
    assert_eq!(events.summary()["passed"], passed);
    assert_eq!(events.summary()["ignored"], ignored);
    Ok(())
}

#[integration_test]
fn listing_runs_nothing_and_leaves_nothing(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["--list"]).run()?;
    assert!(finished.stdout().ends_with("\n\n11 tests, 0 benchmarks\n"), "{}", finished.stdout());
    assert_eq!(finished.stderr(), "");
    finished.assert_nothing_left();
    Ok(())
}

/// The command lines of rust-analyzer's run lens and of cargo-nextest.
#[integration_test]
#[case::run_lens(&["orders::pay", "--exact", "--nocapture"])]
#[case::newer_run_lens(&["orders::pay", "--exact", "--show-output"])]
#[case::nextest(&["--exact", "orders::pay", "--nocapture"])]
fn command_lines_of_other_tools_run_one_test(#[case] arguments: &[&str], dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(arguments).run()?;
    assert_eq!(finished.test_lines(), ["test orders::pay ... ok"]);
    assert_eq!(finished.code(), Some(0));
    Ok(())
}
