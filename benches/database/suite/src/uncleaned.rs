//! The same test on a database that is not cleaned. Its time is the lower bound for all methods.

use std::sync::atomic::{AtomicU32, Ordering};

use itest::prelude::*;
use itest::{Teardown, TempDir};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, MySqlPool, PgPool, SqlitePool};

use crate::{MYSQL, POSTGRES, SQLITE};

/// A name that no other test of this process uses.
fn unique_name() -> String {
    static NUMBERS: AtomicU32 = AtomicU32::new(0);
    format!("name {}", NUMBERS.fetch_add(1, Ordering::Relaxed))
}

/// The database of the driver's server that belongs to this process.
fn own_database() -> String {
    format!("bench_uncleaned_{}", std::process::id())
}

fn server() -> Result<String> {
    Ok(std::env::var("DATABASE_URL")?)
}

/// A pool of connections to a PostgreSQL database of this worker.
pub(crate) struct Postgres(PgPool);

#[fixture(scope = "worker")]
async fn postgres(teardown: &Teardown) -> Result<Postgres> {
    let name = own_database();
    let server = PgPool::connect(&server()?).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&server).await?;
    let options = server.connect_options().as_ref().clone().database(&name);
    teardown.defer("drop the database", async move {
        sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(&server).await?;
        server.close().await;
        Ok::<_, sqlx::Error>(())
    });
    let pool = PgPool::connect_with(options).await?;
    POSTGRES.run(&pool).await?;
    let closed = pool.clone();
    teardown.defer("close the pool", async move {
        closed.close().await;
        Ok::<_, sqlx::Error>(())
    });
    Ok(Postgres(pool))
}

/// A pool of connections to a MariaDB database of this worker.
pub(crate) struct Mysql(MySqlPool);

#[fixture(scope = "worker")]
async fn mysql(teardown: &Teardown) -> Result<Mysql> {
    let name = own_database();
    let server = MySqlPool::connect(&server()?).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&server).await?;
    let options = server.connect_options().as_ref().clone().database(&name);
    teardown.defer("drop the database", async move {
        sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE {name}"))).execute(&server).await?;
        server.close().await;
        Ok::<_, sqlx::Error>(())
    });
    let pool = MySqlPool::connect_with(options).await?;
    MYSQL.run(&pool).await?;
    let closed = pool.clone();
    teardown.defer("close the pool", async move {
        closed.close().await;
        Ok::<_, sqlx::Error>(())
    });
    Ok(Mysql(pool))
}

/// A pool of connections to an SQLite database in the memory of this worker.
pub(crate) struct Memory(SqlitePool);

#[fixture(scope = "worker")]
async fn memory(teardown: &Teardown) -> Result<Memory> {
    let options = SqliteConnectOptions::new().filename("/uncleaned").vfs("memdb").create_if_missing(true);
    Ok(Memory(filled(options, teardown).await?))
}

/// A pool of connections to an SQLite file of this worker.
pub(crate) struct File(SqlitePool);

#[fixture(scope = "worker")]
async fn file(teardown: &Teardown) -> Result<File> {
    let folder = TempDir::create("uncleaned", teardown)?;
    let options = SqliteConnectOptions::new().filename(folder.join("uncleaned.sqlite")).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Off);
    Ok(File(filled(options, teardown).await?))
}

async fn filled(options: SqliteConnectOptions, teardown: &Teardown) -> Result<SqlitePool> {
    // One connection is enough for the test, and a connection that is opened later has a thread, which would be a leak of its test.
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.idle_timeout(None).max_lifetime(None).test_before_acquire(false);
    let pool = pool.connect_with(options).await?;
    SQLITE.run(&pool).await?;
    let closed = pool.clone();
    teardown.defer("close the pool", async move {
        closed.close().await;
        Ok::<_, sqlx::Error>(())
    });
    Ok(pool)
}

macro_rules! uncleaned {
    ($($way:ident: $database:ty, $first:literal, $second:literal;)+) => {
        $(
            mod $way {
                use super::*;

                #[integration_test(tags("few"))]
                async fn few(
                    #[values(0, 1)] _tens: u32,
                    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _ones: u32,
                    db: &$database,
                ) -> Result<()> {
                    assert!(work!(db.0.clone(), unique_name(), $first, $second).1 >= 2);
                    Ok(())
                }

                #[integration_test(tags("more"))]
                async fn more(
                    #[values(0, 1)] _hundreds: u32,
                    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _tens: u32,
                    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _ones: u32,
                    db: &$database,
                ) -> Result<()> {
                    assert!(work!(db.0.clone(), unique_name(), $first, $second).1 >= 2);
                    Ok(())
                }
            }
        )+
    };
}

uncleaned! {
    postgres_uncleaned: Postgres, "$1", "$2";
    mysql_uncleaned: Mysql, "?", "?";
    sqlite_memory_uncleaned: Memory, "$1", "$2";
    sqlite_file_uncleaned: File, "$1", "$2";
}
