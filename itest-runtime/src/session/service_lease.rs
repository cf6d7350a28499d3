//! The lease of the service that a session keeps: one run at a time has it, and the service ends when no run has had it for a time.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::message::{Connection, Disconnect};
use super::wire::{AfterKill, Reply};
use crate::inject::FixtureDescriptor;
use crate::model::RESPONSE_TIMEOUT;

/// The lease of a kept service.
///
/// Only one run at a time has the lease. So the next run can remove whatever is left on the service without harm to another run, and a test
/// that overloads or kills the service disturbs its own run only.
#[derive(Debug)]
pub(super) struct ServiceLease {
    fixture: &'static FixtureDescriptor,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A run uses the service, which stays for this time after the lease.
    Leased { run: Connection, keep: Duration, after_kill: AfterKill },
    /// No run uses the service.
    Free { expiry: Instant },
}

impl ServiceLease {
    /// The lease of a service that no run uses yet. The run that has created the session requests it soon.
    pub(super) fn new(fixture: &'static FixtureDescriptor) -> Self {
        Self { fixture, state: State::Free { expiry: Instant::now() + RESPONSE_TIMEOUT } }
    }

    /// Leases the service to a run, and returns its fixture with the channel for the fixture's value. If another run has the lease, the
    /// request is answered at once.
    pub(super) fn request(
        &mut self,
        run: Connection,
        (keep, after_kill): (Duration, AfterKill),
        reply: oneshot::Sender<Reply>,
    ) -> Option<(&'static FixtureDescriptor, oneshot::Sender<Reply>)> {
        if self.is_leased() {
            let _ = reply.send(Reply::InUse);
            return None;
        }
        self.state = State::Leased { run, keep, after_kill };
        Some((self.fixture, reply))
    }

    /// Ends the lease, if this connection has it.
    pub(super) fn release(&mut self, connection: Connection, end: Disconnect) {
        if let State::Leased { run, keep, after_kill } = self.state
            && run == connection
        {
            let keep = if (end, after_kill) == (Disconnect::Lost, AfterKill::End) { Duration::ZERO } else { keep };
            self.state = State::Free { expiry: Instant::now() + keep };
        }
    }

    /// Whether a run uses the service.
    pub(super) fn is_leased(&self) -> bool {
        matches!(self.state, State::Leased { .. })
    }

    /// When the service ends, unless a run leases it before. The clock is monotonic, so a change of the system's time has no effect.
    pub(super) fn expiry(&self) -> Option<Instant> {
        match self.state {
            State::Leased { .. } => None,
            State::Free { expiry } => Some(expiry),
        }
    }
}
