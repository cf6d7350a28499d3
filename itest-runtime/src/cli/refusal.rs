//! Why there is no summary.

use crate::model::{HarnessError, UsageError};

/// Why there is no summary.
#[derive(Debug)]
pub(super) enum Refusal {
    Usage(UsageError),
    NothingMatched(UsageError),
    Harness(HarnessError),
}

impl From<UsageError> for Refusal {
    fn from(error: UsageError) -> Self {
        Self::Usage(error)
    }
}

impl From<HarnessError> for Refusal {
    fn from(error: HarnessError) -> Self {
        Self::Harness(error)
    }
}
