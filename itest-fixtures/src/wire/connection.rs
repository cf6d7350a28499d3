//! A connection whose end a fault decides.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::Transport;

/// Decides how a connection ends: the service of a stand-in finds this control among the extensions of a request.
#[derive(Debug, Clone)]
pub(super) struct ConnectionControl(Arc<Limits>);

#[derive(Debug)]
struct Limits {
    /// How many more bytes are written before the connection is reset.
    bytes_left: AtomicU64,
    /// Whether the connection is reset as soon as everything is written.
    after_flush: AtomicBool,
}

/// The connection is not reset.
const NO_LIMIT: u64 = u64::MAX;

impl ConnectionControl {
    pub(super) fn new() -> Self {
        Self(Arc::new(Limits { bytes_left: AtomicU64::new(NO_LIMIT), after_flush: AtomicBool::new(false) }))
    }

    /// Resets the connection after this many further bytes.
    pub(super) fn reset_after_bytes(&self, bytes: u64) {
        self.0.bytes_left.store(bytes.min(NO_LIMIT - 1), Ordering::Relaxed);
    }

    /// Resets the connection when everything that is written so far has been sent.
    pub(super) fn reset_after_flush(&self) {
        self.0.after_flush.store(true, Ordering::Relaxed);
    }
}

/// A connection that its [`ConnectionControl`] can reset.
#[derive(Debug)]
pub(super) struct ControlledStream {
    stream: Transport,
    control: ConnectionControl,
    is_reset: bool,
}

impl ControlledStream {
    pub(super) fn new(stream: Transport, control: ConnectionControl) -> Self {
        Self { stream, control, is_reset: false }
    }

    /// Makes the system send a reset when hyper drops the stream, which it does after the error.
    fn reset<T>(&mut self) -> Poll<io::Result<T>> {
        self.is_reset = true;
        self.stream.reset_on_drop()?;
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

impl AsyncRead for ControlledStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ControlledStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.control.0.bytes_left.load(Ordering::Relaxed);
        if left == NO_LIMIT {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        }
        if left == 0 || self.is_reset {
            // TLS may not have sent all bytes that it has accepted.
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            return self.reset();
        }
        let allowed = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..allowed]))?;
        self.control.0.bytes_left.store(left - written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.control.0.bytes_left.load(Ordering::Relaxed) == NO_LIMIT {
            return Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        }
        let first = buffers.iter().find(|buffer| !buffer.is_empty()).map_or(&[][..], |buffer| &**buffer);
        self.poll_write(context, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        if self.control.0.after_flush.load(Ordering::Relaxed) {
            return self.reset();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_reset {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
