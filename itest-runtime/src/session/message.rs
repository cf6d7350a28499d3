//! The messages to the session's server: from its clients, from its fixtures, and from the system.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::wire::{Reply, Request};
use crate::inject::{Caught, FixtureDescriptor, Ledger};
use crate::model::SessionConfig;

/// A connection of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Connection {
    /// It tells connections of one process apart.
    pub(super) number: u64,
    /// The client's process.
    pub(super) process: u32,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disconnect {
    /// The client said that it needs no more.
    Released,
    /// The client's process ended, or closed the connection for another reason.
    Lost,
}

/// Everything that can happen to a session.
#[derive(Debug)]
pub(super) enum Message {
    /// A client has a request.
    Request(Connection, Request, oneshot::Sender<Reply>),
    /// A session fixture asks for another one.
    Need(&'static FixtureDescriptor, oneshot::Sender<Reply>),
    /// A connection that had a request has ended.
    Disconnected(Connection, Disconnect),
    /// A session fixture was made, or not.
    Made(u64, Result<Made, Caught>),
    /// The process has ended with which the run is over.
    OwnerEnded,
}

/// A session fixture's value.
#[derive(Debug)]
pub(super) struct Made {
    /// The value, as JSON.
    pub(super) value: String,
    /// What it says of itself in the summary.
    pub(super) remark: Option<String>,
}

/// What every session fixture is given.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) config: SessionConfig,
    pub(super) ledger: Arc<Ledger>,
}
