//! `--show-data`: the rows that a failed test added, changed and deleted.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-changes"), dir)
}

#[integration_test(tags("postgres", "mysql"))]
fn a_failed_test_shows_what_it_did_to_its_rows(
    #[values("memory", "file", "postgres", "transaction", "schema", "mysql")] backend: &str,
    dir: &TempDir,
) -> Result<()> {
    #[act]
    let events = suite(dir).events(&["--show-data", "--jobs", "1", &format!("sells::{backend}")])?;
    #[assert]
    for customer in ["first", "second"] {
        let told = events.case(&format!("sells::{backend}::customer_{customer}"))["stderr"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let expected = format!(
            "itest: what the test did to the rows of its database:\n  \
             product: 1 added, 1 changed, 1 deleted\n    \
             + id=10 name='for the {customer}' stock=1\n    ~ id=2: stock: 10 → 9\n    - id=3 name='old map' stock=NULL\n  \
             visit: 2 added\n    + page=/products\n    + page=/products\n"
        );
        assert!(told.contains(&expected), "{told}, in: {}", events.finished.stdout());
    }
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("postgres"))]
fn there_may_be_nothing_to_show(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--show-data", "looks_only", "passes", "breaks_its_transaction"])?;
    let told = |test: &str| events.case(test)["stderr"].as_str().unwrap_or_default().to_owned();
    assert_eq!(told("looks_only"), "itest: the test changed no rows of its database\n");
    assert_eq!(told("passes"), "");
    let broken = told("breaks_its_transaction");
    assert!(broken.contains("cannot be shown") && broken.contains("rows"), "{broken}");
    Ok(())
}

#[integration_test]
fn nobody_who_does_not_ask_is_shown_anything(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["looks_only"])?;
    assert_eq!(events.case("looks_only")["stderr"].as_str(), None);
    Ok(())
}

/// Columns that `SELECT *` leaves out are rows' too; the tables in which a virtual table keeps its index are not.
#[integration_test(tags("postgres", "mysql"))]
#[case::postgres("changes_generated_columns_of_postgres", "  product: 1 added\n    + id=2 twice=4\n")]
#[case::mariadb(
    "changes_invisible_columns_of_mariadb",
    "  product: 1 added, 1 changed\n    + id=2 co`lour=7 twice=4\n    ~ id=1: co`lour: 7 → 8\n"
)]
#[case::sqlite(
    "changes_virtual_tables_of_sqlite",
    "  area: 1 added\n    + id=1 west=2.0 east=4.0\n  \
     broken: not compared, it cannot be read: no such table: main.nowhere\n  \
     product: 1 added\n    + id=2 twice=4 thrice=6\n  search: 1 added\n    + text=hello\n"
)]
fn columns_and_tables_that_the_database_keeps_apart_are_shown_as_the_test_sees_them(
    #[case] test: &str,
    #[case] changes: &str,
    dir: &TempDir,
) -> Result<()> {
    let events = suite(dir).events(&["--show-data", test])?;
    let told = events.case(test)["stderr"].as_str().unwrap_or_default().to_owned();
    assert_eq!(told, format!("itest: what the test did to the rows of its database:\n{changes}"));
    Ok(())
}

/// What itest does for itself is not logged, however long it takes; what is done on the sessions of the test's own pool is logged as
/// ever, also by sqlx when it connects and by itest when it makes them as new.
#[integration_test(tags("postgres", "mysql"))]
fn log_of_a_test_holds_its_own_statements_only(
    #[values("memory", "postgres", "transaction", "schema", "mysql")] backend: &str,
    #[values("info", "debug")] level: &str,
    dir: &TempDir,
) -> Result<()> {
    const OF_THE_POOL: [&str; 6] =
        ["asked by the test", "PRAGMA foreign_keys", "SET sql_mode", "CLOSE ALL", "\"BEGIN\"", "\"ROLLBACK\""];
    let test = format!("asks_one_question::{backend}");
    // With one connection its rows are read on it.
    let shown = if backend == "transaction" { [].as_slice() } else { &["--show-data"] };
    let events = suite(dir).args(shown).events(&["--log", level, &test])?;
    let told = events.case(&test)["stderr"].as_str().unwrap_or_default().to_owned();
    assert!(!told.contains("slow statement") && !told.contains("sqlx::postgres::notice"), "{told}");
    let logged = told.lines().filter(|line| line.contains("sqlx::query"));
    let foreign: Vec<_> = logged.filter(|line| !OF_THE_POOL.iter().any(|own| line.contains(own))).collect();
    assert!(foreign.is_empty(), "{foreign:#?}");
    assert_eq!(told.contains("asked by the test"), level == "debug", "{told}");
    Ok(())
}
