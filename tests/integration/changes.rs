//! `--show-data`: the rows that a failed test added, changed and deleted.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Suite};

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-changes"), dir)
}

/// The text of the note about the rows that a test changed.
fn changed_rows(events: &Events, test: &str) -> Option<String> {
    let notes = events.case(test)["notes"].as_array().cloned().unwrap_or_default();
    let note = notes.iter().find(|note| note["title"] == "rows that the test changed")?;
    note["text"].as_str().map(str::to_owned)
}

/// A note is part of the test's report in every format.
#[integration_test]
#[case::pretty(&[], "  rows that the test changed:\n  | none\n")]
#[case::terse(&["--format", "terse"], "  rows that the test changed:\n  | none\n")]
#[case::json(&["--format", "json"], r#""notes":[{"title":"rows that the test changed","text":"none"}]"#)]
#[case::libtest(&["--format", "json", "-Z", "unstable-options"], r"rows that the test changed:\nnone\n")]
#[case::ctrf(&["--ctrf", "report"], r#""title": "rows that the test changed""#)]
#[case::junit(&["--junit", "report"], "rows that the test changed:\nnone\n")]
#[case::record(&["--record", "report"], r#""notes":[{"title":"rows that the test changed","text":"none"}]"#)]
fn note_of_a_fixture_is_in_every_report(#[case] arguments: &[&str], #[case] note: &str, dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["--show-data", "reads_only"]).args(arguments).run()?;
    let report = std::fs::read_to_string(dir.join("report")).unwrap_or_else(|_| finished.stdout());
    assert!(report.contains(note), "{report}");
    Ok(())
}

#[integration_test(tags("postgres", "mysql"))]
fn failed_test_shows_the_rows_it_changed(
    #[values("memory", "file", "postgres", "transaction", "schema", "mysql")] backend: &str,
    dir: &TempDir,
) -> Result<()> {
    #[act]
    let events = suite(dir).events(&["--show-data", "--jobs", "1", &format!("sells::{backend}")])?;
    #[assert]
    for customer in ["first", "second"] {
        let rows = changed_rows(&events, &format!("sells::{backend}::customer_{customer}"));
        let expected = format!(
            "product: 1 added, 1 changed, 1 deleted\n  \
             + id=10 name='for the {customer}' stock=1\n  ~ id=2: stock: 10 → 9\n  - id=3 name='old map' stock=NULL\n\
             visit: 2 added\n  + page=/products\n  + page=/products\n"
        );
        assert_eq!(rows.as_deref(), Some(expected.as_str()), "in: {}", events.finished.stdout());
    }
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("postgres"))]
fn show_data_reports_missing_or_unreadable_changes(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--show-data", "reads_only", "passes", "breaks_its_transaction"])?;
    assert_eq!(changed_rows(&events, "reads_only").as_deref(), Some("none"));
    assert_eq!(changed_rows(&events, "passes"), None);
    let broken = changed_rows(&events, "breaks_its_transaction").unwrap_or_default();
    assert!(broken.contains("they cannot be shown: "), "{broken}");
    Ok(())
}

#[integration_test]
fn changed_rows_are_not_shown_without_show_data(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["reads_only"])?;
    assert_eq!(changed_rows(&events, "reads_only"), None);
    Ok(())
}

/// Columns that `SELECT *` leaves out belong to the rows, too. The tables in which a virtual table keeps its index are internal and not shown.
#[integration_test(tags("postgres", "mysql"))]
#[case::postgres("changes_generated_columns_of_postgres", "product: 1 added\n  + id=2 twice=4\n")]
#[case::mariadb(
    "changes_invisible_columns_of_mariadb",
    "product: 1 added, 1 changed\n  + id=2 co`lour=7 twice=4\n  ~ id=1: co`lour: 7 → 8\n"
)]
#[case::sqlite(
    "changes_virtual_tables_of_sqlite",
    "area: 1 added\n  + id=1 west=2.0 east=4.0\n\
     broken: not compared, it cannot be read: no such table: main.nowhere\n\
     product: 1 added\n  + id=2 twice=4 thrice=6\nsearch: 1 added\n  + text=hello\n"
)]
fn special_columns_and_tables_are_shown_as_the_test_sees_them(
    #[case] test: &str,
    #[case] changes: &str,
    dir: &TempDir,
) -> Result<()> {
    let events = suite(dir).events(&["--show-data", test])?;
    assert_eq!(changed_rows(&events, test).as_deref(), Some(changes));
    Ok(())
}

/// Statements that itest executes for itself are not logged, however long they take. Statements on the sessions of the test's own pool
/// are logged, also those of sqlx when it connects and those with which itest resets a session.
#[integration_test(tags("postgres", "mysql"))]
fn log_contains_only_the_statements_of_the_test(
    #[values("memory", "postgres", "transaction", "schema", "mysql")] backend: &str,
    #[values("info", "debug")] level: &str,
    dir: &TempDir,
) -> Result<()> {
    const POOL_STATEMENTS: [&str; 6] =
        ["asked by the test", "PRAGMA foreign_keys", "SET sql_mode", "CLOSE ALL", "\"BEGIN\"", "\"ROLLBACK\""];
    let test = format!("executes_one_query::{backend}");
    // With a single connection, `--show-data` reads the rows on that connection, and the log would contain the queries.
    let shown = if backend == "transaction" { [].as_slice() } else { &["--show-data"] };
    let events = suite(dir).args(shown).events(&["--log", level, &test])?;
    let stderr = events.case(&test)["stderr"].as_str().unwrap_or_default().to_owned();
    assert!(!stderr.contains("slow statement") && !stderr.contains("sqlx::postgres::notice"), "{stderr}");
    let logged = stderr.lines().filter(|line| line.contains("sqlx::query"));
    let unexpected: Vec<_> = logged.filter(|line| !POOL_STATEMENTS.iter().any(|own| line.contains(own))).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    assert_eq!(stderr.contains("asked by the test"), level == "debug", "{stderr}");
    Ok(())
}
