//! The table of leases: whose each database on a server is, and whether its owner lives.
//!
//! An owner holds a lock of the server (`GET_LOCK`) for as long as its connection lives; whoever can take that lock knows that the
//! owner is dead, on whatever machine it was. Only what stands in the table, and bears the mark, is ever dropped.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use sqlx::Connection;
use sqlx::mysql::MySqlConnection;

use itest_runtime::Error;

use super::connection::{connect, literal, quoted, run};
use super::server::Server;
use crate::database::{Lifeline, failed_to};

/// What the names of all databases of itest's begin with.
pub(super) const MARK: &str = "itest_";

/// The database with the table of leases.
pub(super) const LEASES: &str = "itest_leases";

/// How long a connection may take to be gone on the server when its process is.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long a session may take to end that nobody needs any more.
const ENDING: Duration = Duration::from_millis(200);

/// Makes the tables of leases where there are none.
pub(super) async fn create_tables(connection: &mut MySqlConnection) -> Result<(), Error> {
    const TABLES: &str = "
        CREATE DATABASE IF NOT EXISTS itest_leases CHARACTER SET utf8mb4;
        CREATE TABLE IF NOT EXISTS itest_leases.owner (
            id int AUTO_INCREMENT PRIMARY KEY, host varchar(255) NOT NULL, process int NOT NULL,
            since timestamp NOT NULL DEFAULT current_timestamp);
        CREATE TABLE IF NOT EXISTS itest_leases.lease (
            name varchar(64) PRIMARY KEY, owner int NOT NULL, since timestamp NOT NULL DEFAULT current_timestamp);
        CREATE TABLE IF NOT EXISTS itest_leases.template (
            name varchar(64) PRIMARY KEY, suite text NOT NULL, is_ready bool NOT NULL DEFAULT false,
            used timestamp NOT NULL DEFAULT current_timestamp);";
    run(connection, "make the table of leases", TABLES).await
}

/// An owner of databases, and its lock.
#[derive(Debug)]
pub(super) struct Leases {
    connection: MySqlConnection,
    owner: u64,
    taken: u32,
}

impl Leases {
    /// A new owner, which lives as long as this connection does.
    pub(super) async fn open(server: &Server) -> Result<Self, Error> {
        let mut connection = connect(&server.address, None).await?;
        // Seen by others only when its lock is held.
        let mut transaction = connection.begin().await?;
        let inserted = sqlx::query("INSERT INTO itest_leases.owner (host, process) VALUES (?, ?)")
            .bind(host())
            .bind(std::process::id())
            .execute(&mut *transaction)
            .await
            .map_err(|error| failed_to("write to the table of leases", &error))?;
        let owner = inserted.last_insert_id();
        try_lock(&mut transaction, &owner_lock(owner), 5).await?;
        transaction.commit().await?;
        Ok(Self { connection, owner, taken: 0 })
    }

    /// The owner's number.
    pub(super) fn owner(&self) -> u64 {
        self.owner
    }

    /// Writes down a name that nothing on the server has; what bears it is made after that.
    pub(super) async fn take(&mut self) -> Result<String, Error> {
        self.taken += 1;
        let random = RandomState::new().hash_one(self.taken) & 0xff_ffff;
        let name = format!("{MARK}{}_{}_{random:06x}", self.owner, self.taken);
        let insert =
            format!("INSERT INTO itest_leases.lease (name, owner) VALUES ({}, {})", literal(&name), self.owner);
        run(&mut self.connection, "write to the table of leases", insert).await?;
        Ok(name)
    }

    /// The connection that the owner lives by.
    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        &mut self.connection
    }

    /// Ends the owner's life; what is left of its own is for [`give_back_all`].
    pub(super) async fn close(self) {
        let _ = self.connection.close().await;
    }
}

impl Lifeline for Leases {
    type Server = Server;

    async fn is_alive(&mut self) -> bool {
        self.connection.ping().await.is_ok()
    }

    /// Under the same number, which stands in the ledger and in the table.
    async fn renew(&mut self, server: &Server) -> Result<(), Error> {
        let mut connection = connect(&server.address, None).await?;
        if !try_lock(&mut connection, &owner_lock(self.owner), 5).await? {
            return Err(Error::new(format!("the owner {} of databases is held by another session", self.owner)));
        }
        // Somebody may have swept meanwhile.
        sqlx::query("INSERT IGNORE INTO itest_leases.owner (id, host, process) VALUES (?, ?, ?)")
            .bind(self.owner)
            .bind(host())
            .bind(std::process::id())
            .execute(&mut connection)
            .await
            .map_err(|error| failed_to("write to the table of leases", &error))?;
        self.connection = connection;
        Ok(())
    }

    fn is_over(server: &Server) -> bool {
        server.address.is_over()
    }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn owner_lock(owner: u64) -> String {
    format!("itest_owner_{owner}")
}

/// Takes a lock of the server, if it can be had within so many seconds.
pub(super) async fn try_lock(connection: &mut MySqlConnection, name: &str, seconds: u32) -> Result<bool, Error> {
    let taken = sqlx::query_scalar("SELECT GET_LOCK(?, ?)").bind(name).bind(seconds).fetch_one(connection).await;
    let taken: Option<i64> = taken.map_err(|error| failed_to("take a lock of the server", &error))?;
    Ok(taken == Some(1))
}

/// Lets a lock go.
pub(super) async fn unlock(connection: &mut MySqlConnection, name: &str) -> Result<(), Error> {
    run(connection, "let a lock go", format!("DO RELEASE_LOCK({})", literal(name))).await
}

/// Drops a database that stands in the table, and ends the sessions in it; takes it out of the table.
pub(super) async fn give_back(connection: &mut MySqlConnection, name: &str) -> Result<(), Error> {
    let listed = sqlx::query_scalar("SELECT count(*) FROM itest_leases.lease WHERE name = ?").bind(name);
    let listed: i64 = listed.fetch_one(&mut *connection).await?;
    if listed == 0 || !name.starts_with(MARK) {
        return Ok(());
    }
    drop_database(connection, name).await?;
    let forget = format!("DELETE FROM itest_leases.lease WHERE name = {}", literal(name));
    run(connection, "write to the table of leases", forget).await
}

/// Drops a database of itest's; sessions in it would hold its tables.
pub(super) async fn drop_database(connection: &mut MySqlConnection, name: &str) -> Result<(), Error> {
    for session in lasting_sessions(connection, name).await? {
        // It may be gone already.
        let _ = run(connection, "end a session", format!("KILL {session}")).await;
    }
    run(connection, &format!("drop the database {name}"), format!("DROP DATABASE IF EXISTS {}", quoted(name))).await
}

/// The sessions in a database that do not end by themselves. Who is killed on the way out may take along whoever is next in the same
/// thread of the server.
async fn lasting_sessions(connection: &mut MySqlConnection, database: &str) -> Result<Vec<i64>, Error> {
    let since = Instant::now();
    loop {
        let asked = "SELECT id FROM information_schema.processlist WHERE db = ? AND id <> connection_id()";
        let sessions: Vec<i64> = sqlx::query_scalar(asked).bind(database).fetch_all(&mut *connection).await?;
        if sessions.is_empty() || since.elapsed() > ENDING {
            return Ok(sessions);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Drops everything of an owner that is dead or about to be, and forgets it.
pub(super) async fn give_back_all(connection: &mut MySqlConnection, owner: u64) -> Result<(), Error> {
    let since = Instant::now();
    while !try_lock(connection, &owner_lock(owner), 0).await? {
        if since.elapsed() > FAREWELL {
            return Err(Error::new(format!("the owner {owner} of databases still holds its lock")));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let given = give_back_locked(connection, owner).await;
    unlock(connection, &owner_lock(owner)).await?;
    given
}

async fn give_back_locked(connection: &mut MySqlConnection, owner: u64) -> Result<(), Error> {
    let names = sqlx::query_scalar("SELECT name FROM itest_leases.lease WHERE owner = ?").bind(owner);
    let names: Vec<String> = names.fetch_all(&mut *connection).await?;
    let mut result = Ok(());
    for name in names {
        // One that cannot be dropped keeps no other.
        if let Err(error) = give_back(connection, &name).await {
            result = Err(error);
        }
    }
    result?;
    run(connection, "write to the table of leases", format!("DELETE FROM itest_leases.owner WHERE id = {owner}")).await
}

/// Gives back what the dead of all machines have left on a server, and templates that nobody has used for a day.
pub(super) async fn sweep(connection: &mut MySqlConnection) -> Result<(), Error> {
    let owners: Vec<i64> = sqlx::query_scalar("SELECT id FROM itest_leases.owner").fetch_all(&mut *connection).await?;
    for owner in owners.into_iter().filter_map(|owner| u64::try_from(owner).ok()) {
        if try_lock(connection, &owner_lock(owner), 0).await? {
            // What cannot be dropped now is tried again by the next run; this one has databases of its own.
            let _ = give_back_locked(connection, owner).await;
            unlock(connection, &owner_lock(owner)).await?;
        }
    }
    let old = "SELECT name FROM itest_leases.template WHERE used < current_timestamp - INTERVAL 1 DAY";
    let old: Vec<String> = sqlx::query_scalar(old).fetch_all(&mut *connection).await?;
    for name in old {
        drop_template(connection, &name).await?;
    }
    Ok(())
}

/// Drops a template, unless somebody builds or uses it.
pub(super) async fn drop_template(connection: &mut MySqlConnection, name: &str) -> Result<(), Error> {
    if !name.starts_with(MARK) || !try_lock(connection, name, 0).await? {
        return Ok(());
    }
    let dropped = drop_database(connection, name).await;
    if dropped.is_ok() {
        let forget = format!("DELETE FROM itest_leases.template WHERE name = {}", literal(name));
        run(connection, "write to the table of templates", forget).await?;
    }
    unlock(connection, name).await?;
    dropped
}
