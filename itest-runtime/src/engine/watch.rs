//! Where an attempt is, told to whoever may have to end it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::inject::sleep;
use crate::model::{CaseIndex, Phase};
use crate::process::{Position, StatusFile, StopDetector, monotonic};

/// Keeps the status file up to date for one attempt.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    status_file: Rc<StatusFile>,
    stop_detector: StopDetector,
    position: Rc<Cell<Position>>,
}

impl Watch {
    pub(super) fn new(status_file: &Rc<StatusFile>, stop_detector: StopDetector) -> Self {
        let idle = Position { case: None, phase: Phase::Teardown, deadline: None };
        Self { status_file: Rc::clone(status_file), stop_detector, position: Rc::new(Cell::new(idle)) }
    }

    /// Waits for so long, not counting the time in which the process was stopped.
    pub(super) async fn running_for(&self, limit: Duration) {
        let mut left = limit;
        while !left.is_zero() {
            let (began, stopped) = (monotonic(), self.stop_detector.stopped());
            sleep(left).await;
            if monotonic().saturating_sub(began) > left + StopDetector::MIN_STOP {
                // The next beat tells whether the process was stopped, or only busy.
                sleep(StopDetector::INTERVAL * 2).await;
            }
            left = self.stop_detector.stopped().saturating_sub(stopped);
        }
    }

    /// The worker holds this case now, or none; the status file shows it from the next [`Self::begin`] on.
    pub(super) fn holds(&self, case: Option<CaseIndex>) {
        self.position.set(Position { case, phase: Phase::Setup, deadline: None });
    }

    /// A stretch with a budget of its own begins.
    pub(super) fn begin(&self, phase: Phase, limit: Duration) {
        // A limit beyond what the clock can hold is no limit.
        let deadline = monotonic().checked_add(limit);
        self.show(Position { phase, deadline, ..self.position.get() });
    }

    /// Another phase of the body begins; setup and teardown are stretches of their own.
    pub(super) fn enter(&self, phase: Phase) {
        let position = self.position.get();
        if matches!(phase, Phase::Arrange | Phase::Act | Phase::Assert) {
            self.show(Position { phase, ..position });
        }
    }

    fn show(&self, position: Position) {
        self.position.set(position);
        self.status_file.write_position(position);
    }
}
