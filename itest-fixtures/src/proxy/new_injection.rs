//! The injection of a fault into statements or connections that pass a proxy.

use std::panic::Location;

use itest_runtime::{ConnectionFault, Fault};

use super::recorder::{Mounted, Recorder};
use super::statement::StatementPattern;
use crate::injection::Injection;

/// A fault that is not injected yet: [`NewStatementInjection::on`] says which statements get it.
#[derive(Debug)]
#[must_use = "no statement gets the fault until `on` or `on_every_statement` is called"]
pub struct NewStatementInjection<'p> {
    recorder: &'p Recorder,
    fault: Fault,
    location: &'static Location<'static>,
}

impl<'p> NewStatementInjection<'p> {
    #[track_caller]
    pub(super) fn new(recorder: &'p Recorder, fault: Fault) -> Self {
        let is_of_statements = !matches!(
            fault,
            Fault::Status(_) | Fault::RateLimited(_) | Fault::Malformed | Fault::EmptyObject | Fault::Duplicate
        );
        assert!(
            is_of_statements,
            "{fault} is no fault of a statement, and a proxy injects faults into statements of PostgreSQL"
        );
        Self { recorder, fault, location: Location::caller() }
    }

    /// Injects the fault into the statements that match this pattern.
    #[expect(clippy::must_use_candidate, reason = "the fault is injected already")]
    pub fn on(self, pattern: StatementPattern) -> Injection {
        self.mount(Some(pattern))
    }

    /// Injects the fault into all statements, also into `BEGIN` and `COMMIT`.
    #[expect(clippy::must_use_candidate, reason = "the fault is injected already")]
    pub fn on_every_statement(self) -> Injection {
        self.mount(None)
    }

    fn mount(self, pattern: Option<StatementPattern>) -> Injection {
        let injection = Injection::new();
        let Self { recorder, fault, location } = self;
        recorder.inject(Mounted { fault, pattern, injection: injection.clone(), location });
        injection
    }
}

/// A fault that is not injected yet: [`NewConnectionInjection::on_every_connection`] injects it.
#[derive(Debug)]
#[must_use = "no connection gets the fault until `on_every_connection` is called"]
pub struct NewConnectionInjection<'p> {
    recorder: &'p Recorder,
    fault: ConnectionFault,
    location: &'static Location<'static>,
}

impl<'p> NewConnectionInjection<'p> {
    #[track_caller]
    pub(super) fn new(recorder: &'p Recorder, fault: ConnectionFault) -> Self {
        Self { recorder, fault, location: Location::caller() }
    }

    /// Injects the fault into all connections that are made from now on.
    #[expect(clippy::must_use_candidate, reason = "the fault is injected already")]
    pub fn on_every_connection(self) -> Injection {
        let injection = Injection::new();
        let Self { recorder, fault, location } = self;
        recorder.inject_into_connections(Mounted { fault, pattern: (), injection: injection.clone(), location });
        injection
    }
}
