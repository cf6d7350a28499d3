//! The same test over several backends: names, filters, order, and what cargo-nextest sees.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;
use serde_json::Value;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-backends"), dir)
}

const EVERYTHING: [&str; 11] = [
    "books_are_counted::disk::one::title_a",
    "books_are_counted::disk::one::title_b",
    "books_are_counted::disk::two::title_a",
    "books_are_counted::disk::two::title_b",
    "books_are_counted::in_memory::one::title_a",
    "books_are_counted::in_memory::one::title_b",
    "books_are_counted::in_memory::two::title_a",
    "books_are_counted::in_memory::two::title_b",
    "orders::a_book_is_sold::disk",
    "orders::a_book_is_sold::in_memory",
    "stands_alone",
];

fn listed(dir: &TempDir, arguments: &[&str]) -> Result<Vec<String>> {
    let finished = suite(dir).args(&["--list", "--format", "terse"]).args(arguments).run()?;
    assert_eq!(finished.code(), Some(0), "{}", finished.stderr());
    Ok(finished.stdout().lines().map(|line| line.trim_end_matches(": test").to_owned()).collect())
}

#[integration_test]
#[case::none(&[], &EVERYTHING)]
#[case::exact_test(&["--exact", "orders::a_book_is_sold"], &EVERYTHING[8..10])]
#[case::exact_test_with_rows(&["--exact", "books_are_counted"], &EVERYTHING[..8])]
#[case::exact_case(&["--exact", "orders::a_book_is_sold::disk"], &EVERYTHING[8..9])]
#[case::backend(&["::in_memory", "--skip", "books"], &EVERYTHING[9..10])]
#[case::backend_of_a_test(&["books_are_counted::in_memory"], &EVERYTHING[4..8])]
#[case::tag(&["--tag", "books", "disk::two"], &EVERYTHING[2..4])]
fn filters_select_backends(#[case] arguments: &[&str], #[case] expected: &[&str], dir: &TempDir) -> Result<()> {
    assert_eq!(listed(dir, arguments)?, expected);
    Ok(())
}

#[integration_test(timeout = "1m")]
fn each_backend_has_fixtures_of_its_own(dir: &TempDir) -> Result<()> {
    #[act]
    let events = suite(dir).events(&[])?;
    #[assert]
    assert_eq!(events.summary()["passed"], 11);
    assert_eq!(events.summary()["failed"], 0);
    Ok(())
}

#[integration_test(timeout = "1m")]
fn declared_order_keeps_the_order_of_the_backend_list(dir: &TempDir) -> Result<()> {
    #[act]
    let events = suite(dir).events(&["--order", "declared", "--jobs", "1"])?;
    #[assert]
    let in_source = EVERYTHING[8..10].iter().rev().chain(&EVERYTHING[..8]).chain(&EVERYTHING[10..]);
    assert_eq!(events.order(), in_source.copied().collect::<Vec<_>>());
    Ok(())
}

#[integration_test(timeout = "2m", tags("nextest"))]
fn nextest_lists_and_runs_every_backend(dir: &TempDir) -> Result<()> {
    #[act]
    let listed = suite(dir).nextest(&["list", "--message-format", "json"])?.output()?;
    let run = suite(dir).nextest(&["run", "--no-fail-fast"])?.output()?;
    #[assert]
    let listing: Value = serde_json::from_slice(&listed.stdout)?;
    let cases = listing["rust-suites"]["suite"]["testcases"].as_object().ok_or("no test is listed")?;
    let mut names: Vec<&str> = cases.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, EVERYTHING);
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(stderr.contains("11 tests run: 11 passed"), "{stderr}");
    Ok(())
}
