//! Where an attempt is, told to whoever may have to end it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::inject::sleep;
use crate::model::{CaseIndex, Phase};
use crate::process::{Beacon, Position, Pulse, monotonic};

/// Keeps the beacon up to date for one attempt.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    beacon: Rc<Beacon>,
    pulse: Pulse,
    position: Rc<Cell<Position>>,
}

impl Watch {
    pub(super) fn new(beacon: &Rc<Beacon>, pulse: Pulse) -> Self {
        let idle = Position { case: None, phase: Phase::Teardown, deadline: None };
        Self { beacon: Rc::clone(beacon), pulse, position: Rc::new(Cell::new(idle)) }
    }

    /// Waits for so long, not counting the time in which the process was stopped.
    pub(super) async fn running_for(&self, limit: Duration) {
        let mut left = limit;
        while !left.is_zero() {
            let (began, stopped) = (monotonic(), self.pulse.stopped());
            sleep(left).await;
            if monotonic().saturating_sub(began) > left + Pulse::LATE {
                // The next beat tells whether the process was stopped, or only busy.
                sleep(Pulse::BEAT * 2).await;
            }
            left = self.pulse.stopped().saturating_sub(stopped);
        }
    }

    /// The worker holds this case now, or none; the beacon shows it from the next [`Self::begin`] on.
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
        self.beacon.show(position);
    }
}
