//! The state of a worker, from its start to its end.

use std::time::{Duration, Instant};

use crate::model::Phase;

/// How long a worker may take to send its first message.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(30);

/// The state of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WorkerState {
    /// It has not sent its first message.
    Starting {
        since: Instant,
    },
    Ready,
    /// It has torn its fixtures down and sends nothing more.
    ShutDown,
    /// The supervisor has ended it, or ends it as soon as it can.
    Killed(KillReason),
}

/// Why the supervisor ended a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KillReason {
    /// The running case overran its deadline.
    Overrun {
        phase: Phase,
        /// The processes of the test that were stopped at that moment.
        stopped_processes: Vec<String>,
    },
    /// The worker sent a message that the supervisor cannot decode.
    ProtocolError,
    /// The run ends at once.
    RunEnded,
}

impl WorkerState {
    /// The state of a worker that starts now.
    pub(super) fn starting() -> Self {
        Self::Starting { since: Instant::now() }
    }

    /// Notes that the first message has arrived.
    pub(super) fn become_ready(&mut self) {
        if let Self::Starting { .. } = self {
            *self = Self::Ready;
        }
    }

    /// Notes that the worker has torn its fixtures down. A worker that was killed meanwhile stays killed.
    pub(super) fn shut_down(&mut self) {
        if let Self::Starting { .. } | Self::Ready = self {
            *self = Self::ShutDown;
        }
    }

    /// Notes that the worker is ended by force. The first reason stays.
    pub(super) fn kill(&mut self, reason: KillReason) {
        if !self.is_killed() {
            *self = Self::Killed(reason);
        }
    }

    pub(super) fn is_killed(&self) -> bool {
        matches!(self, Self::Killed(_))
    }

    /// Whether the worker should have sent its first message by now.
    pub(super) fn is_startup_overdue(&self) -> bool {
        matches!(self, Self::Starting { since } if since.elapsed() > STARTUP_TIMEOUT)
    }

    /// Takes a pause of the worker out of the time that it has for its start.
    pub(super) fn pause(&mut self, paused: Duration) {
        if let Self::Starting { since } = self {
            *since += paused;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_kill_reason_stays_and_no_message_revives_a_killed_worker() {
        let mut state = WorkerState::starting();
        state.kill(KillReason::ProtocolError);
        state.kill(KillReason::RunEnded);
        state.become_ready();
        state.shut_down();
        assert_eq!(state, WorkerState::Killed(KillReason::ProtocolError));
    }

    #[test]
    fn worker_that_has_shut_down_does_not_become_ready_again() {
        let mut state = WorkerState::starting();
        state.become_ready();
        state.shut_down();
        state.become_ready();
        assert_eq!(state, WorkerState::ShutDown);
    }

    #[test]
    fn pause_of_the_run_does_not_count_as_startup_time() {
        let Some(since) = Instant::now().checked_sub(STARTUP_TIMEOUT * 2) else { return };
        let mut state = WorkerState::Starting { since };
        assert!(state.is_startup_overdue());
        state.pause(STARTUP_TIMEOUT * 2);
        assert!(!state.is_startup_overdue());
    }
}
