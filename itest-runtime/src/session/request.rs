//! One request to the session server.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tokio::net::UnixStream as Connection;

use super::folder::SessionFolder;
use super::wire::{Reply, Request, receive, send};

/// How often a client that waits for an answer checks whether a signal has stopped the server.
const STOP_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Sends a request and waits for the reply, as long as the server lives. A server that a signal has stopped is continued, because it would
/// never reply.
pub(super) async fn request_reply(
    connection: UnixStream,
    request: &Request,
    folder: &SessionFolder,
) -> io::Result<(Reply, Connection)> {
    connection.set_nonblocking(true)?;
    let mut connection = Connection::from_std(connection)?;
    send(&mut connection, request).await?;
    let reply = {
        let receiving = receive(&mut connection);
        tokio::pin!(receiving);
        loop {
            match tokio::time::timeout(STOP_CHECK_INTERVAL, &mut receiving).await {
                Ok(reply) => break reply?,
                Err(_) => folder.continue_server(),
            }
        }
    };
    Ok((reply, connection))
}
