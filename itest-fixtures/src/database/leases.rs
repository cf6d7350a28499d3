//! The table of leases records which process owns each database on a server, and whether that process is alive.
//!
//! An owner holds a lock on the server while its connection is open. If another process can take the lock, the owner has ended, on whatever
//! machine it ran. Only databases that are listed in the table and have the mark in their names are ever dropped.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::Connection as _;

use itest_runtime::Error;

use super::connect::{Connection, close};
use super::locks::{Lock, Locks, lock};
use crate::service::{Address, RETURN_TIMEOUT, Supervised, retry};

/// The prefix of the names of all databases and schemas that itest creates.
pub(crate) const MARK: &str = "itest_";

/// The name of the schema or database that contains the tables of leases.
pub(crate) const NAME: &str = "itest_leases";

/// How long the server may take to notice that the process of a connection has ended.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The first pause between two attempts to connect to a server that is being started again.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

const READ: &str = "read the table of leases";
const WRITE: &str = "write to the table of leases";

/// A server that can hold the tables of leases.
pub(crate) trait LeaseTables: Locks {
    /// The statements that create the tables if they are missing.
    const TABLES: &'static str;

    /// The statement that adds an owner of leases, unless an owner with this number exists.
    fn add_owner(owner: u32, host: &str, process: u32) -> String;

    /// Drops a database after removing the obstacles, such as open sessions.
    fn drop_database(
        address: &Address,
        connection: &mut Connection<Self>,
        name: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Drops the namespace of a test: a database, or a schema.
    fn drop_namespace(
        address: &Address,
        connection: &mut Connection<Self>,
        name: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        Self::drop_database(address, connection, name)
    }
}

/// The server and the database that contain the tables of leases.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LeaseDatabase {
    pub(crate) address: Address,
    /// The database; `None` is the one that the URL names.
    pub(crate) database: Option<String>,
}

impl LeaseDatabase {
    /// Connects to the tables, as soon as a private server that has ended is started again.
    pub(crate) async fn connect<D: LeaseTables>(&self) -> Result<Connection<D>, Error> {
        let is_restarting = |_: &Error| self.address.has_ended() && !self.address.is_lost();
        retry(RETURN_TIMEOUT, FIRST_PAUSE, || self.connect_now::<D>(), is_restarting).await
    }

    /// Connects to the tables, or fails at once.
    async fn connect_now<D: LeaseTables>(&self) -> Result<Connection<D>, Error> {
        D::connect(&self.address, self.database.as_deref()).await
    }
}

/// The leases of one worker, which owns the leased databases.
pub(crate) struct Leases<D: LeaseTables> {
    connection: Connection<D>,
    owner: u32,
    taken: u32,
}

impl<D: LeaseTables> Leases<D> {
    /// Adds a new owner, which counts as alive while its connection is open.
    pub(crate) async fn open(lease_database: &LeaseDatabase) -> Result<Self, Error> {
        let mut connection = lease_database.connect::<D>().await?;
        let owner = loop {
            let owner = random() & 0x7fff_ffff;
            // The lock is taken before the row is added. Otherwise another process could take the lock first and treat this owner as dead.
            if owner != 0 && D::try_lock(&mut connection, Lock::Owner(owner)).await? {
                break owner;
            }
        };
        add_owner::<D>(&mut connection, owner).await?;
        Ok(Self { connection, owner, taken: 0 })
    }

    /// The owner's number.
    pub(crate) fn owner(&self) -> u32 {
        self.owner
    }

    /// Adds a lease with a new name. The caller creates the database only afterwards.
    pub(crate) async fn take(&mut self) -> Result<String, Error> {
        self.taken += 1;
        let name = format!("{MARK}{}_{}_{:06x}", self.owner, self.taken, random() & 0xff_ffff);
        let insert =
            format!("INSERT INTO itest_leases.lease (name, owner) VALUES ({}, {})", D::literal(&name), self.owner);
        D::run(&mut self.connection, WRITE, insert).await?;
        Ok(name)
    }

    /// The owner's connection.
    pub(crate) fn connection(&mut self) -> &mut Connection<D> {
        &mut self.connection
    }

    /// Closes the connection, so that the owner counts as ended. [`drop_all`] drops the databases that it still leases.
    pub(crate) async fn close(self) {
        close::<D>(self.connection).await;
    }
}

impl<D: LeaseTables> Supervised for Leases<D> {
    type Server = LeaseDatabase;

    async fn is_alive(&mut self) -> bool {
        self.connection.ping().await.is_ok()
    }

    /// Connects again with the same owner number, because the number is recorded in the ledger and in the table.
    async fn reconnect(&mut self, lease_database: &LeaseDatabase) -> Result<(), Error> {
        let mut connection = lease_database.connect_now::<D>().await?;
        // The server may not have noticed yet that the old connection is lost.
        lock::<D>(&mut connection, Lock::Owner(self.owner), DISCONNECT_TIMEOUT).await?;
        // A process that swept the server in the meantime may have removed the row.
        add_owner::<D>(&mut connection, self.owner).await?;
        self.connection = connection;
        Ok(())
    }

    fn has_ended(lease_database: &LeaseDatabase) -> bool {
        lease_database.address.has_ended()
    }

    fn is_lost(lease_database: &LeaseDatabase) -> bool {
        lease_database.address.is_lost()
    }
}

fn random() -> u32 {
    // Each `RandomState` has random keys, so the hash of any value is a random number.
    (RandomState::new().hash_one(()) & u64::from(u32::MAX)).try_into().unwrap_or_default()
}

async fn add_owner<D: LeaseTables>(connection: &mut Connection<D>, owner: u32) -> Result<(), Error> {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    D::run(connection, WRITE, D::add_owner(owner, &host, std::process::id())).await
}

/// Drops a leased database or schema, even if sessions use it, and then removes the lease.
pub(crate) async fn drop_leased<D: LeaseTables>(
    address: &Address,
    connection: &mut Connection<D>,
    name: &str,
) -> Result<(), Error> {
    let listed = format!("SELECT name FROM itest_leases.lease WHERE name = {}", D::literal(name));
    if !name.starts_with(MARK) || D::column(connection, READ, listed).await?.is_empty() {
        return Ok(());
    }
    D::drop_namespace(address, connection, name).await?;
    D::run(connection, WRITE, format!("DELETE FROM itest_leases.lease WHERE name = {}", D::literal(name))).await
}

/// Drops all namespaces of an owner whose process has ended or is about to end, and then removes the owner.
///
/// # Errors
///
/// When the owner is still alive, or a namespace cannot be dropped.
pub(crate) async fn drop_all<D: LeaseTables>(
    address: &Address,
    connection: &mut Connection<D>,
    owner: u32,
) -> Result<(), Error> {
    lock::<D>(connection, Lock::Owner(owner), DISCONNECT_TIMEOUT).await?;
    let dropped = drop_all_of_locked::<D>(address, connection, owner).await;
    D::unlock(connection, Lock::Owner(owner)).await?;
    dropped
}

async fn drop_all_of_locked<D: LeaseTables>(
    address: &Address,
    connection: &mut Connection<D>,
    owner: u32,
) -> Result<(), Error> {
    let names = format!("SELECT name FROM itest_leases.lease WHERE owner = {owner} ORDER BY name");
    let mut result = Ok(());
    for name in D::column(connection, READ, names).await? {
        // If one database cannot be dropped, the others are still dropped.
        if let Err(error) = drop_leased::<D>(address, connection, &name).await {
            result = Err(error);
        }
    }
    result?;
    D::run(connection, WRITE, format!("DELETE FROM itest_leases.owner WHERE id = {owner}")).await
}

/// Drops the databases that ended processes of any machine have left on a server, and the templates that no run has used for a day.
pub(crate) async fn sweep<D: LeaseTables>(address: &Address, connection: &mut Connection<D>) -> Result<(), Error> {
    let owners = "SELECT CAST(id AS char(20)) FROM itest_leases.owner".to_owned();
    let owners = D::column(connection, READ, owners).await?;
    for owner in owners.iter().filter_map(|owner| owner.trim().parse().ok()) {
        if D::try_lock(connection, Lock::Owner(owner)).await? {
            // An error is ignored: the next run tries again, and this run uses its own databases.
            let _ = drop_all_of_locked::<D>(address, connection, owner).await;
            D::unlock(connection, Lock::Owner(owner)).await?;
        }
    }
    let old = "SELECT name FROM itest_leases.template WHERE used < current_timestamp - INTERVAL '1' DAY".to_owned();
    for name in D::column(connection, READ, old).await? {
        drop_template::<D>(address, connection, &name).await?;
    }
    Ok(())
}

/// Drops a template, unless a process uses or builds it.
pub(crate) async fn drop_template<D: LeaseTables>(
    address: &Address,
    connection: &mut Connection<D>,
    name: &str,
) -> Result<(), Error> {
    if !name.starts_with(MARK) || !D::try_lock(connection, Lock::Use(name)).await? {
        return Ok(());
    }
    let dropped = D::drop_database(address, connection, name).await;
    if dropped.is_ok() {
        let delete = format!("DELETE FROM itest_leases.template WHERE name = {}", D::literal(name));
        D::run(connection, WRITE, delete).await?;
    }
    D::unlock(connection, Lock::Use(name)).await?;
    dropped
}
