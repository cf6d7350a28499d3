//! Checks whether the server behind a port of a container accepts connections.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

use itest_runtime::Error;

use crate::failure::with_action;

/// How long a connection must last.
const LASTING: Duration = Duration::from_millis(50);

/// Checks whether a server accepts connections. The engine of a container accepts them before the server does, and closes them then, so the
/// connection must also last for a moment.
///
/// # Errors
///
/// When it does not.
pub(crate) async fn accepts_connections_that_last(address: SocketAddr, place: &str) -> Result<(), Error> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|error| with_action(&format!("connect to {place}"), &error.to_string()))?;
    match tokio::time::timeout(LASTING, stream.peek(&mut [0])).await {
        // The server waits for a request, or has sent a greeting.
        Err(_) | Ok(Ok(1..)) => Ok(()),
        Ok(Ok(0)) => Err(Error::new(format!("{place} closes its connections at once"))),
        Ok(Err(error)) => Err(with_action(&format!("read from {place}"), &error.to_string())),
    }
}
