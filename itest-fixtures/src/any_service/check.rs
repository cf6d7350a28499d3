//! Checks whether a service is ready now.

use std::process::Stdio;

use tokio::net::TcpStream;
use tokio::process::Command;

use itest_runtime::__private::answers_get;
use itest_runtime::Error;

use super::endpoint::Endpoint;
use super::readiness::{Condition, Readiness};
use crate::failure::with_action;
use crate::service::{Address, ServerAddress, accepts_connections_that_last};

/// Checks the condition of a service once. `port` is the one on which it listens in a container.
///
/// # Errors
///
/// The reason why the condition does not hold.
pub(super) async fn check(ready: Readiness, endpoint: &Endpoint, address: &Address, port: u16) -> Result<(), Error> {
    let server = endpoint.server();
    let Readiness(condition) = ready;
    match condition {
        Condition::Http { path } => answers_get(server.resolve().await?, &path).await.map_err(Error::new),
        Condition::Probe(probe) => probe(endpoint.url().to_owned()).await,
        Condition::Command { words } => run(&words, address, endpoint, port).await,
        Condition::LogLine { text } => {
            accepts_connections(server).await?;
            log_contains(address, &text).await
        }
        Condition::HealthCheck => {
            accepts_connections(server).await?;
            is_healthy(address).await
        }
        Condition::Port => port_is_open(server, address).await,
    }
}

/// Checks whether a server accepts connections.
///
/// # Errors
///
/// When it does not.
pub(super) async fn accepts_connections(server: &ServerAddress) -> Result<(), Error> {
    let connected = TcpStream::connect(server.resolve().await?).await;
    connected.map(drop).map_err(|error| with_action(&format!("connect to {}", server.place()), &error.to_string()))
}

#[cfg_attr(
    not(feature = "containers"),
    expect(clippy::unused_async, reason = "only the log of a container is at the engine")
)]
async fn log_contains(address: &Address, text: &str) -> Result<(), Error> {
    let log = match address {
        Address::Variable(_) => return Ok(()),
        Address::Private(server) => server.log(),
        #[cfg(feature = "containers")]
        Address::Container(container) => container.log().await?,
    };
    if log.contains(text) { Ok(()) } else { Err(Error::new(format!("no line of its log contains `{text}`"))) }
}

/// Checks whether a server accepts connections. A connection to a container must also last.
async fn port_is_open(server: &ServerAddress, address: &Address) -> Result<(), Error> {
    if !address.is_container() {
        return accepts_connections(server).await;
    }
    accepts_connections_that_last(server.resolve().await?, &server.place()).await
}

#[cfg_attr(not(feature = "containers"), expect(clippy::unused_async, reason = "only containers have a health check"))]
async fn is_healthy(address: &Address) -> Result<(), Error> {
    match address {
        Address::Variable(_) | Address::Private(_) => Ok(()),
        #[cfg(feature = "containers")]
        Address::Container(container) => container.is_healthy().await,
    }
}

#[cfg_attr(not(feature = "containers"), expect(unused_variables, reason = "only containers have another port"))]
async fn run(words: &[String], address: &Address, endpoint: &Endpoint, port: u16) -> Result<(), Error> {
    let status = match address {
        #[cfg(feature = "containers")]
        Address::Container(container) => {
            container.run(words.iter().map(|word| endpoint.fill_in_inside(word, port)).collect()).await?
        }
        _ => run_here(&words.iter().map(|word| endpoint.fill_in(word)).collect::<Vec<_>>()).await?,
    };
    if status == Some(0) {
        return Ok(());
    }
    let name = words.first().map(String::as_str).unwrap_or_default();
    let status = status.map_or_else(|| "by a signal".to_owned(), |code| format!("with code {code}"));
    Err(Error::new(format!("the command `{name}` ended {status}")))
}

async fn run_here(words: &[String]) -> Result<Option<i64>, Error> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Error::new("the command of the readiness has no words"));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let status = command.status().await;
    let status = status.map_err(|error| with_action(&format!("run the command `{program}`"), &error.to_string()))?;
    Ok(status.code().map(i64::from))
}
