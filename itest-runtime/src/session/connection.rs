//! One conversation with a client: who it is, what it asks, and when it is gone.

use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use super::heard::{Connection, Heard};
use super::wire::{receive, send};
use crate::model::PATIENCE;

/// Lets clients in, as long as the server lives.
pub(super) async fn accept(listener: UnixListener, heard: mpsc::UnboundedSender<Heard>) {
    let own = rustix::process::geteuid().as_raw();
    for number in 0.. {
        let accepted = listener.accept().await;
        let Ok((stream, _)) = accepted else {
            // Too many open files, most likely: they become fewer.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // The folder keeps others out; this does so too.
        if stream.peer_cred().is_ok_and(|peer| peer.uid() == own) {
            tokio::spawn(converse(Connection(number), stream, heard.clone()));
        }
    }
}

async fn converse(client: Connection, mut stream: UnixStream, heard: mpsc::UnboundedSender<Heard>) {
    // Who says nothing, or nonsense, is not waited for.
    let asked = tokio::time::timeout(PATIENCE, receive(&mut stream)).await;
    let Ok(Ok(request)) = asked else { return };
    let (reply, told) = oneshot::channel();
    let _ = heard.send(Heard::Asked(client, request, reply));
    let mut rest = [0; 64];
    tokio::pin!(told);
    let mut waiting = true;
    loop {
        tokio::select! {
            reply = &mut told, if waiting => {
                waiting = false;
                if let Ok(reply) = reply
                    && send(&mut stream, &reply).await.is_err()
                {
                    break;
                }
            }
            read = stream.read(&mut rest) => {
                if !matches!(read, Ok(more) if more > 0) {
                    break;
                }
            }
        }
    }
    let _ = heard.send(Heard::Gone(client));
}
