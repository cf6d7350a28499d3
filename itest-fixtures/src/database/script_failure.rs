//! Runs a script and locates the statement that the database refused.

use std::future::poll_fn;

use sqlx::{AssertSqlSafe, Database, Either, Executor};

use super::script::{Dialect, line_of, statements};

/// The failure of a script, with its position.
#[derive(Debug)]
#[cfg_attr(
    not(any(feature = "data", feature = "migrations")),
    expect(unreachable_pub, reason = "it is public where the trait of the backends is")
)]
pub struct ScriptFailure {
    /// The number of statements that were completed before the failure.
    pub completed: usize,
    /// The database's error.
    pub error: sqlx::Error,
    /// The character at which the database reports the error, counted from 1.
    pub character: Option<usize>,
}

impl From<sqlx::Error> for ScriptFailure {
    /// A failure before the first statement. No statement has the index `usize::MAX`, so the failure has no position.
    fn from(error: sqlx::Error) -> Self {
        Self { completed: usize::MAX, error, character: None }
    }
}

impl ScriptFailure {
    /// The line of the failure and the failed statement, if they are known.
    pub(crate) fn location<'s>(&self, script: &'s str, dialect: Dialect) -> Option<(usize, &'s str)> {
        let statement = statements(script, dialect).get(self.completed).copied()?;
        let position = self.character.and_then(|number| script.char_indices().nth(number.checked_sub(1)?));
        let line = position.map_or(statement.line, |(byte, _)| line_of(script, byte));
        Some((line.max(statement.line), statement.text))
    }
}

/// Runs a script and counts the statements that were completed.
pub(crate) async fn run_counting<DB>(connection: &mut DB::Connection, script: &str) -> Result<(), ScriptFailure>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let mut completed = 0;
    let mut results = sqlx::raw_sql(AssertSqlSafe(script)).fetch_many(&mut *connection);
    while let Some(result) = poll_fn(|context| results.as_mut().poll_next(context)).await {
        match result {
            Ok(Either::Left(_)) => completed += 1,
            Ok(Either::Right(_)) => {}
            Err(error) => {
                let character = error_position(&error);
                return Err(ScriptFailure { completed, error, character });
            }
        }
    }
    Ok(())
}

/// The position in the script at which the server reports the error, as a character counted from 1. Only PostgreSQL reports it. `None` if
/// the position is inside of a function.
#[cfg(feature = "postgres")]
pub(super) fn error_position(error: &sqlx::Error) -> Option<usize> {
    use sqlx::postgres::{PgDatabaseError, PgErrorPosition};

    match error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?.position()? {
        PgErrorPosition::Original(character) => Some(character),
        PgErrorPosition::Internal { .. } => None,
    }
}

#[cfg(not(feature = "postgres"))]
pub(super) fn error_position(_: &sqlx::Error) -> Option<usize> {
    None
}
