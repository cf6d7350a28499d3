//! The bytes of one direction, on their way from one side of a connection to the other.

use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::message::{Message, message};
use crate::proxy::tunnel::BUFFER_BYTES;

/// The bytes of one direction that were read and not written yet.
pub(super) struct Passing {
    pub(super) bytes: Vec<u8>,
    /// How many of the bytes may be written.
    ready: usize,
    /// How many bytes of the current message have not been read yet, and may be written when they are.
    expected: u64,
    /// How many bytes of the current message have not been read yet, and are dropped when they are.
    dropped: u64,
}

impl Default for Passing {
    fn default() -> Self {
        Self { bytes: Vec::with_capacity(BUFFER_BYTES), ready: 0, expected: 0, dropped: 0 }
    }
}

impl Passing {
    /// The next message about which something must be decided.
    pub(super) fn next(&mut self) -> Option<Message<'_>> {
        self.advance();
        message(&self.bytes[self.ready..])
    }

    /// Lets the bytes pass, or drops them, that belong to a message about which everything is decided.
    fn advance(&mut self) {
        let unread = self.bytes.len() - self.ready;
        let dropped = unread.min(usize::try_from(self.dropped).unwrap_or(usize::MAX));
        self.bytes.drain(self.ready..self.ready + dropped);
        self.dropped -= dropped as u64;
        let expected = (unread - dropped).min(usize::try_from(self.expected).unwrap_or(usize::MAX));
        self.ready += expected;
        self.expected -= expected as u64;
    }

    /// Lets the next message pass, which has this length.
    pub(super) fn pass(&mut self, length: u64) {
        self.expected = length;
        self.advance();
    }

    /// Drops the next message, which has this length.
    pub(super) fn skip(&mut self, length: u64) {
        self.dropped = length;
    }

    /// Writes the bytes that may pass.
    pub(super) async fn write_to(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if self.ready > 0 {
            to.write_all(&self.bytes[..self.ready]).await?;
            to.flush().await?;
            self.bytes.drain(..self.ready);
            self.ready = 0;
        }
        Ok(())
    }
}
