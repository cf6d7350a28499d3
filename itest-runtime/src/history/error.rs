//! Why a history cannot be used.

use super::address::Address;

/// What failed, and where. A run goes on without its history.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum HistoryError {
    /// The database refuses.
    #[error("the history in {place} cannot be {action}{hint}")]
    Database {
        /// The database, without secrets.
        place: String,
        /// What was being done with it.
        action: &'static str,
        /// What to do about it.
        hint: &'static str,
        /// The reason.
        source: sqlx::Error,
    },
    /// It does not answer.
    #[error("the history in {place} does not answer within {seconds} seconds")]
    Silent {
        /// The database, without secrets.
        place: String,
        /// How long somebody waited.
        seconds: u64,
    },
}

impl HistoryError {
    /// Wraps the driver's error with what was being done.
    pub(super) fn of<E: Into<sqlx::Error>>(address: &Address, action: &'static str) -> impl FnOnce(E) -> Self {
        let place = address.label().to_owned();
        move |source| {
            let source = source.into();
            Self::Database { place, action, hint: hint(&source), source }
        }
    }

    /// Everything in one line.
    #[must_use]
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Database { source, .. } => format!("{self}: {}", source.to_string().replace('\n', " ")),
            Self::Silent { .. } => self.to_string(),
        }
    }
}

/// What SQLite says, in its own words, and what that calls for.
fn hint(error: &sqlx::Error) -> &'static str {
    let text = error.to_string();
    if text.contains("not a database") || text.contains("malformed") {
        " (move the file away: a new one is made)"
    } else if is_locked(error) {
        " (another process holds it)"
    } else if text.contains("is missing in the resolved migrations") {
        " (a later itest has changed it: use that one)"
    } else {
        ""
    }
}

/// Whether somebody else has it at this moment.
pub(super) fn is_locked(error: &sqlx::Error) -> bool {
    let text = error.to_string();
    text.contains("locked") || text.contains("busy")
}
