//! Counts for the run's summary how many databases of a worker were recycled and how many were not, with the reasons.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use itest_runtime::__private::Remark;
use itest_runtime::TestId;

/// Why a database is not used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotRecycled {
    /// The reason has the same text for all tests with the same problem, so that the summary can count them together.
    reason: String,
    /// The part that differs between such tests, for example the message of the database.
    detail: Option<String>,
}

impl NotRecycled {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), detail: None }
    }

    pub(crate) fn with(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

impl From<sqlx::Error> for NotRecycled {
    fn from(error: sqlx::Error) -> Self {
        Self::new("it cannot be given back as it was").with(crate::database::describe(&error))
    }
}

/// Counts the databases that were given back to a worker.
#[derive(Debug)]
pub(crate) struct Recycling {
    counted: Mutex<Remark>,
}

impl Recycling {
    /// A new count. `product` is the database server.
    pub(crate) fn of(product: &str) -> Self {
        Self { counted: Mutex::new(Remark::new(format!("databases of {product} replaced by new clones"))) }
    }

    /// Counts a database that was recycled.
    pub(crate) fn succeeded(&self) {
        self.counted().avoided();
    }

    /// Counts a database that is replaced by a clone, and writes a message to the test's output, because the next test takes longer.
    pub(crate) fn failed(&self, database: &str, test: &TestId, NotRecycled { reason, detail }: &NotRecycled) {
        let detail = detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
        let _ = writeln!(std::io::stderr(), "itest: {database} is replaced by a new clone: {reason}{detail}");
        self.counted().happened(reason.as_str(), test);
    }

    /// The remark for the run's summary.
    pub(crate) fn remark(&self) -> Remark {
        self.counted().clone()
    }

    fn counted(&self) -> MutexGuard<'_, Remark> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
