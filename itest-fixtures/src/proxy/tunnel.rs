//! What all connections through a proxy have in common.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Instant;

use super::upstream::UpstreamAddress;

/// The size of the buffer for each direction.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The client or the service has closed it.
    Closed,
    /// The proxy resets it.
    Reset,
    /// The proxy resets it when the client has read the last answer.
    ResetAfterAnswer,
}

/// A connection to the service.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects to the service.
pub(super) async fn connect(address: &UpstreamAddress) -> io::Result<Box<dyn Stream>> {
    Ok(match address {
        UpstreamAddress::Tcp(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        UpstreamAddress::Unix(path) => Box::new(UnixStream::connect(path).await?),
    })
}

/// Makes the system send a reset when the stream is dropped.
pub(crate) fn reset_on_drop(stream: &TcpStream) {
    // The option can be set on every socket. If the peer has closed the connection, there is nothing to reset.
    let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
}

/// How fast the bytes of one direction pass, and how many.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    /// The delay of each part.
    pub(super) delay: Duration,
    /// The most bytes in a second.
    pub(super) bytes_per_second: Option<u32>,
    /// How many bytes pass before the connection is reset.
    pub(super) bytes_left: Option<u64>,
}

/// Copies bytes until their sender closes its side, then closes that of the receiver. Counts the bytes.
pub(super) async fn copy(
    from: impl AsyncRead,
    to: impl AsyncWrite,
    mut pace: Pace,
    copied: &mut u64,
) -> io::Result<End> {
    let (mut from, mut to) = (pin!(from), pin!(to));
    let size = pace.bytes_per_second.map_or(BUFFER_BYTES, |bytes| BUFFER_BYTES.min(1 + bytes as usize / 20));
    let mut buffer = vec![0; size];
    loop {
        let began = Instant::now();
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            to.shutdown().await?;
            return Ok(End::Closed);
        }
        if !pace.delay.is_zero() {
            tokio::time::sleep(pace.delay).await;
        }
        let passing = pace.bytes_left.map_or(length, |left| length.min(usize::try_from(left).unwrap_or(length)));
        to.write_all(&buffer[..passing]).await?;
        *copied += passing as u64;
        if let Some(left) = &mut pace.bytes_left {
            *left -= passing as u64;
            if *left == 0 {
                to.flush().await?;
                return Ok(End::ResetAfterAnswer);
            }
        }
        if let Some(bytes) = pace.bytes_per_second {
            let duration = Duration::from_secs(passing as u64) / bytes.max(1);
            tokio::time::sleep_until(began + duration).await;
        }
    }
}
