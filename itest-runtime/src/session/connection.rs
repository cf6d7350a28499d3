//! Accepts the connections of clients, and serves each of them: identifies the client, forwards its request, and reports its end.

use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use super::message::{Connection, Disconnect, Message};
use super::wire::{Request, receive, send};
use crate::inject::spawn;
use crate::model::RESPONSE_TIMEOUT;

/// Accepts connections as long as the server runs.
pub(super) async fn accept(listener: UnixListener, messages: mpsc::UnboundedSender<Message>) {
    let own = rustix::process::geteuid().as_raw();
    for number in 0.. {
        let accepted = listener.accept().await;
        let Ok((stream, _)) = accepted else {
            // Most likely, this process has too many open files. The pause gives it time to close some.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // Other users are refused. The permissions of the folder already prevent their connections.
        let Some(client) = stream.peer_cred().ok().filter(|client| client.uid() == own) else { continue };
        let process = client.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
        spawn(serve_connection(Connection { number, process }, stream, messages.clone()));
    }
}

async fn serve_connection(client: Connection, mut stream: UnixStream, messages: mpsc::UnboundedSender<Message>) {
    // A client that sends no request in time, or an invalid one, is disconnected.
    let received = tokio::time::timeout(RESPONSE_TIMEOUT, receive::<Request>(&mut stream)).await;
    let Ok(Ok(request)) = received else { return };
    let (reply, response) = oneshot::channel();
    let mut is_waiting = request.has_answer();
    let _ = messages.send(Message::Request(client, request, reply));
    let mut end = Disconnect::Lost;
    let mut release = [0; 64];
    tokio::pin!(response);
    loop {
        tokio::select! {
            response = &mut response, if is_waiting => {
                is_waiting = false;
                match response {
                    Ok(reply) if send(&mut stream, &reply).await.is_ok() => {}
                    // The server refuses the request, or the client is gone.
                    _ => break,
                }
            }
            // Any byte after the request is a release.
            read = stream.read(&mut release) => {
                if !matches!(read, Ok(more) if more > 0) {
                    break;
                }
                end = Disconnect::Released;
            }
        }
    }
    let _ = messages.send(Message::Disconnected(client, end));
}
