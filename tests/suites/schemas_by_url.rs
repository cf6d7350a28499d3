//! Schemas that a suite fills by the URL of the database, and that fail in all ways.

use std::io::Write;
use std::time::Duration;

use itest::prelude::*;
use itest::{mysql, postgres};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};

itest::main!();

const TABLE: &str = "CREATE TABLE item (id int)";

async fn execute_on_postgres(url: &str, sql: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

async fn execute_on_mysql(url: &str, sql: &str) -> Result<()> {
    let mut connection = MySqlConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Adds a line to a file, whose lines the test of this suite counts.
fn record_migration() -> Result<()> {
    let file = std::env::var("MIGRATIONS_FILE")?;
    std::fs::OpenOptions::new().append(true).create(true).open(file)?.write_all(b"migrated\n")?;
    Ok(())
}

/// Defines schemas with different names, and the same failures on both kinds of servers.
macro_rules! failing_schemas {
    ($module:ident, $service:ident, $fixture:ident, $execute:ident) => {
        pub(crate) mod $module {
            use super::*;

            pub(crate) struct FailsHalfWay;

            impl $service::SchemaByUrl for FailsHalfWay {
                async fn migrate(url: &str) -> Result<()> {
                    $execute(url, TABLE).await?;
                    $execute(url, "CREATE TABLE item_of_a_second_step (id intt)").await
                }
            }

            pub(crate) struct FailsInItsSeed;

            impl $service::SchemaByUrl for FailsInItsSeed {
                async fn migrate(url: &str) -> Result<()> {
                    $execute(url, TABLE).await
                }

                async fn seed(url: &str) -> Result<()> {
                    $execute(url, "INSERT INTO nowhere VALUES (1)").await
                }
            }

            pub(crate) struct Panics;

            impl $service::SchemaByUrl for Panics {
                async fn migrate(url: &str) -> Result<()> {
                    $execute(url, TABLE).await?;
                    panic!("the migrations do not work")
                }
            }

            pub(crate) struct Hangs;

            impl $service::SchemaByUrl for Hangs {
                async fn migrate(url: &str) -> Result<()> {
                    $execute(url, TABLE).await?;
                    std::future::pending().await
                }
            }

            pub(crate) struct Versioned;

            impl $service::SchemaByUrl for Versioned {
                async fn migrate(url: &str) -> Result<()> {
                    record_migration()?;
                    $execute(url, TABLE).await
                }

                fn version() -> String {
                    std::env::var("VERSION_OF_THE_MIGRATIONS").unwrap_or_default()
                }
            }

            #[integration_test]
            fn fails_half_way(_db: &$service::$fixture<FailsHalfWay>) {}

            #[integration_test]
            fn fails_in_its_seed(_db: &$service::$fixture<FailsInItsSeed>) {}

            #[integration_test]
            fn panics(_db: &$service::$fixture<Panics>) {}

            #[integration_test]
            fn hangs(_db: &$service::$fixture<Hangs>) {}

            #[integration_test]
            async fn is_versioned(#[values(1, 2)] _again: u32, db: &$service::$fixture<Versioned>) -> Result<()> {
                $execute(db.url(), "INSERT INTO item VALUES (1)").await
            }
        }
    };
}

failing_schemas!(on_postgres, postgres, Postgres, execute_on_postgres);
failing_schemas!(on_mysql, mysql, Mysql, execute_on_mysql);

/// Blocks the thread on which the fixture is set up, as a synchronous client does that waits for a lock.
struct Blocks;

impl postgres::SchemaByUrl for Blocks {
    async fn migrate(_: &str) -> Result<()> {
        std::thread::sleep(Duration::from_mins(1));
        Ok(())
    }
}

#[integration_test]
fn blocks(_db: &postgres::Postgres<Blocks>) {}

/// Leaves a connection open in the template.
struct KeepsASession;

impl postgres::SchemaByUrl for KeepsASession {
    async fn migrate(url: &str) -> Result<()> {
        execute_on_postgres(url, TABLE).await?;
        std::mem::forget(PgConnection::connect(&format!("{url}&application_name=pool-of-the-app")).await?);
        Ok(())
    }
}

#[integration_test]
fn keeps_a_session(_db: &postgres::Postgres<KeepsASession>) {}

/// Changes the database itself in a way that its clones cannot have.
struct Subscribes;

impl postgres::SchemaByUrl for Subscribes {
    async fn migrate(url: &str) -> Result<()> {
        let subscription =
            "CREATE SUBSCRIPTION items CONNECTION 'host=127.0.0.1 dbname=none' PUBLICATION p WITH (connect = false)";
        execute_on_postgres(url, subscription).await
    }
}

#[integration_test]
fn subscribes(_db: &postgres::Postgres<Subscribes>) {}

/// Ignores the search path of its URL, so that its table is in the schema that all tests share.
struct IgnoresTheSchema;

impl postgres::SchemaByUrl for IgnoresTheSchema {
    const ISOLATION: postgres::Isolation = postgres::Isolation::Schema;

    async fn migrate(url: &str) -> Result<()> {
        execute_on_postgres(url, "CREATE TABLE IF NOT EXISTS public.item (id int)").await
    }
}

#[integration_test]
fn ignores_the_schema(_db: &postgres::Postgres<IgnoresTheSchema>) {}

#[integration_test]
fn fails_half_way_in_a_schema(_db: &postgres::Postgres<postgres::InSchema<on_postgres::FailsHalfWay>>) {}
