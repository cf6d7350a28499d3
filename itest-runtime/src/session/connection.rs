//! One connection of a client: which process it is, what it requests, and when it ends.

use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use super::message::{Connection, Disconnect, Message};
use super::wire::{Request, receive, send};
use crate::model::RESPONSE_TIMEOUT;

/// Lets clients in, as long as the server lives.
pub(super) async fn accept(listener: UnixListener, messages: mpsc::UnboundedSender<Message>) {
    let own = rustix::process::geteuid().as_raw();
    for number in 0.. {
        let accepted = listener.accept().await;
        let Ok((stream, _)) = accepted else {
            // Too many open files, most likely: they become fewer.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // The folder keeps other users out; this does so too.
        let Some(client) = stream.peer_cred().ok().filter(|client| client.uid() == own) else { continue };
        let process = client.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
        tokio::spawn(converse(Connection { number, process }, stream, messages.clone()));
    }
}

async fn converse(client: Connection, mut stream: UnixStream, messages: mpsc::UnboundedSender<Message>) {
    // A client that sends nothing, or nonsense, is not waited for.
    let received = tokio::time::timeout(RESPONSE_TIMEOUT, receive::<Request>(&mut stream)).await;
    let Ok(Ok(request)) = received else { return };
    let (reply, response) = oneshot::channel();
    let mut is_waiting = request.has_answer();
    let _ = messages.send(Message::Request(client, request, reply));
    let mut end = Disconnect::Lost;
    let mut rest = [0; 64];
    tokio::pin!(response);
    loop {
        tokio::select! {
            response = &mut response, if is_waiting => {
                is_waiting = false;
                match response {
                    Ok(reply) if send(&mut stream, &reply).await.is_ok() => {}
                    // The request is refused.
                    _ => break,
                }
            }
            read = stream.read(&mut rest) => {
                if !matches!(read, Ok(more) if more > 0) {
                    break;
                }
                end = Disconnect::Released;
            }
        }
    }
    let _ = messages.send(Message::Disconnected(client, end));
}
