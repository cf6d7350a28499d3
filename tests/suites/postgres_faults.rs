//! Tests whose PostgreSQL server is killed, restarted or full, and tests that run before and after them.

use std::path::PathBuf;
use std::time::Duration;

use itest::postgres::{Cloned, InSchema, Postgres, Schema};
use itest::prelude::*;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection, PgPool};

itest::main!();

static MIGRATIONS: Migrator = sqlx::migrate!("suites/postgres_migrations");

struct Items;

impl Schema for Items {
    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }

    async fn seed(pool: &PgPool) -> Result<()> {
        sqlx::query("INSERT INTO item (name) VALUES ('seeded')").execute(pool).await?;
        Ok(())
    }
}

/// Asserts that the table has only the seeded row, and that the next id is 2.
async fn is_fresh(pool: &PgPool) -> Result<()> {
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM item").fetch_all(pool).await?;
    assert_eq!(names, ["seeded"]);
    let id: i64 = sqlx::query_scalar("INSERT INTO item (name) VALUES ('second') RETURNING id").fetch_one(pool).await?;
    assert_eq!(id, 2);
    Ok(())
}

/// Requests a restart of the server from the process that started this suite, and waits until it is done.
async fn request_restart() -> Result<()> {
    let folder = PathBuf::from(std::env::var("FAULTS")?);
    std::fs::write(folder.join("restart-requested"), "")?;
    eventually(async || folder.join("restarted").exists()).within(Duration::from_secs(50)).equals(true).await?;
    std::fs::remove_file(folder.join("restarted"))?;
    Ok(())
}

fn kill(process: i32) -> Result<()> {
    kill_process(Pid::from_raw(process).ok_or("no process")?, Signal::KILL)?;
    Ok(())
}

#[integration_test(tags(
    "killed",
    "killed-at-the-end",
    "hung",
    "destroyed",
    "crashed",
    "restarted",
    "full",
    "limited"
))]
async fn before(#[values(1, 2)] _again: u32, db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

/// The id of the process that accepts the server's connections.
async fn postmaster(pool: &PgPool) -> Result<i32> {
    let data: String = sqlx::query_scalar("SHOW data_directory").fetch_one(pool).await?;
    let note = std::fs::read_to_string(format!("{data}/postmaster.pid"))?;
    Ok(note.lines().next().unwrap_or_default().parse()?)
}

/// Kills the server, and waits until its sessions have ended. Returns the data directory.
async fn kill_server(connection: &mut PgConnection) -> Result<PathBuf> {
    let data: String = sqlx::query_scalar("SHOW data_directory").fetch_one(&mut *connection).await?;
    let sessions: Vec<i32> = sqlx::query_scalar("SELECT pid FROM pg_stat_activity").fetch_all(&mut *connection).await?;
    let note = std::fs::read_to_string(format!("{data}/postmaster.pid"))?;
    kill(note.lines().next().unwrap_or_default().parse()?)?;
    // The server's other processes end when they notice that it is dead.
    let is_over =
        |session: &i32| std::fs::read(format!("/proc/{session}/cmdline")).map_or(true, |line| line.is_empty());
    eventually(async || sessions.iter().all(is_over)).within(Duration::from_secs(10)).equals(true).await?;
    Ok(data.into())
}

#[integration_test(tags("killed"))]
async fn kills_the_server(db: &Postgres<Items>) -> Result<()> {
    let mut connection = db.pool().acquire().await?;
    kill_server(&mut connection).await?;
    sqlx::query("SELECT 1").execute(&mut *connection).await?;
    Ok(())
}

#[integration_test(tags("killed"))]
async fn after_it_was_killed(#[values(1, 2, 3)] _again: u32, db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

/// The server's other processes may still answer for some milliseconds.
#[integration_test(tags("killed-at-the-end"))]
async fn kills_the_server_at_its_end(db: &Postgres<Items>) -> Result<()> {
    kill(postmaster(&db.pool()).await?)
}

#[integration_test(tags("killed-at-the-end"))]
async fn after_it_was_killed_at_the_end(#[values(1, 2, 3)] _again: u32, db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

/// Stops the process that accepts the connections, as a deadlock would.
#[integration_test(tags("hung"))]
async fn stops_the_server(db: &Postgres<Items>) -> Result<()> {
    let process = Pid::from_raw(postmaster(&db.pool()).await?).ok_or("no process")?;
    kill_process(process, Signal::STOP)?;
    let another = PgConnection::connect(db.url()).await;
    assert!(another.is_err(), "a stopped server accepts no connection");
    Ok(())
}

#[integration_test(tags("hung"))]
async fn after_it_hung(#[values(1, 2, 3)] _again: u32, db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("destroyed"))]
async fn destroys_the_server(db: &Postgres<Items>) -> Result<()> {
    let mut connection = db.pool().acquire().await?;
    let data: String = sqlx::query_scalar("SHOW data_directory").fetch_one(&mut *connection).await?;
    std::fs::write(PathBuf::from(data).join("PG_VERSION"), "3")?;
    kill_server(&mut connection).await?;
    sqlx::query("SELECT 1").execute(&mut *connection).await?;
    Ok(())
}

#[integration_test(tags("destroyed"))]
async fn after_it_was_destroyed(#[values(1, 2, 3)] _again: u32, db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

/// The test has a new clone, so that no recycled database is in use when the server crashes.
#[integration_test(tags("crashed"))]
async fn kills_its_session(db: &Postgres<Cloned<Items>>) -> Result<()> {
    let pool = db.pool();
    let process: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await?;
    let mut witness = PgConnection::connect(db.url()).await?;
    kill(process)?;
    // The server restarts all sessions after the crash. The test waits for the end of the restart, so that the next test is not affected.
    while witness.ping().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    eventually(async || PgConnection::connect(db.url()).await.is_ok())
        .within(Duration::from_secs(20))
        .equals(true)
        .await?;
    is_fresh(&pool).await
}

#[integration_test(tags("crashed"))]
async fn after_the_crash(#[values(1, 2, 3)] _again: u32, db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("crashed"))]
async fn a_clone_after_the_crash(db: &Postgres<Cloned<Items>>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("restarted"))]
async fn has_a_database_during_a_restart(db: &Postgres<Items>) -> Result<()> {
    sqlx::query("INSERT INTO item (name) VALUES ('written before')").execute(&db.pool()).await?;
    request_restart().await
}

#[integration_test(tags("restarted"))]
async fn after_the_first_restart(#[values(1, 2)] _again: u32, db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("restarted"))]
async fn has_no_database_during_a_restart() -> Result<()> {
    request_restart().await
}

#[integration_test(tags("restarted"))]
async fn after_the_second_restart(#[values(1, 2)] _again: u32, db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("full"))]
async fn fills_the_disk(db: &Postgres<Items>) -> Result<()> {
    for _ in 0..1000 {
        // Longer rows would be compressed.
        let more = "INSERT INTO item (name) SELECT repeat(md5(random()::text), 50) FROM generate_series(1, 1000)";
        sqlx::query(more).execute(&db.pool()).await?;
    }
    Ok(())
}

#[integration_test(tags("full"))]
async fn after_it_was_full(#[values(1, 2, 3)] _again: u32, db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("many"))]
async fn uses_two_connections(#[values(1, 2, 3, 4, 5, 6, 7, 8)] _again: u32, db: &Postgres<Items>) -> Result<()> {
    let (one, other) = (db.pool().begin().await?, db.pool().begin().await?);
    one.rollback().await?;
    other.rollback().await?;
    is_fresh(&db.pool()).await
}

#[integration_test(tags("schema"))]
async fn has_its_own_schema(#[values(1, 2)] _again: u32, db: &Postgres<InSchema<Items>>) -> Result<()> {
    is_fresh(&db.pool()).await
}
