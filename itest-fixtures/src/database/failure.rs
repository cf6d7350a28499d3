//! Errors of databases in words: what failed, and everything that the error and its causes say.

use std::error::Error as StdError;

use sqlx::migrate::MigrateError;

use itest_runtime::Error;

use crate::failure::{Message, chain, with_action};

/// What a database answers to a question of itest's own.
#[cfg(feature = "_database-server")]
pub(crate) trait OrFailedTo<T> {
    /// The same, or an error that says what failed: `cannot {action}: {answer}`.
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

/// An error and its causes in one line; a cause whose text stands there already is left out.
///
/// What a database answers stands there in its own words. sqlx adds the line in the source of the server to answers of PostgreSQL, and a
/// reader would take it for a line of the statement.
pub(crate) fn describe(error: &(dyn StdError + 'static)) -> String {
    chain(error, |error| match answer_of(error) {
        Some(answer) => Message::Whole(answer),
        None => message_of(error).map_or(Message::None, Message::Text),
    })
}

/// The text of an error; none if it only wraps its cause.
fn message_of(error: &(dyn StdError + 'static)) -> Option<String> {
    let wraps = match error.downcast_ref::<MigrateError>() {
        Some(error) => matches!(error, MigrateError::Execute(_) | MigrateError::ExecuteMigration(..)),
        None => matches!(error.downcast_ref::<sqlx::Error>(), Some(sqlx::Error::Migrate(_))),
    };
    (!wraps).then(|| error.to_string())
}

/// The database's own words, if the error is the answer of a database.
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
