//! Tests that misuse their MariaDB database, each followed by a test that must not be affected; and tests whose server is killed or
//! restarted while they run.

use std::path::PathBuf;
use std::time::Duration;

use itest::mysql::{Cloned, Mysql, Recycled, Schema};
use itest::prelude::*;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, MySqlPool};

itest::main!();

static MIGRATIONS: Migrator = sqlx::migrate!("suites/mysql_migrations");

struct Items;

impl Schema for Items {
    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }

    async fn seed(pool: &MySqlPool) -> Result<()> {
        sqlx::query("INSERT INTO item (name) VALUES ('seeded')").execute(pool).await?;
        Ok(())
    }
}

/// Asserts that the table has only the seeded row, and that the next id is 2.
async fn is_fresh(pool: &MySqlPool) -> Result<()> {
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM item").fetch_all(pool).await?;
    assert_eq!(names, ["seeded"]);
    let inserted = sqlx::query("INSERT INTO item (name) VALUES ('second')").execute(pool).await?;
    assert_eq!(inserted.last_insert_id(), 2);
    Ok(())
}

async fn run(pool: &MySqlPool, sql: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await?;
    Ok(())
}

#[integration_test(tags("good", "killed", "hung", "restarted"))]
async fn gets_a_fresh_database(#[values(1, 2)] _again: u32, db: &Mysql<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn keeps_a_connection(db: &Mysql<Items>) -> Result<()> {
    let mut connection = db.pool().acquire().await?;
    sqlx::query("DELETE FROM item").execute(&mut *connection).await?;
    std::mem::forget(connection);
    Ok(())
}

#[integration_test(tags("bad"))]
async fn is_unaffected_by_a_kept_connection(db: &Mysql<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn locks_its_tables_forever(db: &Mysql<Items>) -> Result<()> {
    let mut own = MySqlConnection::connect(db.url()).await?;
    sqlx::raw_sql("LOCK TABLES item WRITE").execute(&mut own).await?;
    std::mem::forget(own);
    Ok(())
}

#[integration_test(tags("bad"))]
async fn is_unaffected_by_locked_tables(db: &Mysql<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn holds_a_server_lock_forever(db: &Mysql<Items>) -> Result<()> {
    let mut own = MySqlConnection::connect(db.url()).await?;
    let name = format!("lock of {}", std::process::id());
    let taken: i64 = sqlx::query_scalar("SELECT GET_LOCK(?, 0)").bind(name).fetch_one(&mut own).await?;
    assert_eq!(taken, 1);
    std::mem::forget(own);
    Ok(())
}

/// The session with the lock ends when its database is recycled.
#[integration_test(tags("bad"))]
async fn gets_the_released_server_lock(db: &Mysql<Items>) -> Result<()> {
    let name = format!("lock of {}", std::process::id());
    let taken: i64 = sqlx::query_scalar("SELECT GET_LOCK(?, 5)").bind(name).fetch_one(&db.pool()).await?;
    assert_eq!(taken, 1);
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn leaves_a_transaction_open(db: &Mysql<Items>) -> Result<()> {
    let mut own = MySqlConnection::connect(db.url()).await?;
    sqlx::raw_sql("BEGIN; UPDATE item SET name = 'locked'").execute(&mut own).await?;
    std::mem::forget(own);
    Ok(())
}

#[integration_test(tags("bad"))]
async fn is_unaffected_by_an_open_transaction(db: &Mysql<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn kills_its_session(db: &Mysql<Items>) -> Result<()> {
    let killed = run(&db.pool(), "INSERT INTO item (name) VALUES ('x'); KILL CONNECTION_ID()").await;
    assert!(killed.is_err());
    Ok(())
}

#[integration_test(tags("bad"))]
async fn is_unaffected_by_a_killed_session(db: &Mysql<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn drops_its_own_database(db: &Mysql<Items>) -> Result<()> {
    run(&db.pool(), &format!("DROP DATABASE `{}`", db.name())).await
}

#[integration_test(tags("bad"))]
async fn gets_another_database_after_a_drop(db: &Mysql<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn changes_the_schema(db: &Mysql<Items>) -> Result<()> {
    run(&db.pool(), "RENAME TABLE item TO thing").await
}

#[integration_test(tags("bad"))]
async fn gets_the_original_schema(db: &Mysql<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn uses_names_with_quotes(db: &Mysql<Items>) -> Result<()> {
    run(&db.pool(), "CREATE TABLE `o'dd ``one`` \"` (`a'b` int); INSERT INTO `o'dd ``one`` \"` VALUES (1)").await?;
    run(&db.pool(), "CREATE VIEW `v'iew; DROP TABLE item` AS SELECT * FROM item").await
}

#[integration_test(tags("bad"))]
async fn is_unaffected_by_names_with_quotes(db: &Mysql<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn drops_its_own_clone(db: &Mysql<Cloned<Items>>) -> Result<()> {
    run(&db.pool(), &format!("DROP DATABASE `{}`", db.name())).await
}

#[integration_test(tags("bad"))]
async fn gets_another_clone_after_a_drop(db: &Mysql<Cloned<Items>>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("slow"))]
async fn waits_forever(db: &Mysql<Items>, other: Mysql<Recycled<Items>>) -> Result<()> {
    is_fresh(&db.pool()).await?;
    is_fresh(&other.pool()).await?;
    println!("ready");
    tokio::time::sleep(Duration::from_secs(50)).await;
    Ok(())
}

/// Sends a signal to the server, and waits on a connection to it.
async fn signal_server(db: &Mysql<Items>, signal: Signal) -> Result<()> {
    // The test uses a single connection, because a pool would try to reconnect to the killed server for half a minute.
    let mut connection = db.pool().acquire().await?;
    let note: String = sqlx::query_scalar("SELECT @@pid_file").fetch_one(&mut *connection).await?;
    let process: i32 = std::fs::read_to_string(note)?.trim().parse()?;
    kill_process(Pid::from_raw(process).ok_or("no process")?, signal)?;
    sqlx::query("SELECT 1").execute(&mut *connection).await?;
    Ok(())
}

#[integration_test(tags("killed"))]
async fn kills_the_server(db: &Mysql<Items>) -> Result<()> {
    signal_server(db, Signal::KILL).await
}

#[integration_test(tags("hung"))]
async fn stops_the_server(db: &Mysql<Items>) -> Result<()> {
    signal_server(db, Signal::STOP).await
}

#[integration_test(tags("hung"))]
async fn after_it_hung(#[values(1, 2)] _again: u32, db: &Mysql<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("killed"))]
async fn after_it_was_killed(#[values(1, 2)] _again: u32, db: &Mysql<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

/// Requests a restart of the server from the process that started this suite, and waits until it is done.
async fn request_restart() -> Result<()> {
    let folder = PathBuf::from(std::env::var("FAULTS")?);
    std::fs::write(folder.join("restart-requested"), "")?;
    eventually(async || folder.join("restarted").exists()).within(Duration::from_secs(50)).equals(true).await?;
    std::fs::remove_file(folder.join("restarted"))?;
    Ok(())
}

#[integration_test(tags("restarted"))]
async fn has_a_database_during_a_restart(db: &Mysql<Items>) -> Result<()> {
    run(&db.pool(), "INSERT INTO item (name) VALUES ('written before')").await?;
    request_restart().await
}

#[integration_test(tags("restarted"))]
async fn after_the_first_restart(#[values(1, 2)] _again: u32, db: &Mysql<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("restarted"))]
async fn has_no_database_during_a_restart() -> Result<()> {
    request_restart().await
}

#[integration_test(tags("restarted"))]
async fn after_the_second_restart(#[values(1, 2)] _again: u32, db: &Mysql<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("restarted"))]
async fn a_clone_after_the_restarts(db: &Mysql<Cloned<Items>>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("full"))]
async fn fills_the_disk(db: &Mysql<Items>) -> Result<()> {
    run(&db.pool(), "CREATE TABLE much (words text)").await?;
    loop {
        // Rows that are larger than a page would crash the server instead.
        run(&db.pool(), "INSERT INTO much SELECT repeat('x', 4000) FROM seq_1_to_200").await?;
    }
}

#[integration_test(tags("full"))]
async fn after_it_was_full(#[values(1, 2, 3)] _again: u32, db: &Mysql<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("many"))]
async fn uses_two_connections(#[values(1, 2, 3, 4, 5, 6)] _again: u32, db: &Mysql<Items>) -> Result<()> {
    let (one, other) = (db.pool().begin().await?, db.pool().begin().await?);
    one.rollback().await?;
    other.rollback().await?;
    is_fresh(&db.pool()).await
}

/// The database of a test whose pool stays open cannot be recycled.
#[integration_test(tags("wasteful"))]
async fn keeps_its_pool_busy(#[values(1, 2)] _again: u32, db: &Mysql<Recycled<Items>>) -> Result<()> {
    std::mem::forget(db.pool().acquire().await?);
    Ok(())
}

#[integration_test(tags("wasteful"))]
async fn leaves_its_database_recyclable(db: &Mysql<Recycled<Items>>) -> Result<()> {
    is_fresh(&db.pool()).await
}
