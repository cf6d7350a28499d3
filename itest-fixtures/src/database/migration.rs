//! Runs the migrations of a suite, and describes a failure: the migration, the statement with its line, and the database's message.

use sqlx::{Database, Executor, Pool};
use sqlx_core::migrate::{Migrate, MigrateError, Migration, Migrator};

use itest_runtime::Error;

use super::script::{Dialect, in_one_line, line_of, statements};
use super::script_failure::{error_position, run_counting};
use super::{describe, failed_to};

/// A longer statement is truncated in the message.
const MAX_STATEMENT_CHARS: usize = 400;

/// Runs all migrations on a pool that is used for nothing else, and closes the pool: a migration may leave settings on its session that the
/// sessions of the application do not have.
///
/// # Errors
///
/// The failed migration, the statement, and the database's message.
pub(crate) async fn migrate<DB>(pool: Pool<DB>, migrator: &Migrator) -> Result<(), Error>
where
    DB: Database,
    DB::Connection: Migrate,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let result = match migrator.run(&pool).await {
        Ok(()) => Ok(()),
        Err(error) => Err(describe_failure(&pool, migrator, error).await),
    };
    // The pool is closed after a failure too, because the session holds sqlx's lock on the database until it ends.
    pool.close().await;
    result
}

async fn describe_failure<DB>(pool: &Pool<DB>, migrator: &Migrator, error: MigrateError) -> Error
where
    DB: Database,
    DB::Connection: Migrate,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let (version, error) = match error {
        MigrateError::ExecuteMigration(error, version) => (Some(version), error),
        MigrateError::Execute(error) => (next_version(pool, migrator).await, error),
        error => return failed_to("run the migrations", &error),
    };
    let known = version.and_then(|version| migrator.iter().find(|migration| migration.version == version));
    let Some(migration) = known else { return failed_to("run the migrations", &error) };
    let statement = match error_position(&error) {
        Some(character) => statement_at(migration.sql.as_str(), character, dialect_of::<DB>()),
        None => refused_statement(pool, migration, &error).await,
    };
    message(migrator, migration, &error, statement)
}

/// The SQL dialect of a database.
fn dialect_of<DB: Database>() -> Dialect {
    match DB::NAME {
        "PostgreSQL" => Dialect::Postgres,
        "SQLite" => Dialect::Sqlite,
        _ => Dialect::MySql,
    }
}

/// The migration that sqlx was applying when a statement of sqlx itself failed, for example when it recorded the migration as applied or
/// committed its transaction. `None` if sqlx failed before it read its table of migrations.
async fn next_version<DB>(pool: &Pool<DB>, migrator: &Migrator) -> Option<i64>
where
    DB: Database,
    DB::Connection: Migrate,
{
    let mut connection = pool.acquire().await.ok()?;
    // This is not the session that failed, because a migration may have changed the settings of that one.
    let applied = connection.list_applied_migrations(&migrator.table_name).await.ok()?;
    let ups = migrator.iter().filter(|migration| migration.migration_type.is_up_migration());
    let mut versions = ups.map(|migration| migration.version);
    versions.find(|version| applied.iter().all(|applied| applied.version != *version))
}

/// Finds the statement that failed if the database does not report its position. The migration was rolled back, so it runs a second time,
/// counts its completed statements, and is rolled back again. MySQL does not roll back the statements of a failed migration, so there the
/// migration is not repeated.
async fn refused_statement<DB>(pool: &Pool<DB>, migration: &Migration, error: &sqlx::Error) -> Option<(usize, String)>
where
    DB: Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let (script, dialect) = (migration.sql.as_str(), dialect_of::<DB>());
    if migration.no_tx || dialect == Dialect::MySql {
        return None;
    }
    let mut transaction = pool.begin().await.ok()?;
    let failure = run_counting::<DB>(&mut transaction, script).await.err()?;
    transaction.rollback().await.ok()?;
    let (line, statement) = failure.location(script, dialect)?;
    (describe(&failure.error) == describe(error)).then(|| (line, statement.to_owned()))
}

/// The error message: the migration, the failed statement, and a possible cause.
fn message(
    migrator: &Migrator,
    migration: &Migration,
    error: &sqlx::Error,
    statement: Option<(usize, String)>,
) -> Error {
    let mut text = format!("cannot apply migration {}: {}", name(migration), describe(error));
    if hides_table_of_migrations(migrator, migration, error) {
        text = format!(
            "{text}; the migration changes search_path for the rest of its session, by which sqlx finds this table: end it with \
             RESET search_path, or give the table its schema (Migrator::dangerous_set_table_name)"
        );
    }
    if let Some((line, statement)) = statement {
        let cut = statement.char_indices().nth(MAX_STATEMENT_CHARS).map(|(end, _)| format!("{} …", &statement[..end]));
        text = format!("{text}, in the statement on line {line}:\n{}", cut.unwrap_or(statement));
    }
    if let Some(context) = context_of(error) {
        text = format!("{text}\n{context}");
    }
    Error::new(text)
}

/// Whether sqlx cannot find its own table any more because the migration, usually a dump, has emptied `search_path`.
fn hides_table_of_migrations(migrator: &Migrator, migration: &Migration, error: &sqlx::Error) -> bool {
    let answer = error.as_database_error();
    answer.is_some_and(|answer| answer.message().contains(&*migrator.table_name))
        && !migrator.table_name.contains('.')
        && code_of(migration).contains("search_path")
}

/// The functions that were running when the error occurred. Only PostgreSQL reports them.
fn context_of(error: &sqlx::Error) -> Option<String> {
    #[cfg(feature = "postgres")]
    if let Some(answer) = error.as_database_error()?.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return answer.r#where().map(str::to_owned);
    }
    let _ = error;
    None
}

/// The name of the migration's file, without the extension.
pub(crate) fn name(migration: &Migration) -> String {
    format!("{}_{}", migration.version, migration.description.replace(' ', "_"))
}

/// The text of a migration in lower case, without comments and with single blanks. The text is read as PostgreSQL's dialect, because only
/// PostgreSQL's migrations are searched.
pub(crate) fn code_of(migration: &Migration) -> String {
    let line = in_one_line(migration.sql.as_str(), Dialect::Postgres).to_lowercase();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The statement around a character, counted from 1, and the line of that character.
fn statement_at(script: &str, character: usize, dialect: Dialect) -> Option<(usize, String)> {
    let (byte, _) = script.char_indices().nth(character.checked_sub(1)?)?;
    let begins = |text: &str| text.as_ptr().addr().saturating_sub(script.as_ptr().addr());
    let statement = statements(script, dialect).into_iter().rfind(|statement| begins(statement.text) <= byte)?;
    Some((line_of(script, byte), statement.text.to_owned()))
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, SqlSafeStr};
    use sqlx_core::migrate::MigrationType;

    use super::*;

    fn migration(version: i64, sql: &'static str) -> Migration {
        Migration::new(version, "some words".into(), MigrationType::Simple, AssertSqlSafe(sql).into_sql_str(), false)
    }

    #[test]
    fn statement_is_located_by_a_position_in_it() {
        let sql = "CREATE TABLE a ();\n\nCREATE TABLE b (\n  c intt\n);\n";
        let position = sql.find("intt").unwrap() + 1;
        let statement_at = |sql, position| statement_at(sql, position, Dialect::Postgres);
        assert_eq!(statement_at(sql, position), Some((4, "CREATE TABLE b (\n  c intt\n)".to_owned())));
        assert_eq!(statement_at(sql, 0), None);
        assert_eq!(statement_at("", 5), None);
        assert_eq!(statement_at("SELECT ';', x", 13), Some((1, "SELECT ';', x".to_owned())));
    }

    #[test]
    fn comments_are_removed_from_the_code_of_a_migration() {
        let code = |sql| code_of(&migration(1, sql));
        assert_eq!(code("SELECT 1; -- ALTER DATABASE\n/* ON\nDATABASE */ SELECT\n\t2"), "select 1; select 2");
        assert_eq!(code("/* never closed"), "");
        assert_eq!(code("-- last line"), "");
    }
}
