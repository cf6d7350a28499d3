//! A client that begins a frame and never ends it.

use std::net::SocketAddr;

use itest::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Sends the beginning of a frame, and then bytes of it until the connection ends.
pub(crate) async fn send_endless_frame(address: SocketAddr, beginning: &[u8]) -> Result<()> {
    const MAX_MEBIBYTES: usize = 200;
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(beginning).await?;
    let mebibyte = vec![b'x'; 1 << 20];
    for _ in 0..MAX_MEBIBYTES {
        if stream.write_all(&mebibyte).await.is_err() {
            return Ok(());
        }
    }
    Err(format!("{MAX_MEBIBYTES} MiB of a frame were accepted").into())
}
