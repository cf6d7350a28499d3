//! Guards whose effect in the session lasts as long as their connection to the session server.

use std::fs::File;
use std::os::fd::{AsFd, IntoRawFd};
use std::os::unix::net::UnixStream;

use rustix::net::SendFlags;
use tokio::net::UnixStream as Connection;

/// Keeps the session alive, also after the end of its run.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    /// The log of the session, to which the process writes its output from now on.
    pub log: File,
    pub(super) connection: Connection,
}

impl KeepAlive {
    /// Returns when the session server has died, so that the session is no longer kept alive.
    ///
    /// # Cancel safety
    ///
    /// It can be cancelled and called again.
    pub(crate) async fn ended(&self) {
        let _ = self.connection.readable().await;
    }
}

/// The locks that the running test of this process holds. Dropping the guard releases them.
#[derive(Debug)]
pub(crate) struct LockGuard {
    pub(super) connection: Connection,
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        // Without this message, the server would hold the locks until it has executed the ledger of this process.
        release(&self.connection);
    }
}

/// Makes the session server kill the descendants of this process when this process ends, unless the watch is released first.
#[derive(Debug)]
pub(crate) struct ProcessWatch {
    pub(super) connection: Option<UnixStream>,
}

impl ProcessWatch {
    /// Ends the watch without killing anything, because this process has ended what its tests started.
    pub(crate) fn release(mut self) {
        if let Some(connection) = self.connection.take() {
            release(&connection);
        }
    }
}

impl Drop for ProcessWatch {
    fn drop(&mut self) {
        // The connection must stay open until this process ends. If it were closed here, the server would kill this process too,
        // because it has the same mark.
        let _ = self.connection.take().map(IntoRawFd::into_raw_fd);
    }
}

/// Tells the server that the client closes the connection on purpose, and not because its process has ended.
fn release(connection: &impl AsFd) {
    let _ = rustix::net::send(connection, b"r", SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}
