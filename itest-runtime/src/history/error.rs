//! Errors of the history.

use super::address::Address;

/// An error of the history's database. It does not stop a test run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum HistoryError {
    /// The database returned an error.
    #[error("the history in {place} cannot be {action}{hint}")]
    Database {
        /// The database, without secrets.
        place: String,
        /// The operation that failed, as a participle: `opened`, `read`, `written`, `closed`.
        action: &'static str,
        /// What the user can do, or an empty text.
        hint: &'static str,
        /// The error of the database driver.
        source: sqlx::Error,
    },
    /// The database did not answer in time.
    #[error("the history in {place} does not answer within {seconds} seconds")]
    Silent {
        /// The database, without secrets.
        place: String,
        /// The time limit.
        seconds: u64,
    },
    /// The system has no more threads or files for an event loop.
    #[error("an event loop for the history cannot be started")]
    NoEventLoop(#[source] std::io::Error),
}

impl HistoryError {
    /// Wraps an error of the database driver.
    pub(super) fn of<E: Into<sqlx::Error>>(address: &Address, action: &'static str) -> impl FnOnce(E) -> Self {
        let place = address.label().to_owned();
        move |source| {
            let source = source.into();
            Self::Database { place, action, hint: hint(&source), source }
        }
    }

    /// The error and its cause, on one line.
    #[must_use]
    pub(crate) fn in_one_line(&self) -> String {
        match self {
            Self::Database { source, .. } => format!("{self}: {}", source.to_string().replace('\n', " ")),
            Self::NoEventLoop(source) => format!("{self}: {source}"),
            Self::Silent { .. } => self.to_string(),
        }
    }
}

/// Advice for errors of SQLite and of the migrations, which are recognized by their text.
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

/// Whether another process has locked the database file.
pub(super) fn is_locked(error: &sqlx::Error) -> bool {
    let text = error.to_string();
    text.contains("locked") || text.contains("busy")
}
