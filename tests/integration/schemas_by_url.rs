//! Schemas that a suite fills by the URL of the database: one clear message for each failure, and nothing is left.

use std::time::Duration;

use itest::TempDir;
use itest::mysql::{self, Mysql};
use itest::postgres::{self, Postgres};
use itest::prelude::*;
use itest_tests::{Events, Suite};
use sqlx::{Connection, MySqlConnection, PgConnection};

/// Empty databases, which are only used for the servers that the suites get as existing servers.
struct Nothing;

impl postgres::SchemaByUrl for Nothing {
    const ISOLATION: postgres::Isolation = postgres::Isolation::Clone;

    async fn migrate(_: &str) -> Result<()> {
        Ok(())
    }
}

impl mysql::SchemaByUrl for Nothing {
    const ISOLATION: mysql::Isolation = mysql::Isolation::Clone;

    async fn migrate(_: &str) -> Result<()> {
        Ok(())
    }
}

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-schemas-by-url"), dir)
}

fn failure_of(events: &Events, test: &str) -> String {
    assert_eq!(events.case(test)["outcome"], "errored", "{}", events.finished.stdout());
    events.case(test)["failures"].to_string().replace("\\\"", "\"")
}

#[integration_test(tags("postgres"))]
#[case::session("keeps_a_session",
    &["`migrate` or `seed` of the schema", "KeepsASession leaves 1 of its connections", "pool-of-the-app, idle", "close them before"])]
#[case::subscription("subscribes", &["`migrate` or `seed` of the schema", "Subscribes creates the subscription items"])]
#[case::no_schema("ignores_the_schema",
    &["IgnoresTheSchema has created nothing in the schema of the test", "ignores the parameter `options`", "Isolation::Recycle"])]
#[case::failure_in_a_schema("fails_half_way_in_a_schema",
    &["the function `migrate` of the schema", "FailsHalfWay failed", "\"intt\" does not exist", "`migrate` is called for each test"])]
fn failure_of_postgres_is_explained(#[case] test: &str, #[case] words: &[&str], dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", test])?;
    let failure = failure_of(&events, test);
    for word in words {
        assert!(failure.contains(word), "no `{word}` in: {failure}");
    }
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("postgres"))]
fn migration_that_blocks_its_thread_ends_with_the_setup_timeout(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", "blocks", "--setup-timeout", "1s"])?;
    let failure = failure_of(&events, "blocks");
    assert!(failure.contains("did not end within 1s"), "{failure}");
    events.finished.assert_nothing_left();
    Ok(())
}

/// The failures that are the same on both kinds of servers, and their messages.
const FAILURES: [(&str, &[&str]); 4] = [
    ("fails_half_way", &["the function `migrate` of the schema", "FailsHalfWay failed", "intt"]),
    ("fails_in_its_seed", &["the function `seed` of the schema", "FailsInItsSeed failed", "nowhere"]),
    ("panics", &["the migrations do not work"]),
    ("hangs", &["did not end within 3s"]),
];

/// The suite runs on an existing server, where a template would stay for the next run.
fn check_failures(dir: &TempDir, module: &str, variable: &str, url: &str) -> Result<()> {
    let tests = FAILURES.map(|(test, _)| format!("{module}::{test}"));
    let mut arguments = vec!["--exact", "--setup-timeout", "3s"];
    arguments.extend(tests.iter().map(String::as_str));
    let events = suite(dir).env(variable, url).events(&arguments)?;
    for (test, (_, words)) in tests.iter().zip(FAILURES) {
        let failure = failure_of(&events, test);
        for word in words {
            assert!(failure.contains(word), "no `{word}` in: {failure}");
        }
    }
    events.finished.assert_nothing_left();
    Ok(())
}

/// The incomplete templates on a server of PostgreSQL. A complete one allows no connections.
async fn incomplete_on_postgres(server: &Postgres<Nothing>) -> Result<Vec<String>> {
    let mut connection = PgConnection::connect(&server.url().replacen(server.name(), "itest_leases", 1)).await?;
    let incomplete = "SELECT datname::text FROM pg_database WHERE datname LIKE 'itest\\_template%' AND datallowconn
                      UNION ALL SELECT name FROM itest_leases.template WHERE NOT is_ready";
    let incomplete = sqlx::query_scalar(incomplete).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(incomplete)
}

/// The incomplete templates on a server of MariaDB.
async fn incomplete_on_mariadb(server: &Mysql<Nothing>) -> Result<Vec<String>> {
    let mut connection = MySqlConnection::connect(server.url()).await?;
    let incomplete = "SELECT name FROM itest_leases.template WHERE NOT is_ready
                      UNION ALL SELECT convert(schema_name USING utf8mb4) FROM information_schema.schemata
                      WHERE schema_name LIKE 'itest\\_template%' AND schema_name NOT IN (SELECT name FROM itest_leases.template)";
    let incomplete = sqlx::query_scalar(incomplete).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(incomplete)
}

/// This run may be building templates of its own, which are soon complete.
const BUILD_TIMEOUT: Duration = Duration::from_secs(5);

#[integration_test(tags("postgres"), serial = "leases")]
async fn failed_migration_leaves_nothing_on_postgres(dir: &TempDir, server: &Postgres<Nothing>) -> Result<()> {
    check_failures(dir, "on_postgres", "ITEST_POSTGRES_URL", server.url())?;
    eventually(async || incomplete_on_postgres(server).await.ok())
        .within(BUILD_TIMEOUT)
        .equals(Some(Vec::new()))
        .await?;
    Ok(())
}

#[integration_test(tags("mysql"), serial = "leases")]
async fn failed_migration_leaves_nothing_on_mariadb(dir: &TempDir, server: &Mysql<Nothing>) -> Result<()> {
    check_failures(dir, "on_mysql", "ITEST_MYSQL_URL", server.url())?;
    eventually(async || incomplete_on_mariadb(server).await.ok())
        .within(BUILD_TIMEOUT)
        .equals(Some(Vec::new()))
        .await?;
    Ok(())
}

/// A server that exists longer than the run keeps the template for the next run of the same build and version.
fn check_versions(dir: &TempDir, module: &str, variable: &str, url: &str) -> Result<()> {
    let file = dir.path().join("migrations");
    let mut migrations = Vec::new();
    for version in ["1", "1", "2"] {
        let suite = suite(dir).env(variable, url).env("VERSION_OF_THE_MIGRATIONS", version);
        let events =
            suite.env("MIGRATIONS_FILE", file.to_string_lossy()).events(&[&format!("{module}::is_versioned")])?;
        assert_eq!(events.summary()["passed"], 2, "{}", events.finished.stdout());
        migrations.push(std::fs::read_to_string(&file)?.lines().count());
    }
    assert_eq!(migrations, [1, 1, 2]);
    Ok(())
}

#[integration_test(tags("postgres"), serial = "leases")]
fn template_of_postgres_is_built_again_for_another_version(dir: &TempDir, server: &Postgres<Nothing>) -> Result<()> {
    check_versions(dir, "on_postgres", "ITEST_POSTGRES_URL", server.url())
}

#[integration_test(tags("mysql"), serial = "leases")]
fn template_of_mariadb_is_built_again_for_another_version(dir: &TempDir, server: &Mysql<Nothing>) -> Result<()> {
    check_versions(dir, "on_mysql", "ITEST_MYSQL_URL", server.url())
}
