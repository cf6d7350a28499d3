//! What the session's server hears, and from whom.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::wire::{Reply, Request};
use crate::inject::{Caught, FixtureDescriptor, Ledger};
use crate::model::SessionConfig;

/// Which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Connection(pub(super) u64);

/// Everything that can happen to a session.
#[derive(Debug)]
pub(super) enum Heard {
    /// A client asks.
    Asked(Connection, Request, oneshot::Sender<Reply>),
    /// A session fixture asks for another one.
    Needed(&'static FixtureDescriptor, oneshot::Sender<Reply>),
    /// A client is gone.
    Gone(Connection),
    /// A session fixture was made, or not.
    Made(u64, Result<Made, Caught>),
    /// The run is over, without anyone having said so.
    Over,
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
