//! What a process has of the session for as long as a connection lasts.

use std::fs::File;
use std::os::fd::{AsFd, IntoRawFd};
use std::os::unix::net::UnixStream;

use rustix::net::SendFlags;
use tokio::net::UnixStream as Connection;

/// A session that is kept.
#[derive(Debug)]
pub(crate) struct Keeping {
    /// Where to write to from now on.
    pub log: File,
    pub(super) connection: Connection,
}

impl Keeping {
    /// Returns when the session is not kept any more, because its server has died.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub(crate) async fn ended(&self) {
        let _ = self.connection.readable().await;
    }
}

/// Locks of this process's test; dropped, they are free again.
#[derive(Debug)]
pub(crate) struct LockGuard {
    pub(super) connection: Connection,
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        // Without this, the locks would be held until the ledger of this process is executed.
        release(&self.connection);
    }
}

/// Everything that this process starts is ended with it, unless this is released.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(super) connection: Option<UnixStream>,
}

impl Watch {
    /// This process has ended what its tests started.
    pub(crate) fn release(mut self) {
        if let Some(connection) = self.connection.take() {
            release(&connection);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It ends with the process and not before: the process would be killed with what it has started.
        let _ = self.connection.take().map(IntoRawFd::into_raw_fd);
    }
}

/// Tells the server that a connection ends because it is not needed any more, and not because its process has ended.
fn release(connection: &impl AsFd) {
    let _ = rustix::net::send(connection, b"r", SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}
