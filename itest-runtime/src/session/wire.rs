//! What clients ask of the session's server: one frame there, one frame back, on a connection of its own for each question.
//!
//! A connection that stays open is a sign of life: what was granted on it ends with it.

use std::io::{self, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::model::{Lock, Mark, Problem, SessionEnd};

/// The longest frame that is believed.
const LONGEST: u32 = 1 << 28;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// The value of a session fixture, which is made on the first request.
    Fetch {
        /// Of the client's binary: fixtures are known by numbers that only one build knows.
        build: u64,
        /// The fixture's key.
        fixture: u64,
    },
    /// "I keep a ledger": it is executed when this connection ends. There is no answer.
    Lease,
    /// All of these locks, for as long as the connection lasts.
    Lock {
        /// They are taken together.
        locks: Vec<Lock>,
    },
    /// "I keep what a failed test has taken": the session lasts as long as this connection.
    Keep,
    /// "When this connection ends without a release, end everything that bears this mark." There is no answer.
    Watch {
        /// The mark.
        mark: Mark,
    },
    /// "This process has ended": the answer comes when everything was given back that it took.
    Settle {
        /// Its number.
        process: u32,
    },
    /// The run is over.
    Finish,
}

impl Request {
    /// Whether there is an answer.
    pub(super) fn has_answer(&self) -> bool {
        !matches!(self, Self::Lease | Self::Watch { .. })
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The fixture's value, as JSON.
    Value(String),
    /// It cannot be made.
    Failed(Problem),
    /// It asked to skip the tests that ask for it.
    Skipped(String),
    /// The server is of another build than the client.
    OtherBuild,
    /// The locks are the client's, the session is kept, or the ended process has nothing any more.
    Granted,
    /// Everything was given back, or not; or it is kept for a while.
    Finished(SessionEnd),
}

/// A frame: the length of its body (32 bits, little endian), and the body as JSON.
fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// Sends a frame, and blocks until it is taken.
pub(super) fn send_now(mut to: impl Write, message: &impl Serialize) -> io::Result<()> {
    to.write_all(&encode(message)?)
}

/// Sends a frame.
pub(super) async fn send(to: &mut UnixStream, message: &impl Serialize) -> io::Result<()> {
    to.write_all(&encode(message)?).await
}

/// Waits for a frame.
pub(super) async fn receive<T: DeserializeOwned>(from: &mut UnixStream) -> io::Result<T> {
    let mut head = [0; 4];
    from.read_exact(&mut head).await?;
    let length = u32::from_le_bytes(head);
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame longer than any message"));
    }
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body).await?;
    Ok(serde_json::from_slice(&body)?)
}
