//! What fixtures report about the test that uses them.

use std::collections::VecDeque;
use std::fmt;

use super::calls::CallObserver;
use crate::model::{CallObservations, Exchange, Failure, MAX_EXCHANGES, Note};

/// Completes an exchange with its texts. That takes longer than a small exchange, and most exchanges of a test with many are not kept.
type Complete = Box<dyn FnOnce(&mut Exchange) + Send>;

/// The reports of all fixtures of one attempt, so far.
#[derive(Default)]
pub(super) struct CollectedReports {
    pub(super) notes: Vec<Note>,
    pub(super) failures: Vec<Failure>,
    exchanges: VecDeque<(Exchange, Complete)>,
    /// Observes the calls of the code under test, if the run does.
    pub(super) calls: Option<CallObserver>,
}

/// The reports of all fixtures of one attempt.
#[derive(Debug, Default)]
pub(crate) struct FixtureReports {
    pub(crate) notes: Vec<Note>,
    pub(crate) exchanges: Vec<Exchange>,
    /// The failures that are not failures of the body: a request that nothing answered, or a stub that nothing used.
    pub(crate) failures: Vec<Failure>,
    /// What was observed of the calls of the code under test.
    pub(crate) calls: Option<Box<CallObservations>>,
}

impl CollectedReports {
    pub(super) fn new(calls: Option<CallObserver>) -> Self {
        Self { calls, ..Self::default() }
    }

    pub(super) fn add_exchange(&mut self, exchange: Exchange, complete: Complete) {
        if self.exchanges.len() == MAX_EXCHANGES {
            self.exchanges.pop_front();
        }
        self.exchanges.push_back((exchange, complete));
    }

    pub(super) fn complete(self) -> FixtureReports {
        let Self { notes, failures, exchanges, calls } = self;
        let complete = |(mut exchange, complete): (Exchange, Complete)| {
            complete(&mut exchange);
            exchange
        };
        let calls = calls.map(|calls| Box::new(calls.observations));
        FixtureReports { notes, failures, exchanges: exchanges.into_iter().map(complete).collect(), calls }
    }
}

impl fmt::Debug for CollectedReports {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CollectedReports").finish_non_exhaustive()
    }
}
