//! Decides which workers hang, from what they publish and from the limits of the run.

use std::time::Duration;

use super::handle::WorkerHandle;
use super::state::KillReason;
use crate::model::{Limits, Phase};

/// How long a cancelled test may take to end.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// Ends a worker that hangs. `now` is the monotonic clock that deadlines use, and `cancelled` is how long ago the run has cancelled its
/// tests, if it has.
pub(super) fn end_if_hanging(worker: &mut WorkerHandle, now: Duration, cancelled: Option<Duration>, limits: &Limits) {
    worker.check_for_silent_end();
    let ignores_cancellation =
        worker.phase() != Some(Phase::Teardown) && cancelled.is_some_and(|ago| ago > CANCEL_TIMEOUT);
    if ignores_cancellation || worker.is_startup_overdue() {
        worker.kill(KillReason::RunEnded);
    } else if let Some((phase, _)) = worker.overrun(now).filter(|(_, overrun)| *overrun > Limits::GRACE) {
        worker.kill_for_overrun(phase);
    } else if is_lost(worker, limits) {
        worker.kill_for_overrun(Phase::Body);
    }
}

/// Whether the worker publishes no position for longer than its test may take.
fn is_lost(worker: &WorkerHandle, limits: &Limits) -> bool {
    let limit = limits.of_test(worker.own_timeout()).saturating_add(Limits::GRACE);
    worker.time_without_position().is_some_and(|elapsed| elapsed > limit)
}
