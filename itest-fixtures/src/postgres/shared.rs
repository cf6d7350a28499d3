//! Refuses migrations that change objects which all schemas of a database share, for tests that have one schema each.

use sqlx_core::migrate::Migrator;

use itest_runtime::Error;

use super::culprits::{cause_with, migrations_with};
use super::isolation::Isolation;
use crate::database::Migrations;

/// Phrases, in lower case, of migrations that change the database itself.
const DATABASE_PHRASES: &[&str] = &["alter database", "in database", "on database"];

/// Names the migrations that change the database itself, as the subject of a sentence.
pub(super) fn changing_the_database(migrations: &Migrations) -> String {
    cause_with(migrations, DATABASE_PHRASES)
}

/// Refuses migrations that affect all tests although each test should have its own schema.
///
/// # Errors
///
/// An error that names the migrations and the remedy.
pub(super) fn refuse_shared_objects(isolation: Isolation, migrator: &Migrator) -> Result<(), Error> {
    const REMEDY: &str = "use Isolation::Recycle or Isolation::Clone";
    if isolation != Isolation::Schema {
        return Ok(());
    }
    if let Some(culprit) = migrations_with(migrator, DATABASE_PHRASES) {
        return Err(Error::new(format!(
            "with Isolation::Schema all tests share one database, and {culprit} changes the database itself (ALTER DATABASE, \
             GRANT … ON DATABASE and the like): {REMEDY}"
        )));
    }
    if migrator.table_name.contains('.') {
        return Err(Error::new(format!(
            "with Isolation::Schema the migrations run once in each test's schema, and their table {} is in a schema that all tests \
             share: {REMEDY}, or leave the name of the schema out",
            migrator.table_name
        )));
    }
    if !migrator.create_schemas.is_empty() {
        return Err(Error::new(format!(
            "with Isolation::Schema each test has one schema, and the schemas that the migrator creates ({}) are shared by all tests: \
             {REMEDY}",
            migrator.create_schemas.join(", ")
        )));
    }
    Ok(())
}

/// Adds a possible cause to the failure of a migration: a migration that creates a table in `public` fails if another test has already run
/// it.
pub(super) fn with_shared_names(migrator: &Migrator, error: &Error) -> Error {
    match migrations_with(migrator, &["public."]) {
        None => Error::new(error.to_string()),
        Some(culprit) => Error::new(format!(
            "{error}\nwith Isolation::Schema the schema `public`, which {culprit} names, is shared by all tests"
        )),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::SqlSafeStr;
    use sqlx_core::migrate::{Migration, MigrationType};

    use super::*;

    fn migrator(sql: &'static str) -> Migrator {
        Migrator::with_migrations(vec![Migration::new(
            7,
            "app".into(),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )])
    }

    fn refusal(migrator: &Migrator) -> String {
        refuse_shared_objects(Isolation::Schema, migrator).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn schema_isolation_refuses_migrations_of_shared_objects() {
        for sql in [
            "ALTER  DATABASE shop SET a = 1",
            "ALTER ROLE a IN\nDATABASE shop SET a = 1",
            "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO a', current_database()); END $$",
        ] {
            assert!(refusal(&migrator(sql)).contains("migration 7_app changes the database itself"), "{sql}");
            assert!(refuse_shared_objects(Isolation::Recycle, &migrator(sql)).is_ok());
        }
        let mut qualified = migrator("SELECT 1");
        qualified.dangerous_set_table_name("public._sqlx_migrations");
        assert!(
            refusal(&qualified).contains("their table public._sqlx_migrations is in a schema that all tests share")
        );
        let mut creating = migrator("SELECT 1");
        creating.create_schema("app");
        assert!(refusal(&creating).contains("(app) are shared by all tests"));
        assert_eq!(refusal(&migrator("-- ALTER DATABASE is for operations\nSELECT 1")), "");
    }
}
