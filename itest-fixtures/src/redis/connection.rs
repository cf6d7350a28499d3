//! Opens itest's own connections, and explains why a server refuses one.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult};

use itest_runtime::Error;

use super::address::ServerUrl;
use crate::failure::failed_to;
use crate::service::{Address, RefusedLogin};

/// How long a server may take to accept a connection, and to answer itest.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Opens a connection for itest itself.
///
/// # Errors
///
/// When the server does not accept the connection, with the remedy.
pub(super) async fn connect(address: &Address) -> Result<MultiplexedConnection, Error> {
    let url = ServerUrl::of(address)?;
    open(&url, TIMEOUT).await.map_err(|error| refused(address, &url, &error))
}

/// Opens a connection for itest itself. The caller explains the error.
pub(super) async fn open(url: &ServerUrl, timeout: Duration) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(timeout)).set_response_timeout(Some(timeout));
    let mut connection = Client::open(url.expose())?.get_multiplexed_async_connection_with_config(&config).await?;
    // Without a password in the URL, a server that requires one accepts the connection and refuses the commands.
    ::redis::cmd("PING").exec_async(&mut connection).await?;
    Ok(connection)
}

/// Opens a connection for a test, without a time limit for answers, so that commands that block can be used.
///
/// # Errors
///
/// When the server does not accept the connection.
pub(super) async fn connect_client(client: &Client) -> Result<MultiplexedConnection, Error> {
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let connection = client.get_multiplexed_async_connection_with_config(&config).await;
    // The address is displayed as host and port, without the password.
    let place = client.get_connection_info().addr();
    connection.map_err(|error| failed_to(&format!("connect to Redis at {place}"), &error))
}

/// The error of a refused connection, with the remedy.
fn refused(address: &Address, url: &ServerUrl, error: &RedisError) -> Error {
    let is_login = error.kind() == ErrorKind::AuthenticationFailed || error.code() == Some("NOAUTH");
    let remedy = match error.kind() {
        _ if is_login && !address.is_private() => "; check user and password in the URL".to_owned(),
        ErrorKind::Io => {
            address.end_of_log().unwrap_or_else(|| "; is the server running, and does it listen there?".to_owned())
        }
        _ => String::new(),
    };
    let place = address.in_words(|| url.place());
    let message = format!("cannot connect to Redis at {place}: {error}{remedy}");
    if is_login { RefusedLogin::error(message) } else { Error::new(message) }
}
