//! Publishes the position of an attempt, so that the supervisor can end a worker that hangs.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::inject::sleep;
use crate::model::{CaseIndex, Phase};
use crate::process::{Position, StatusFile, StopDetector, monotonic};

/// Writes the position of the running attempt to the status file of the worker.
#[derive(Debug, Clone)]
pub(super) struct PositionPublisher {
    status_file: Rc<StatusFile>,
    stop_detector: StopDetector,
    position: Rc<Cell<Position>>,
}

impl PositionPublisher {
    pub(super) fn new(status_file: &Rc<StatusFile>, stop_detector: StopDetector) -> Self {
        let idle = Position { case: None, phase: Phase::Teardown, deadline: None };
        Self { status_file: Rc::clone(status_file), stop_detector, position: Rc::new(Cell::new(idle)) }
    }

    /// Waits until the process has run for this time. The time in which the process was stopped does not count.
    pub(super) async fn wait_running_time(&self, limit: Duration) {
        let mut remaining = limit;
        while !remaining.is_zero() {
            let (began, stopped) = (monotonic(), self.stop_detector.stopped());
            sleep(remaining).await;
            if monotonic().saturating_sub(began) > remaining + StopDetector::MIN_STOP {
                // The detector needs one more interval to tell a stopped process from a busy one.
                sleep(StopDetector::INTERVAL * 2).await;
            }
            remaining = self.stop_detector.stopped().saturating_sub(stopped);
        }
    }

    /// Sets the case that the worker runs. The status file shows the case from the next [`Self::begin_phase`] on.
    pub(super) fn set_case(&self, case: Option<CaseIndex>) {
        self.position.set(Position { case, phase: Phase::Setup, deadline: None });
    }

    /// Publishes that a phase with its own time limit begins.
    pub(super) fn begin_phase(&self, phase: Phase, limit: Duration) {
        // A deadline that the clock cannot represent is no deadline.
        let deadline = monotonic().checked_add(limit);
        self.publish(Position { phase, deadline, ..self.position.get() });
    }

    /// Publishes the next phase of the body. The deadline of the body stays. Setup and teardown use [`Self::begin_phase`].
    pub(super) fn enter_body_phase(&self, phase: Phase) {
        let position = self.position.get();
        if matches!(phase, Phase::Arrange | Phase::Act | Phase::Assert) {
            self.publish(Position { phase, ..position });
        }
    }

    fn publish(&self, position: Position) {
        self.position.set(position);
        self.status_file.write_position(position);
    }
}
