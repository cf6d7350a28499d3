//! Describes errors of databases: the action that failed, and the messages of the error and its causes.

use std::error::Error as StdError;

use sqlx_core::migrate::MigrateError;

use itest_runtime::Error;

use crate::failure::{Message, chain, with_action};

/// Names the failed action in the error of a query of itest's own.
#[cfg(feature = "_database-server")]
pub(crate) trait OrFailedTo<T> {
    /// Converts an error of sqlx into `cannot {action}: {answer}`.
    fn or_failed_to(self, action: &str) -> Result<T, Error>;
}

#[cfg(feature = "_database-server")]
impl<T> OrFailedTo<T> for Result<T, sqlx::Error> {
    fn or_failed_to(self, action: &str) -> Result<T, Error> {
        self.map_err(|error| failed_to(action, &error))
    }
}

/// `cannot {action}: {error}: {cause}`.
pub(crate) fn failed_to(action: &str, error: &(dyn StdError + 'static)) -> Error {
    with_action(action, &describe(error))
}

/// Joins an error and its causes in one line. A cause is left out if its text is already part of the line.
///
/// The answer of a database is quoted without the additions of sqlx: for PostgreSQL, sqlx adds a line number of the server's source code,
/// and a reader would take it for a line of the statement.
pub(crate) fn describe(error: &(dyn StdError + 'static)) -> String {
    chain(error, |error| match answer_of(error) {
        Some(answer) => Message::Whole(answer),
        None => message_of(error).map_or(Message::None, Message::Text),
    })
}

/// The text of an error, or `None` if the error only wraps its cause.
fn message_of(error: &(dyn StdError + 'static)) -> Option<String> {
    let wraps = match error.downcast_ref::<MigrateError>() {
        Some(error) => matches!(error, MigrateError::Execute(_) | MigrateError::ExecuteMigration(..)),
        None => matches!(error.downcast_ref::<sqlx::Error>(), Some(sqlx::Error::Migrate(_))),
    };
    (!wraps).then(|| error.to_string())
}

/// The database's message, if the error is the answer of a database.
fn answer_of(error: &(dyn StdError + 'static)) -> Option<String> {
    let sqlx::Error::Database(answer) = error.downcast_ref::<sqlx::Error>()? else { return None };
    #[cfg(feature = "postgres")]
    if let Some(answer) = answer.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        let mut text = answer.message().to_owned();
        for more in [answer.detail(), answer.hint()].into_iter().flatten() {
            text = format!("{}; {}", text.trim_end_matches('.'), more.trim_end_matches('.'));
        }
        return Some(text);
    }
    Some(answer.message().to_owned())
}
