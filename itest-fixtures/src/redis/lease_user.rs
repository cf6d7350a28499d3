//! The user of the test that leases a database on a shared server.
//!
//! The user is removed with the lease, which ends all connections that have logged in as this user. So a client that outlives its test cannot
//! log in again. The user has no right to commands that change the server or the databases of other tests.

use ::redis::aio::MultiplexedConnection;
use ::redis::{RedisResult, ServerErrorKind};

use itest_runtime::Error;

use super::address::ServerUrl;
use crate::failure::failed_to;
use crate::service::password::Password;

/// The name of the user of a lease. Recovery derives it from the table of leases.
pub(super) fn name(owner: &str, database: u32) -> String {
    format!("{owner}-{database}")
}

/// Creates the user of a lease, and returns the URL with which it logs in. Where the user of the URL may not create users, the test uses the
/// user of the URL.
///
/// # Errors
///
/// When the server cannot be reached.
pub(super) async fn create(
    connection: &mut MultiplexedConnection,
    url: &ServerUrl,
    owner: &str,
    database: u32,
) -> Result<ServerUrl, Error> {
    let (name, password) = (name(owner, database), Password::random()?);
    let url = url.with_database(database);
    let rules = ["reset", "on", "~*", "&*", "+@all", "-@admin", "-flushall", "-swapdb", "-move", "-select"];
    let created = ::redis::cmd("ACL")
        .arg("SETUSER")
        .arg(&name)
        .arg(&rules)
        .arg(format!("+select|{database}"))
        .arg(format!(">{}", password.expose()))
        .exec_async(connection)
        .await;
    match created {
        Ok(()) => Ok(url.with_user(&name, password.expose())),
        Err(error) if is_refused(&error) => Ok(url),
        Err(error) => Err(failed_to("create the user of a leased Redis database", &error)),
    }
}

/// Removes the user of a lease, which ends its connections.
pub(super) async fn remove(connection: &mut MultiplexedConnection, owner: &str, database: u32) -> RedisResult<()> {
    let removed = ::redis::cmd("ACL").arg("DELUSER").arg(name(owner, database)).exec_async(connection).await;
    match removed {
        Err(error) if is_refused(&error) => Ok(()),
        removed => removed,
    }
}

/// Whether the user of the URL has no right to manage users.
fn is_refused(error: &::redis::RedisError) -> bool {
    matches!(error.kind(), ::redis::ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::ResponseError))
        || error.code() == Some("NOPERM")
}
