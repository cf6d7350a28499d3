//! The protocol between a client and the session server: on each connection, the client sends one request and receives at most one
//! answer.
//!
//! Leases, locks, watches and keep-alives last as long as their connection. When a client ends, the system closes its connections,
//! and so the server notices the end.

use std::io::{self, Write};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::model::{Lock, Mark, Problem, SessionEnd};

/// The most bytes of a frame's body. A greater length means that the data is damaged.
const MAX_BODY_BYTES: u32 = 1 << 28;

/// A request of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// Requests the value of a session fixture. The server sets the fixture up at the first request.
    Fetch {
        /// The build of the client's binary, because the keys of fixtures are valid only for one build.
        build: u64,
        /// The key of the fixture.
        fixture: u64,
    },
    /// The client writes a ledger. The server executes the ledger when this connection ends. There is no answer.
    Lease,
    /// Requests locks, which are held as long as the connection is open.
    Lock {
        /// The locks, which are granted together.
        locks: Vec<Lock>,
    },
    /// Keeps the session alive as long as this connection is open, because the client keeps the resources of a failed test.
    Keep,
    /// When this connection ends without a release, the server kills everything with this mark. There is no answer.
    Watch {
        /// The mark.
        mark: Mark,
    },
    /// Waits for the recovery of a process that has ended. The server answers when all resources of the process are given back.
    AwaitRecovery {
        /// The pid.
        process: u32,
    },
    /// The run is over, or the service shall be kept no longer. The server ends the session and answers with the result.
    Finish,
    /// Leases the service that the session keeps, as long as the connection is open. The server answers with the value of its fixture.
    LeaseService {
        /// How long the service stays after this lease.
        keep: Duration,
        /// What becomes of the service if the run is killed.
        after_kill: AfterKill,
    },
}

impl Request {
    /// Whether the server answers this request.
    pub(super) fn has_answer(&self) -> bool {
        !matches!(self, Self::Lease | Self::Watch { .. })
    }
}

/// What becomes of a kept service when the run that uses it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterKill {
    /// It stays, because the next run can remove what the killed run has left.
    Keep,
    /// It ends, because only the killed run knew what it would leave.
    End,
}

/// An answer of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The value of the fixture, as JSON.
    Value(String),
    /// The setup of the fixture failed.
    Failed(Problem),
    /// The fixture skips the tests that use it, for this reason.
    Skipped(String),
    /// The server and the client are of different builds.
    OtherBuild,
    /// The client has the locks, the session is kept alive, or the recovery of the process has ended.
    Granted,
    /// A run uses the service that the session keeps.
    InUse,
    /// The session has ended with this result. If the session is kept alive, the result is preliminary.
    Finished(SessionEnd),
}

/// Encodes a frame: the length of the body (32 bits, little endian), and the body as JSON.
fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// Sends a frame on a blocking socket.
pub(super) fn send_blocking(mut to: impl Write, message: &impl Serialize) -> io::Result<()> {
    to.write_all(&encode(message)?)
}

/// Sends a frame.
pub(super) async fn send(to: &mut UnixStream, message: &impl Serialize) -> io::Result<()> {
    to.write_all(&encode(message)?).await
}

/// Receives a frame.
pub(super) async fn receive<T: DeserializeOwned>(from: &mut UnixStream) -> io::Result<T> {
    let mut head = [0; 4];
    from.read_exact(&mut head).await?;
    let length = u32::from_le_bytes(head);
    if length > MAX_BODY_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is longer than any message"));
    }
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body).await?;
    Ok(serde_json::from_slice(&body)?)
}
