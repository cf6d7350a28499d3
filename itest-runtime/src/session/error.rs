//! The errors of using the session.

use std::io;

use thiserror::Error;

use super::folder::SessionFolder;
use crate::inject::Caught;
use crate::model::Problem;

/// An error of using the session.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum SessionError {
    /// The session's folder cannot be created, or the server's process cannot be started.
    #[error("the session server cannot be started")]
    CannotStart {
        /// The cause.
        source: io::Error,
    },
    /// The session server was started and has died.
    #[error("the session server died{log}")]
    Died {
        /// The end of the server's log, as the rest of the sentence.
        log: String,
    },
    /// The test binary was replaced during the run.
    #[error("the session server is of another build; the test binary was replaced while it ran: run it again")]
    OtherBuild,
    /// The ledger of this process cannot be created.
    #[error("the ledger cannot be opened")]
    Ledger {
        /// The cause.
        source: io::Error,
    },
}

impl SessionError {
    pub(super) fn died(folder: &SessionFolder) -> Self {
        let log = match folder.end_of_log() {
            log if log.is_empty() => ", and its log is empty".to_owned(),
            log => format!("; the end of its log:\n{log}"),
        };
        Self::Died { log }
    }

    /// The error with its cause, for the report of a test.
    #[must_use]
    pub(crate) fn chain(&self) -> String {
        std::error::Error::source(self).map_or_else(|| self.to_string(), |cause| format!("{self}: {cause}"))
    }

    pub(super) fn caught(&self) -> Caught {
        Caught::Panic(Problem::new(self.chain()))
    }
}
