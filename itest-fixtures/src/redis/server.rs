//! A Redis server that the workers of a run share: the one of a URL, or one in a container.

use ::redis::aio::MultiplexedConnection;

use itest_runtime::Error;

use super::address::ServerUrl;
use super::connection::connect;
use super::facts::Facts;
use super::leases;
use crate::service::{Address, SharedServer, Target, refuse_unless_for_tests};

/// The service: Redis, or Valkey.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RedisService {}

/// Checks whether tests can use a server. `variable` is the environment variable with its URL.
///
/// # Errors
///
/// When the server is too old, a replica, a cluster or full, or contains keys that itest has not written.
pub(super) async fn open(address: Address, variable: &str, not_used: Option<&str>) -> Result<SharedServer, Error> {
    let url = ServerUrl::of(&address)?;
    let mut connection = connect(&address).await?;
    let facts = Facts::query(&mut connection).await?;
    let place = address.in_words(|| url.place());
    if let Some(reason) = facts.refusal() {
        return Err(Error::new(format!("Redis at {place} {reason}")));
    }
    leases::check_rights(&mut connection, &place).await?;
    if !address.is_private() {
        refuse_foreign(variable, &url, &facts, &mut connection).await?;
    }
    let description = format!("{}, {place}, a database for each test", facts.product());
    Ok(SharedServer::new::<RedisService>(address, &description, not_used))
}

/// Refuses a server whose host suggests that it is not for tests, and one that contains keys which no run of itest has written.
async fn refuse_foreign(
    variable: &str,
    url: &ServerUrl,
    facts: &Facts,
    connection: &mut MultiplexedConnection,
) -> Result<(), Error> {
    let home = url.database();
    let namespace = home.to_string();
    let target = Target { variable, host: url.host(), is_socket: false, namespace: &namespace };
    let in_use = async {
        let leased = leases::leased_databases(connection).await?;
        // The table of leases is itself a key.
        let own = |database| u64::from(database == home && !leased.is_empty());
        let foreign = facts.keys.iter().find(|(database, keys)| !leased.contains(database) && **keys > own(**database));
        Ok(foreign.map(|(database, keys)| {
            let count = if *keys == 1 { "a key".to_owned() } else { format!("{keys} keys") };
            format!("its database {database} contains {count} that itest has not written")
        }))
    };
    refuse_unless_for_tests::<RedisService>(target, in_use).await
}
