//! Scripts that a database refuses, and the statement of theirs that it refused.

use std::future::poll_fn;

use sqlx::{AssertSqlSafe, Database, Either, Executor};

use super::script::{Dialect, line_of, statements};

/// A script that the database refused.
#[derive(Debug)]
#[cfg_attr(
    not(any(feature = "data", feature = "migrations")),
    expect(unreachable_pub, reason = "it is public where the trait of the backends is")
)]
pub struct ScriptFailure {
    /// How many statements it had completed before.
    pub complete: usize,
    /// Its answer.
    pub error: sqlx::Error,
    /// The character that it pointed at, from 1.
    pub character: Option<usize>,
}

impl From<sqlx::Error> for ScriptFailure {
    /// A failure before the first statement.
    fn from(error: sqlx::Error) -> Self {
        Self { complete: usize::MAX, error, character: None }
    }
}

impl ScriptFailure {
    /// The line that is at fault, and the statement; neither if that cannot be told.
    pub(crate) fn place<'s>(&self, script: &'s str, dialect: Dialect) -> Option<(usize, &'s str)> {
        let statement = statements(script, dialect).get(self.complete).copied()?;
        let pointed = self.character.and_then(|number| script.char_indices().nth(number.checked_sub(1)?));
        let line = pointed.map_or(statement.line, |(byte, _)| line_of(script, byte));
        Some((line.max(statement.line), statement.text))
    }
}

/// Runs a script and counts the statements that were completed.
pub(crate) async fn run_counting<DB>(connection: &mut DB::Connection, script: &str) -> Result<(), ScriptFailure>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let mut complete = 0;
    let mut results = sqlx::raw_sql(AssertSqlSafe(script)).fetch_many(&mut *connection);
    while let Some(result) = poll_fn(|context| results.as_mut().poll_next(context)).await {
        match result {
            Ok(Either::Left(_)) => complete += 1,
            Ok(Either::Right(_)) => {}
            Err(error) => {
                let character = pointed_at(&error);
                return Err(ScriptFailure { complete, error, character });
            }
        }
    }
    Ok(())
}

/// The character of the script that the server points at, from 1, if it is not in a function; only PostgreSQL says so.
#[cfg(feature = "postgres")]
pub(super) fn pointed_at(error: &sqlx::Error) -> Option<usize> {
    use sqlx::postgres::{PgDatabaseError, PgErrorPosition};

    match error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?.position()? {
        PgErrorPosition::Original(character) => Some(character),
        PgErrorPosition::Internal { .. } => None,
    }
}

#[cfg(not(feature = "postgres"))]
pub(super) fn pointed_at(_: &sqlx::Error) -> Option<usize> {
    None
}
