//! The table of leases: whose each database on a server is, and whether its owner lives.
//!
//! An owner holds an advisory lock for as long as its connection lives; whoever can take that lock knows that the owner is dead,
//! on whatever machine it was. Only what stands in the table, and bears the mark, is ever dropped.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};

use itest_runtime::Error;

use super::address::Address;
use super::connection::{connect, literal, quoted, run};
use super::server::Server;
use crate::database::{Lifeline, failed_to};

/// What the names of all databases and schemas of itest's begin with.
pub(super) const MARK: &str = "itest_";

/// The first number of the advisory locks that say that an owner lives.
pub(super) const OWNER_LOCK: i32 = 6117;

/// The first number of those that keep two processes from building one template.
pub(super) const BUILD_LOCK: i32 = 6118;

/// The first number of those that say that a template is in use.
pub(super) const USE_LOCK: i32 = 6119;

/// How long a connection may take to be gone on the server when its process is.
const FAREWELL: Duration = Duration::from_secs(5);

/// Makes the tables of leases where there are none.
pub(super) async fn create_tables(connection: &mut PgConnection) -> Result<(), Error> {
    const TABLES: &str = "
        BEGIN;
        SELECT pg_advisory_xact_lock(6117, 0);
        SET LOCAL client_min_messages = warning;
        CREATE SCHEMA IF NOT EXISTS itest_leases;
        CREATE TABLE IF NOT EXISTS itest_leases.owner (
            id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            host text NOT NULL, process int NOT NULL, since timestamptz NOT NULL DEFAULT now());
        CREATE TABLE IF NOT EXISTS itest_leases.lease (
            name text PRIMARY KEY, owner int NOT NULL, since timestamptz NOT NULL DEFAULT now());
        CREATE TABLE IF NOT EXISTS itest_leases.template (
            name text PRIMARY KEY, number int NOT NULL, suite text NOT NULL, is_ready bool NOT NULL DEFAULT false,
            used timestamptz NOT NULL DEFAULT now());
        COMMIT;";
    connection.execute(TABLES).await.map(drop).map_err(|error| failed_to("make the table of leases", &error))
}

/// An owner of databases, and its lock.
#[derive(Debug)]
pub(super) struct Leases {
    connection: PgConnection,
    owner: i32,
    taken: u32,
}

impl Leases {
    /// A new owner, which lives as long as this connection does.
    pub(super) async fn open(server: &Server) -> Result<Self, Error> {
        let mut connection = server.connect().await?;
        // Seen by others only when its lock is held.
        let mut transaction = connection.begin().await?;
        let owner: i32 =
            sqlx::query_scalar("INSERT INTO itest_leases.owner (host, process) VALUES ($1, $2) RETURNING id")
                .bind(host())
                .bind(process())
                .fetch_one(&mut *transaction)
                .await
                .map_err(|error| failed_to("write to the table of leases", &error))?;
        let lock = sqlx::query("SELECT pg_advisory_lock($1, $2)").bind(OWNER_LOCK).bind(owner);
        lock.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Self { connection, owner, taken: 0 })
    }

    /// The owner's number.
    pub(super) fn owner(&self) -> i32 {
        self.owner
    }

    /// Writes down a name that nothing on the server has; what bears it is made after that.
    pub(super) async fn take(&mut self) -> Result<String, Error> {
        self.taken += 1;
        let random = RandomState::new().hash_one(self.taken) & 0xff_ffff;
        let name = format!("{MARK}{}_{}_{random:06x}", self.owner, self.taken);
        sqlx::query("INSERT INTO itest_leases.lease (name, owner) VALUES ($1, $2)")
            .bind(&name)
            .bind(self.owner)
            .execute(&mut self.connection)
            .await
            .map_err(|error| failed_to("write to the table of leases", &error))?;
        Ok(name)
    }

    /// The connection that the owner lives by.
    pub(super) fn connection(&mut self) -> &mut PgConnection {
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
        let mut connection = server.connect().await?;
        let mut transaction = connection.begin().await?;
        // Somebody may have swept meanwhile.
        sqlx::query(
            "INSERT INTO itest_leases.owner (id, host, process) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(self.owner)
        .bind(host())
        .bind(process())
        .execute(&mut *transaction)
        .await
        .map_err(|error| failed_to("write to the table of leases", &error))?;
        let lock = sqlx::query("SELECT pg_advisory_lock($1, $2)").bind(OWNER_LOCK).bind(self.owner);
        lock.execute(&mut *transaction).await?;
        transaction.commit().await?;
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

fn process() -> i32 {
    i32::try_from(std::process::id()).unwrap_or_default()
}

/// Drops a database or a schema that stands in the table, whoever uses it, and takes it out of the table.
pub(super) async fn give_back(address: &Address, connection: &mut PgConnection, name: &str) -> Result<(), Error> {
    let found = "SELECT EXISTS (SELECT FROM itest_leases.lease WHERE name = $1), EXISTS (SELECT FROM pg_database WHERE datname = $1)";
    let (is_listed, is_database): (bool, bool) = sqlx::query_as(found).bind(name).fetch_one(&mut *connection).await?;
    if !is_listed || !name.starts_with(MARK) {
        return Ok(());
    }
    if is_database {
        drop_database(address, connection, name).await?;
    } else {
        let drop = format!("SET client_min_messages = warning; DROP SCHEMA IF EXISTS {} CASCADE", quoted(name));
        run(connection, &format!("drop the schema {name}"), drop).await?;
    }
    run(
        connection,
        "write to the table of leases",
        format!("DELETE FROM itest_leases.lease WHERE name = {}", literal(name)),
    )
    .await
}

/// Drops a database of itest's with all its sessions, also those that an ordinary drop would wait for.
pub(super) async fn drop_database(address: &Address, connection: &mut PgConnection, name: &str) -> Result<(), Error> {
    let action = format!("drop the database {name}");
    let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name));
    let Err(error) = run(connection, &action, drop.clone()).await else { return Ok(()) };
    // What is prepared outlives its session, and only a session in the same database can end it; a subscription, too.
    let Ok(mut inside) = connect(address, Some(name)).await else { return Err(error) };
    let left = "SELECT format('ROLLBACK PREPARED %L', gid) FROM pg_prepared_xacts WHERE database = current_database()
                UNION ALL SELECT format('SELECT pg_drop_replication_slot(%L)', slot_name) FROM pg_replication_slots
                WHERE database = current_database() AND NOT active
                UNION ALL SELECT format('ALTER SUBSCRIPTION %1$I DISABLE; ALTER SUBSCRIPTION %1$I SET (slot_name = NONE); DROP SUBSCRIPTION %1$I', subname)
                FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let left: Vec<String> = sqlx::query_scalar(left).fetch_all(&mut inside).await?;
    for end in left {
        run(&mut inside, &action, end).await?;
    }
    let _ = inside.close().await;
    run(connection, &action, drop).await
}

/// Drops everything of an owner that is dead or about to be, and forgets it.
pub(super) async fn give_back_all(address: &Address, connection: &mut PgConnection, owner: i32) -> Result<(), Error> {
    let since = std::time::Instant::now();
    while !try_lock(connection, OWNER_LOCK, owner).await? {
        if since.elapsed() > FAREWELL {
            return Err(Error::new(format!("the owner {owner} of databases still holds its lock")));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let given = give_back_locked(address, connection, owner).await;
    unlock(connection, OWNER_LOCK, owner).await?;
    given
}

async fn give_back_locked(address: &Address, connection: &mut PgConnection, owner: i32) -> Result<(), Error> {
    let names = sqlx::query_scalar("SELECT name FROM itest_leases.lease WHERE owner = $1 ORDER BY name").bind(owner);
    let names: Vec<String> = names.fetch_all(&mut *connection).await?;
    let mut result = Ok(());
    for name in names {
        if let Err(error) = give_back(address, connection, &name).await {
            result = Err(error);
        }
    }
    result?;
    run(connection, "write to the table of leases", format!("DELETE FROM itest_leases.owner WHERE id = {owner}")).await
}

/// Gives back what the dead of all machines have left on a server, and templates that nobody has used for a day.
pub(super) async fn sweep(server: &Server, connection: &mut PgConnection) -> Result<(), Error> {
    let owners: Vec<i32> = sqlx::query_scalar("SELECT id FROM itest_leases.owner").fetch_all(&mut *connection).await?;
    for owner in owners {
        if !try_lock(connection, OWNER_LOCK, owner).await? {
            continue;
        }
        // What cannot be dropped now is tried again by the next run; this one has databases of its own.
        let _ = give_back_locked(&server.address, connection, owner).await;
        unlock(connection, OWNER_LOCK, owner).await?;
    }
    let old = "SELECT name FROM itest_leases.template WHERE used < now() - interval '1 day'";
    let old: Vec<String> = sqlx::query_scalar(old).fetch_all(&mut *connection).await?;
    for name in old {
        drop_template(server, connection, &name).await?;
    }
    Ok(())
}

/// Drops a template, unless somebody uses it.
pub(super) async fn drop_template(server: &Server, connection: &mut PgConnection, name: &str) -> Result<(), Error> {
    let number = sqlx::query_scalar("SELECT number FROM itest_leases.template WHERE name = $1").bind(name);
    let Some(number): Option<i32> = number.fetch_optional(&mut *connection).await? else { return Ok(()) };
    if !name.starts_with(MARK) || !try_lock(connection, USE_LOCK, number).await? {
        return Ok(());
    }
    let dropped = drop_database(&server.address, connection, name).await;
    if dropped.is_ok() {
        let forget = format!("DELETE FROM itest_leases.template WHERE name = {}", literal(name));
        run(connection, "write to the table of templates", forget).await?;
    }
    unlock(connection, USE_LOCK, number).await?;
    dropped
}

async fn try_lock(connection: &mut PgConnection, class: i32, number: i32) -> Result<bool, Error> {
    let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)").bind(class).bind(number);
    lock.fetch_one(connection).await.map_err(|error| failed_to("take a lock of the server", &error))
}

async fn unlock(connection: &mut PgConnection, class: i32, number: i32) -> Result<(), Error> {
    let unlock = sqlx::query("SELECT pg_advisory_unlock($1, $2)").bind(class).bind(number);
    unlock.execute(connection).await.map(drop).map_err(|error| failed_to("give back a lock of the server", &error))
}
