//! Migrations of a suite's databases, and in words what fails in them: which migration, where in its text, and what the database says.

use sqlx::migrate::{Migrate, MigrateError, Migration, Migrator};
use sqlx::{Database, Executor, Pool};

use itest_runtime::Error;

use super::script::{Dialect, in_one_line, line_of, statements};
use super::script_failure::{pointed_at, run_counting};
use super::{describe, failed_to};

/// Longer statements are cut.
const LONGEST: usize = 400;

/// Runs all migrations on a pool that has no other purpose, and closes it: a migration may leave settings on its session that the
/// sessions of the application never have.
///
/// # Errors
///
/// The migration that failed, the statement, and what the database says.
pub(crate) async fn migrate<DB>(pool: Pool<DB>, migrator: &Migrator) -> Result<(), Error>
where
    DB: Database,
    DB::Connection: Migrate,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let outcome = match migrator.run(&pool).await {
        Ok(()) => Ok(()),
        Err(error) => Err(failure(&pool, migrator, error).await),
    };
    // Also after a failure: the session holds sqlx's lock of the database as long as it lives.
    pool.close().await;
    outcome
}

async fn failure<DB>(pool: &Pool<DB>, migrator: &Migrator, error: MigrateError) -> Error
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
    let statement = match pointed_at(&error) {
        Some(character) => statement_at(migration.sql.as_str(), character, dialect_of::<DB>()),
        None => refused_statement(pool, migration, &error).await,
    };
    in_words(migrator, migration, &error, statement)
}

/// How the scripts of a database are written.
fn dialect_of<DB: Database>() -> Dialect {
    match DB::NAME {
        "PostgreSQL" => Dialect::Postgres,
        "SQLite" => Dialect::Sqlite,
        _ => Dialect::MySql,
    }
}

/// The migration that sqlx was busy with when it failed beside the text of a migration: when it wrote down that one was applied, or
/// ended its transaction. `None` if sqlx did not get as far as to its table of migrations.
async fn next_version<DB>(pool: &Pool<DB>, migrator: &Migrator) -> Option<i64>
where
    DB: Database,
    DB::Connection: Migrate,
{
    let mut connection = pool.acquire().await.ok()?;
    // Another session than the one that failed, whose settings a migration may have changed.
    let applied = connection.list_applied_migrations(&migrator.table_name).await.ok()?;
    let ups = migrator.iter().filter(|migration| migration.migration_type.is_up_migration());
    let mut versions = ups.map(|migration| migration.version);
    versions.find(|version| applied.iter().all(|applied| applied.version != *version))
}

/// The statement that a database refused without a word on where it stands. The migration, of which nothing is left, runs once more and
/// is counted, and once more nothing is left of it. MySQL keeps what a failed migration has done, so nothing is tried there.
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
    let (line, statement) = failure.place(script, dialect)?;
    (describe(&failure.error) == describe(error)).then(|| (line, statement.to_owned()))
}

/// Names the migration, its statement, and what may be the cause.
fn in_words(
    migrator: &Migrator,
    migration: &Migration,
    error: &sqlx::Error,
    statement: Option<(usize, String)>,
) -> Error {
    let mut text = format!("cannot apply migration {}: {}", name(migration), describe(error));
    if loses_table_of_migrations(migrator, migration, error) {
        text = format!(
            "{text}; the migration changes search_path for the rest of its session, by which sqlx finds this table: end it with \
             RESET search_path, or give the table its schema (Migrator::dangerous_set_table_name)"
        );
    }
    if let Some((line, statement)) = statement {
        let cut = statement.char_indices().nth(LONGEST).map(|(end, _)| format!("{} …", &statement[..end]));
        text = format!("{text}, in the statement on line {line}:\n{}", cut.unwrap_or(statement));
    }
    if let Some(context) = context_of(error) {
        text = format!("{text}\n{context}");
    }
    Error::new(text)
}

/// Whether sqlx does not find its own table any more, because a dump has emptied the path by which it is found.
fn loses_table_of_migrations(migrator: &Migrator, migration: &Migration, error: &sqlx::Error) -> bool {
    let answer = error.as_database_error();
    answer.is_some_and(|answer| answer.message().contains(&*migrator.table_name))
        && !migrator.table_name.contains('.')
        && code_of(migration).contains("search_path")
}

/// The functions in which a mistake was found; only PostgreSQL names them.
fn context_of(error: &sqlx::Error) -> Option<String> {
    #[cfg(feature = "postgres")]
    if let Some(answer) = error.as_database_error()?.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return answer.r#where().map(str::to_owned);
    }
    let _ = error;
    None
}

/// As its file is called, without the ending.
pub(crate) fn name(migration: &Migration) -> String {
    format!("{}_{}", migration.version, migration.description.replace(' ', "_"))
}

/// The text of a migration in lower case, without comments, with single blanks; only PostgreSQL's migrations are looked into.
pub(crate) fn code_of(migration: &Migration) -> String {
    let line = in_one_line(migration.sql.as_str(), Dialect::Postgres).to_lowercase();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The statement around a character, counted from 1, and the line of that character.
fn statement_at(script: &str, character: usize, dialect: Dialect) -> Option<(usize, String)> {
    let (byte, _) = script.char_indices().nth(character.checked_sub(1)?)?;
    let begins = |text: &str| text.as_ptr().addr().saturating_sub(script.as_ptr().addr());
    let found = statements(script, dialect).into_iter().rfind(|statement| begins(statement.text) <= byte)?;
    Some((line_of(script, byte), found.text.to_owned()))
}

#[cfg(test)]
mod tests {
    use sqlx::migrate::MigrationType;
    use sqlx::{AssertSqlSafe, SqlSafeStr};

    use super::*;

    fn migration(version: i64, sql: &'static str) -> Migration {
        Migration::new(version, "some words".into(), MigrationType::Simple, AssertSqlSafe(sql).into_sql_str(), false)
    }

    #[test]
    fn a_statement_is_found_by_a_place_in_it() {
        let sql = "CREATE TABLE a ();\n\nCREATE TABLE b (\n  c intt\n);\n";
        let place = sql.find("intt").unwrap() + 1;
        let statement_at = |sql, place| statement_at(sql, place, Dialect::Postgres);
        assert_eq!(statement_at(sql, place), Some((4, "CREATE TABLE b (\n  c intt\n)".to_owned())));
        assert_eq!(statement_at(sql, 0), None);
        assert_eq!(statement_at("", 5), None);
        assert_eq!(statement_at("SELECT ';', x", 13), Some((1, "SELECT ';', x".to_owned())));
    }

    #[test]
    fn comments_are_no_part_of_the_code_of_a_migration() {
        let code = |sql| code_of(&migration(1, sql));
        assert_eq!(code("SELECT 1; -- ALTER DATABASE\n/* ON\nDATABASE */ SELECT\n\t2"), "select 1; select 2");
        assert_eq!(code("/* never closed"), "");
        assert_eq!(code("-- last line"), "");
    }
}
