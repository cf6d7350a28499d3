//! The errors that end a command without a result.

use crate::model::{HarnessError, UsageError};

/// An error that ends a command without a result. Its kind determines the exit code.
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
