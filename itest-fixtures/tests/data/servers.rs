//! The databases of these tests: in memory, and on servers of this machine. Each database is dropped after its test.

use std::sync::atomic::{AtomicU64, Ordering};

use itest::migrations::in_memory;
use itest::prelude::*;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, MySqlPool, PgConnection, PgPool, SqlitePool};
use tokio::sync::Mutex;

/// Creates SQLite databases in memory.
pub(crate) struct Memory;

#[fixture]
fn memory() -> Memory {
    Memory
}

impl Memory {
    pub(crate) async fn empty(&self) -> Result<SqlitePool> {
        Ok(in_memory().await?)
    }
}

/// Creates databases for one test on a PostgreSQL server.
pub(crate) struct Postgres {
    teardown: Teardown,
    /// The created databases with their pools. A database whose pool was closed is emptied and used again, because dropping one takes long
    /// on a busy disk.
    databases: Mutex<Vec<(String, PgPool)>>,
}

/// Creates databases for one test on a MySQL or MariaDB server.
pub(crate) struct MySql {
    teardown: Teardown,
}

fn postgres_url() -> String {
    std::env::var("ITEST_POSTGRES_URL").unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned())
}

fn mysql_url() -> String {
    std::env::var("ITEST_MYSQL_URL").unwrap_or_else(|_| "mysql://root@127.0.0.1:3306/mysql".to_owned())
}

/// The URL of another database on the same server.
fn url_with_database(url: &str, name: &str) -> String {
    url.rsplit_once('/').map_or_else(|| url.to_owned(), |(server, _)| format!("{server}/{name}"))
}

fn next_name() -> String {
    static NUMBERS: AtomicU64 = AtomicU64::new(0);
    format!("itest_data_{}_{}", std::process::id(), NUMBERS.fetch_add(1, Ordering::Relaxed))
}

#[teardown]
async fn drop_postgres_database(name: String) -> Result<()> {
    let mut connection = PgConnection::connect(&postgres_url()).await?;
    let drop = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await?;
    Ok(())
}

#[teardown]
async fn drop_mysql_database(name: String) -> Result<()> {
    let mut connection = MySqlConnection::connect(&mysql_url()).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE IF EXISTS `{name}`"))).execute(&mut connection).await?;
    Ok(())
}

#[fixture]
async fn postgres(teardown: &Teardown) -> Postgres {
    if PgConnection::connect(&postgres_url()).await.is_err() {
        unavailable!(
            "PostgreSQL",
            "start one on 127.0.0.1:5432 that trusts `postgres`, or name one in ITEST_POSTGRES_URL"
        );
    }
    Postgres { teardown: teardown.clone(), databases: Mutex::default() }
}

const DROP_ALL_SCHEMAS: &str = "DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
    CREATE SCHEMA public;
END $$";

/// A pool of one connection, so that each statement sees the settings that an earlier one left on it.
async fn one_connection(database: &str) -> Result<PgPool> {
    Ok(PgPoolOptions::new().max_connections(1).connect(&url_with_database(&postgres_url(), database)).await?)
}

impl Postgres {
    pub(crate) async fn empty(&self) -> Result<PgPool> {
        let mut databases = self.databases.lock().await;
        if let Some((name, pool)) = databases.iter_mut().find(|(_, pool)| pool.is_closed()) {
            *pool = one_connection(name).await?;
            sqlx::raw_sql(DROP_ALL_SCHEMAS).execute(&*pool).await?;
            return Ok(pool.clone());
        }
        let name = next_name();
        self.teardown.durable(drop_postgres_database, name.clone())?;
        let mut connection = PgConnection::connect(&postgres_url()).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE \"{name}\""))).execute(&mut connection).await?;
        connection.close().await?;
        let pool = one_connection(&name).await?;
        databases.push((name, pool.clone()));
        Ok(pool)
    }
}

#[fixture]
async fn mysql(teardown: &Teardown) -> MySql {
    if MySqlConnection::connect(&mysql_url()).await.is_err() {
        unavailable!(
            "MySQL or MariaDB",
            "start one on 127.0.0.1:3306 that trusts `root`, or name one in ITEST_MYSQL_URL"
        );
    }
    MySql { teardown: teardown.clone() }
}

impl MySql {
    pub(crate) async fn empty(&self) -> Result<MySqlPool> {
        let name = next_name();
        self.teardown.durable(drop_mysql_database, name.clone())?;
        let mut connection = MySqlConnection::connect(&mysql_url()).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE `{name}`"))).execute(&mut connection).await?;
        connection.close().await?;
        Ok(MySqlPool::connect(&url_with_database(&mysql_url(), &name)).await?)
    }
}

/// The operations that these tests need from a pool of any database.
pub(crate) trait TestQueries {
    /// Runs a script.
    async fn script(&self, sql: &str) -> Result<()>;

    /// The single text that a query returns.
    async fn text(&self, query: &'static str) -> Result<String>;
}

macro_rules! implement_test_queries {
    ($($pool:ty),+) => {$(
        impl TestQueries for $pool {
            async fn script(&self, sql: &str) -> Result<()> {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(self).await?;
                Ok(())
            }

            async fn text(&self, query: &'static str) -> Result<String> {
                Ok(sqlx::query_scalar(query).fetch_one(self).await?)
            }
        }
    )+};
}

implement_test_queries!(SqlitePool, PgPool, MySqlPool);
