//! The leases of numbered databases on a shared server.
//!
//! The table of leases is a hash in the database of the URL: the number of a database, and the name of its owner. An owner has set its name
//! on a connection, so it is alive while `CLIENT LIST` shows the name, on whatever machine it runs. Only a database that was empty when it
//! was leased, or that a dead owner has leased, is ever flushed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{RedisError, RedisResult};
use serde::{Deserialize, Serialize};

use itest_runtime::Error;

use super::address::ServerUrl;
use super::connection::connect;
use super::lease_user;
use crate::failure::failed_to;
use crate::itest::teardown;
use crate::service::Address;

/// The key of the table of leases.
const TABLE: &str = "itest:leases";

/// The prefix of the owners' names.
const OWNER: &str = "itest-owner-";

/// How long a test waits for a database.
const LEASE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a test waits for a database until it prints a notice.
const SILENCE: Duration = Duration::from_secs(1);

/// The pause between two attempts to lease a database.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How long the server may take to notice that the process of an owner has ended.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The number of databases that are tried if the server has that many. The default of Redis is 16.
const MAX_DATABASES: u32 = 1024;

/// Leases an empty database without a lease. A script runs alone, so that no key appears between the check and the lease.
const LEASE_EMPTY: &str = "
    redis.call('SELECT', ARGV[1])
    local keys = redis.call('DBSIZE')
    redis.call('SELECT', ARGV[2])
    if keys > 0 then return 0 end
    return redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[3])";

/// Takes over the lease of a dead owner, unless another owner has taken it over, and flushes the database.
const TAKE_OVER: &str = "
    if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[4] then return 0 end
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
    redis.call('SELECT', ARGV[1])
    redis.call('FLUSHDB')
    redis.call('SELECT', ARGV[2])
    return 1";

/// Flushes a database and ends its lease. Returns 0 if the owner has lost the lease, because then the database may belong to
/// another owner.
const RELEASE: &str = "
    if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[3] then return 0 end
    redis.call('SELECT', ARGV[1])
    redis.call('FLUSHDB')
    redis.call('SELECT', ARGV[2])
    redis.call('HDEL', KEYS[1], ARGV[1])
    return 1";

/// The contents of the table of leases: the owner of each leased database.
type Table = BTreeMap<u32, String>;

/// The leases of one worker.
pub(super) struct Leases {
    connection: MultiplexedConnection,
    address: Address,
    url: ServerUrl,
    owner: String,
}

/// A leased database.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    database: u32,
    /// The URL with which the test logs in.
    pub(super) url: ServerUrl,
}

/// The ledger's entry for the databases of a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Leftovers {
    address: Address,
    owner: String,
}

/// Flushes the databases that a worker has leased.
#[teardown(crate = crate::itest)]
pub(super) async fn flush_leased_redis_databases(leftovers: Leftovers) -> Result<(), Error> {
    leftovers.flush().await
}

impl Leases {
    /// Adds a new owner, which counts as alive while its connection is open.
    ///
    /// # Errors
    ///
    /// When the server does not accept the connection or its name.
    pub(super) async fn open(address: &Address) -> Result<Self, Error> {
        let owner = format!("{OWNER}{}-{:016x}", std::process::id(), RandomState::new().hash_one(0));
        let connection = connect_as(address, &owner).await?;
        Ok(Self { connection, address: address.clone(), url: ServerUrl::of(address)?, owner })
    }

    /// The ledger's entry for the databases that this owner leases.
    pub(super) fn leftovers(&self) -> Leftovers {
        Leftovers { address: self.address.clone(), owner: self.owner.clone() }
    }

    /// Leases a database without keys. If all databases are in use, it waits for one.
    ///
    /// # Errors
    ///
    /// When no database becomes free in time.
    pub(super) async fn take(&mut self) -> Result<Lease, Error> {
        self.ensure_connected().await?;
        let (began, mut is_silent) = (Instant::now(), true);
        loop {
            if let Some(database) = self.try_take().await.map_err(|error| cannot_lease(&error))? {
                let url = lease_user::create(&mut self.connection, &self.url, &self.owner, database).await?;
                return Ok(Lease { database, url });
            }
            let place = self.address.in_words(|| self.url.place());
            let remedy = "run fewer tests at a time (--jobs), or raise `databases` in the configuration of the server";
            if began.elapsed() > LEASE_TIMEOUT {
                return Err(Error::new(format!(
                    "no database of Redis at {place} became free within {LEASE_TIMEOUT:?}: all are leased to other tests, or contain keys \
                     that itest has not written; {remedy}"
                )));
            }
            if is_silent && began.elapsed() > SILENCE {
                is_silent = false;
                let _ = writeln!(
                    std::io::stderr(),
                    "itest: waiting for a free database of Redis at {place}; {remedy}, so that tests do not wait"
                );
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn try_take(&mut self) -> RedisResult<Option<u32>> {
        let home = self.url.database();
        let table = read_table(&mut self.connection).await?;
        // The owners are read after the table, because an owner has its name before it has a lease.
        let alive = owners(&mut self.connection).await?;
        for database in (0..MAX_DATABASES).filter(|database| *database != home) {
            let previous = table.get(&database);
            if previous.is_some_and(|owner| alive.contains(owner)) {
                continue;
            }
            if let Some(owner) = previous {
                lease_user::remove(&mut self.connection, owner, database).await?;
            }
            let script = if previous.is_some() { TAKE_OVER } else { LEASE_EMPTY };
            let mut call = ::redis::cmd("EVAL");
            call.arg(script).arg(1).arg(TABLE).arg(database).arg(home).arg(&self.owner).arg(previous);
            match call.query_async::<u32>(&mut self.connection).await {
                Ok(0) => {}
                Ok(_) => return Ok(Some(database)),
                Err(error) if is_out_of_range(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Ends the connections to a leased database, flushes it, and ends the lease.
    ///
    /// # Errors
    ///
    /// When the lease was removed during the test, or the server cannot be reached.
    pub(super) async fn give_back(&mut self, lease: Lease) -> Result<(), Error> {
        let Lease { database, .. } = lease;
        self.ensure_connected().await?;
        let released = release(&mut self.connection, database, self.url.database(), &self.owner).await;
        if released.map_err(|error| cannot_flush(database, &error))? {
            return Ok(());
        }
        Err(Error::new(format!(
            "the lease of database {database} was removed while the test used it, so the result of the test means nothing: did the test, or \
             another client, execute FLUSHALL, or was the server restarted? Use FLUSHDB on a server that tests share"
        )))
    }

    /// Connects again if the connection was lost, under the same name. The lease shows whether another owner has taken the database meanwhile.
    async fn ensure_connected(&mut self) -> Result<(), Error> {
        if ::redis::cmd("PING").exec_async(&mut self.connection).await.is_err() {
            self.connection = connect_as(&self.address, &self.owner).await?;
        }
        Ok(())
    }
}

impl Leftovers {
    /// Flushes the databases that the owner still leases.
    ///
    /// # Errors
    ///
    /// When the owner is alive, or the server cannot be reached.
    async fn flush(self) -> Result<(), Error> {
        let Self { address, owner } = self;
        let home = ServerUrl::of(&address)?.database();
        let mut connection = connect(&address).await?;
        let began = Instant::now();
        while owners(&mut connection).await.map_err(|error| cannot_lease(&error))?.contains(&owner) {
            if began.elapsed() > DISCONNECT_TIMEOUT {
                return Err(Error::new(format!("the owner {owner} of leased databases is still connected to Redis")));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        let table = read_table(&mut connection).await.map_err(|error| cannot_lease(&error))?;
        for (database, _) in table.into_iter().filter(|(_, name)| *name == owner) {
            let released = release(&mut connection, database, home, &owner).await;
            released.map_err(|error| cannot_flush(database, &error))?;
        }
        Ok(())
    }
}

async fn connect_as(address: &Address, owner: &str) -> Result<MultiplexedConnection, Error> {
    let mut connection = connect(address).await?;
    let named = ::redis::cmd("CLIENT").arg("SETNAME").arg(owner).exec_async(&mut connection).await;
    named.map_err(|error| cannot_lease(&error))?;
    Ok(connection)
}

async fn read_table(connection: &mut MultiplexedConnection) -> RedisResult<Table> {
    ::redis::cmd("HGETALL").arg(TABLE).query_async(connection).await
}

/// The owners that are connected to the server.
async fn owners(connection: &mut MultiplexedConnection) -> RedisResult<BTreeSet<String>> {
    let clients: String = ::redis::cmd("CLIENT").arg("LIST").query_async(connection).await?;
    let names = clients.lines().filter_map(|client| field(client, "name"));
    Ok(names.filter(|name| name.starts_with(OWNER)).map(str::to_owned).collect())
}

/// A field of a line of `CLIENT LIST`: `id=3 addr=127.0.0.1:4711 name= db=0 …`.
fn field<'a>(client: &'a str, name: &str) -> Option<&'a str> {
    client.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}

/// Ends the connections to a leased database, also those of other users, because a connection that outlives its test could write into the
/// database of the next test.
async fn kill_connections(connection: &mut MultiplexedConnection, database: u32) -> RedisResult<()> {
    let clients: String = ::redis::cmd("CLIENT").arg("LIST").query_async(connection).await?;
    let database = database.to_string();
    for client in clients.lines().filter(|client| field(client, "db") == Some(&database)) {
        // The connection may have ended meanwhile, and then 0 connections are killed.
        ::redis::cmd("CLIENT").arg("KILL").arg("ID").arg(field(client, "id")).exec_async(connection).await?;
    }
    Ok(())
}

/// Ends the connections to a leased database, flushes it, and ends its lease. Returns whether the owner had the lease.
async fn release(connection: &mut MultiplexedConnection, database: u32, home: u32, owner: &str) -> RedisResult<bool> {
    lease_user::remove(connection, owner, database).await?;
    kill_connections(connection, database).await?;
    let mut call = ::redis::cmd("EVAL");
    call.arg(RELEASE).arg(1).arg(TABLE).arg(database).arg(home).arg(owner).query_async(connection).await
}

/// The databases that are leased, also those of dead owners.
pub(super) async fn leased_databases(connection: &mut MultiplexedConnection) -> Result<BTreeSet<u32>, Error> {
    let table = read_table(connection).await.map_err(|error| cannot_lease(&error))?;
    Ok(table.into_keys().collect())
}

/// Checks that the user of the URL has the rights that leases need, without a change of the server.
///
/// # Errors
///
/// The error names the missing right, and how to give it.
pub(super) async fn check_rights(connection: &mut MultiplexedConnection, place: &str) -> Result<(), Error> {
    let refused = |command: &str, reason: &str| {
        Error::new(format!(
            "the user of the URL may not use {command} on Redis at {place}, and itest needs it to give each test a clean database: {reason}; \
             give the user the rights +@all, or use another user"
        ))
    };
    let user: String = match ::redis::cmd("ACL").arg("WHOAMI").query_async(connection).await {
        Ok(user) => user,
        Err(error) => return Err(refused("ACL", &error.to_string())),
    };
    for command in
        [["EVAL", "return 1", "0"].as_slice(), &["FLUSHDB"], &["CLIENT", "LIST"], &["CLIENT", "KILL", "ID", "1"]]
    {
        let answer: RedisResult<String> =
            ::redis::cmd("ACL").arg("DRYRUN").arg(&user).arg(command).query_async(connection).await;
        match answer {
            Ok(answer) if answer != "OK" => return Err(refused(command[0], &answer)),
            // Before version 7.0 there is no dry run. There, a missing right is an error of the first test.
            _ => {}
        }
    }
    Ok(())
}

fn is_out_of_range(error: &RedisError) -> bool {
    error.to_string().contains("out of range")
}

fn cannot_lease(error: &RedisError) -> Error {
    failed_to("lease a database of Redis", error)
}

fn cannot_flush(database: u32, error: &RedisError) -> Error {
    failed_to(&format!("flush database {database} of Redis after the test"), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_client_are_read_by_their_whole_name() {
        let client = "id=3 addr=127.0.0.1:4711 name=itest-owner-1 age=0 db=7 sub=0 lib-name=";
        assert_eq!(field(client, "db"), Some("7"));
        assert_eq!(field(client, "name"), Some("itest-owner-1"));
        assert_eq!(field(client, "lib-name"), Some(""));
        assert_eq!(field(client, "b"), None);
    }
}
