//! What fixtures report about the test that uses them.

use std::collections::VecDeque;
use std::fmt;

use crate::model::{Exchange, Failure, Note};

/// The most exchanges that are kept of a test: the last ones, because they are the closest to a failure.
const MAX_EXCHANGES: usize = 100;

/// Completes an exchange with its texts. That takes longer than a small exchange, and most exchanges of a test with many are not kept.
type Complete = Box<dyn FnOnce(&mut Exchange) + Send>;

/// The reports of all fixtures of one attempt, so far.
#[derive(Default)]
pub(super) struct CollectedReports {
    pub(super) notes: Vec<Note>,
    pub(super) failures: Vec<Failure>,
    exchanges: VecDeque<(Exchange, Complete)>,
}

/// The reports of all fixtures of one attempt.
#[derive(Debug, Default)]
pub(crate) struct FixtureReports {
    pub(crate) notes: Vec<Note>,
    pub(crate) exchanges: Vec<Exchange>,
    /// The failures that are not failures of the body: a request that nothing answered, or a stub that nothing used.
    pub(crate) failures: Vec<Failure>,
}

impl CollectedReports {
    pub(super) fn add_exchange(&mut self, exchange: Exchange, complete: Complete) {
        if self.exchanges.len() == MAX_EXCHANGES {
            self.exchanges.pop_front();
        }
        self.exchanges.push_back((exchange, complete));
    }

    pub(super) fn complete(self) -> FixtureReports {
        let Self { notes, failures, exchanges } = self;
        let complete = |(mut exchange, complete): (Exchange, Complete)| {
            complete(&mut exchange);
            exchange
        };
        FixtureReports { notes, failures, exchanges: exchanges.into_iter().map(complete).collect() }
    }
}

impl fmt::Debug for CollectedReports {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CollectedReports").finish_non_exhaustive()
    }
}
