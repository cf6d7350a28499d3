//! The messages to the session server: from its clients, from its fixtures, and from the system.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::wire::{Reply, Request};
use crate::inject::{Caught, FixtureDescriptor, Ledger};
use crate::model::SessionConfig;

/// A connection of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Connection {
    /// The number of the connection, which distinguishes several connections of one process.
    pub(super) number: u64,
    /// The pid of the client.
    pub(super) process: u32,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disconnect {
    /// The client has released the connection, because it no longer needs it.
    Released,
    /// The client has closed the connection without a release, most likely because its process has ended.
    Lost,
}

/// An event for the session server.
#[derive(Debug)]
pub(super) enum Message {
    /// A client has sent a request.
    Request(Connection, Request, oneshot::Sender<Reply>),
    /// A session fixture needs the value of another session fixture.
    Need(&'static FixtureDescriptor, oneshot::Sender<Reply>),
    /// The connection of a request has ended.
    Disconnected(Connection, Disconnect),
    /// The setup of a session fixture has ended. The number is the key of the fixture.
    Made(u64, Result<Made, Caught>),
    /// The owner of the session has ended, so that the run is over.
    OwnerEnded,
}

/// The value of a session fixture.
#[derive(Debug)]
pub(super) struct Made {
    /// The value, as JSON.
    pub(super) value: String,
    /// The fixture's remark about itself for the summary of the run.
    pub(super) remark: Option<String>,
}

/// The context that every session fixture receives.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) config: SessionConfig,
    pub(super) ledger: Arc<Ledger>,
}
