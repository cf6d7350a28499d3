//! Where an attempt is, told to whoever may have to end it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::model::{CaseIndex, Phase};
use crate::process::{Beacon, Position, monotonic};

/// Keeps the beacon up to date for one attempt.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    beacon: Rc<Beacon>,
    position: Rc<Cell<Position>>,
}

impl Watch {
    pub(super) fn new(beacon: &Rc<Beacon>) -> Self {
        let idle = Position { case: None, phase: Phase::Teardown, deadline: None };
        Self { beacon: Rc::clone(beacon), position: Rc::new(Cell::new(idle)) }
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
