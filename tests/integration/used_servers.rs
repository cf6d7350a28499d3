//! The summary lists the servers that a run used.

use itest::TempDir;
use itest::postgres::{Cloned, Postgres, Schema};
use itest::prelude::*;
use itest_tests::Suite;
use sqlx::migrate::Migrator;

/// An empty schema. Its database is only used for its server.
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
fn summary_names_started_servers(dir: &TempDir) -> Result<()> {
    #[act]
    let finished = suite(dir).args(&["sells::postgres", "sells::mysql", "--record", "record"]).run()?;
    let later = suite(dir).args(&["--report", "record"]).run()?;
    #[assert]
    let (output, later_output) = (finished.stdout(), later.stdout());
    let lines = used(&output);
    assert_eq!(lines.len(), 2, "{output}");
    for product in ["PostgreSQL", "MariaDB"] {
        let begin = format!("used: {product} ");
        let is_named = lines.iter().any(|line| line.starts_with(&begin) && line.contains("a private server in /"));
        assert!(is_named, "{output}");
    }
    assert_eq!(used(&later_output), lines, "{later_output}");
    Ok(())
}

#[integration_test(tags("postgres"), serial = "leases")]
fn summary_names_an_existing_server_without_its_password(
    dir: &TempDir,
    server: &Postgres<Cloned<Nothing>>,
) -> Result<()> {
    #[arrange]
    let url =
        if server.url().contains('@') { server.url().to_owned() } else { format!("{}&password=s3cret", server.url()) };
    #[act]
    let finished = suite(dir).env("ITEST_POSTGRES_URL", &url).args(&["sells::postgres"]).run()?;
    #[assert]
    let output = finished.stdout();
    let lines = used(&output);
    assert!(lines.len() == 1 && lines[0].ends_with("(from ITEST_POSTGRES_URL)"), "{output}");
    assert!(!output.contains("s3cret"), "{output}");
    Ok(())
}

#[integration_test(tags("postgres"))]
fn summary_explains_why_database_url_was_not_used(dir: &TempDir) -> Result<()> {
    let suite = suite(dir).env("DATABASE_URL", "postgres://u:s3cret@127.0.0.1:9/shop");
    let finished = suite.args(&["sells::postgres"]).run()?;
    let output = finished.stdout();
    let lines = used(&output);
    assert!(
        lines.len() == 1 && lines[0].contains("; DATABASE_URL is not used: cannot connect to PostgreSQL"),
        "{output}"
    );
    assert!(!output.contains("s3cret"), "{output}");
    Ok(())
}

#[integration_test]
fn summary_names_no_server_if_none_was_used(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["passes"]).run()?;
    assert!(used(&finished.stdout()).is_empty(), "{}", finished.stdout());
    Ok(())
}

/// A database that cannot be recycled costs time, so the summary names the tests and the reasons.
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
    let (output, later_output) = (finished.stdout(), later.stdout());
    let expected = "6 of 8 databases of PostgreSQL replaced by new clones: \
                    the test keeps connections of its pool (keeps_its_pool_busy::again_1, keeps_its_pool_busy::again_2, \
                    keeps_its_pool_busy::again_3 and 2 more); the test changed the schema (changes_its_schema)";
    assert!(output.contains(expected), "{output}");
    assert!(later_output.contains(expected), "{later_output}");
    assert_eq!(finished.code(), Some(0), "{output}");
    let summary = events.summary();
    assert_eq!(summary["remarks"][0]["of"], 8, "{summary}");
    Ok(())
}

#[integration_test(tags("mysql"))]
fn summary_names_the_tests_whose_databases_of_mariadb_were_not_recycled(dir: &TempDir) -> Result<()> {
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-mysql"), dir);
    let output = suite.args(&["--tag", "wasteful"]).run()?.stdout();
    let expected = "2 of 3 databases of MariaDB replaced by new clones: the test keeps connections of its pool \
                    (keeps_its_pool_busy::again_1, keeps_its_pool_busy::again_2)";
    assert!(output.contains(expected), "{output}");
    Ok(())
}
