//! What fixtures report about the test that uses them.

use crate::model::{Exchange, Failure, Note};

/// The most exchanges that are kept of a test: the last ones, because they are the closest to a failure.
const MAX_EXCHANGES: usize = 100;

/// The reports of all fixtures of one attempt.
#[derive(Debug, Default)]
pub(crate) struct FixtureReports {
    pub(crate) notes: Vec<Note>,
    pub(crate) exchanges: Vec<Exchange>,
    /// The failures that are not failures of the body: a request that nothing answered, or a stub that nothing used.
    pub(crate) failures: Vec<Failure>,
}

impl FixtureReports {
    pub(super) fn add_exchange(&mut self, exchange: Exchange) {
        if self.exchanges.len() == MAX_EXCHANGES {
            self.exchanges.remove(0);
        }
        self.exchanges.push(exchange);
    }
}
