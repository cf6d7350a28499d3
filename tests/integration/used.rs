//! The summary says which servers a run used.

use itest::TempDir;
use itest::postgres::{Cloned, Postgres, Schema};
use itest::prelude::*;
use itest_tests::Suite;
use sqlx::migrate::Migrator;

/// A database of nothing, for its server's sake.
struct Nothing;

impl Schema for Nothing {
    fn migrator() -> &'static Migrator {
        static NONE: Migrator = Migrator::DEFAULT;
        &NONE
    }
}

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-changes"), dir)
}

fn used(stdout: &str) -> Vec<&str> {
    stdout.lines().filter(|line| line.starts_with("used: ")).collect()
}

#[integration_test(tags("postgres", "mysql"))]
fn servers_that_were_started_are_named(dir: &TempDir) -> Result<()> {
    #[act]
    let finished = suite(dir).args(&["sells::postgres", "sells::mysql", "--record", "record"]).run()?;
    let later = suite(dir).args(&["--report", "record"]).run()?;
    #[assert]
    let (told, told_later) = (finished.stdout(), later.stdout());
    let lines = used(&told);
    assert_eq!(lines.len(), 2, "{told}");
    for product in ["PostgreSQL", "MariaDB"] {
        let begin = format!("used: {product} ");
        let is_named = lines.iter().any(|line| line.starts_with(&begin) && line.contains("a private server in /"));
        assert!(is_named, "{told}");
    }
    assert_eq!(used(&told_later), lines, "{told_later}");
    Ok(())
}

#[integration_test(tags("postgres"), serial = "leases")]
fn a_server_that_was_there_is_named_without_a_password(
    dir: &TempDir,
    server: &Postgres<Cloned<Nothing>>,
) -> Result<()> {
    #[arrange]
    let url =
        if server.url().contains('@') { server.url().to_owned() } else { format!("{}&password=s3cret", server.url()) };
    #[act]
    let finished = suite(dir).env("ITEST_POSTGRES_URL", &url).args(&["sells::postgres"]).run()?;
    #[assert]
    let told = finished.stdout();
    let lines = used(&told);
    assert!(lines.len() == 1 && lines[0].ends_with("(from ITEST_POSTGRES_URL)"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
    Ok(())
}

#[integration_test(tags("postgres"))]
fn an_applications_server_that_is_passed_over_is_named_with_the_reason(dir: &TempDir) -> Result<()> {
    let suite = suite(dir).env("DATABASE_URL", "postgres://u:s3cret@127.0.0.1:9/shop");
    let finished = suite.args(&["sells::postgres"]).run()?;
    let told = finished.stdout();
    let lines = used(&told);
    assert!(
        lines.len() == 1 && lines[0].contains("; DATABASE_URL is not used: cannot connect to PostgreSQL"),
        "{told}"
    );
    assert!(!told.contains("s3cret"), "{told}");
    Ok(())
}

#[integration_test]
fn a_run_without_servers_says_nothing(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["passes"]).run()?;
    assert!(used(&finished.stdout()).is_empty(), "{}", finished.stdout());
    Ok(())
}

/// Databases that could not be recycled cost time, and the summary says in which tests and why.
#[integration_test(tags("postgres"))]
fn summary_names_the_tests_whose_databases_were_not_recycled(
    #[values("1", "2")] jobs: &str,
    dir: &TempDir,
) -> Result<()> {
    #[act]
    let suite = || Suite::new(env!("CARGO_BIN_EXE_suite-postgres"), dir).args(&["--tag", "wasteful", "--jobs", jobs]);
    let finished = suite().args(&["--record", "record"]).run()?;
    let later = Suite::new(env!("CARGO_BIN_EXE_suite-postgres"), dir).args(&["--report", "record"]).run()?;
    let events = suite().events(&[])?;
    #[assert]
    let (told, told_later) = (finished.stdout(), later.stdout());
    let expected = "6 of 8 databases of PostgreSQL replaced by new clones: \
                    the test keeps connections of its pool (keeps_its_pool_busy::again_1, keeps_its_pool_busy::again_2, \
                    keeps_its_pool_busy::again_3 and 2 more); the test changed the schema (changes_its_schema)";
    assert!(told.contains(expected), "{told}");
    assert!(told_later.contains(expected), "{told_later}");
    assert_eq!(finished.code(), Some(0), "{told}");
    let summary = events.summary();
    assert_eq!(summary["remarks"][0]["of"], 8, "{summary}");
    Ok(())
}

#[integration_test(tags("mysql"))]
fn summary_names_the_tests_whose_databases_of_mariadb_were_not_recycled(dir: &TempDir) -> Result<()> {
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-mysql"), dir);
    let told = suite.args(&["--tag", "wasteful"]).run()?.stdout();
    let expected = "2 of 3 databases of MariaDB replaced by new clones: the test keeps connections of its pool \
                    (keeps_its_pool_busy::again_1, keeps_its_pool_busy::again_2)";
    assert!(told.contains(expected), "{told}");
    Ok(())
}
