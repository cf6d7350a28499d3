//! Finds the migrations that may be the cause of an error, by their text.

use sqlx_core::migrate::Migrator;

use crate::database::Migrations;
use crate::database::migration::{code_of, name};

/// Names the migrations whose code contains one of these phrases, as the subject of a sentence: `migration 2_settings`. The phrases are in
/// lower case with single blanks; comments, blanks and case of the code do not matter.
pub(super) fn migrations_with(migrator: &Migrator, phrases: &[&str]) -> Option<String> {
    let migrations =
        migrator.iter().filter(|migration| migration.migration_type.is_up_migration()).filter(|migration| {
            let code = code_of(migration);
            phrases.iter().any(|phrase| code.contains(phrase))
        });
    let names: Vec<String> = migrations.map(name).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("migration {one}")),
        many => Some(format!("migrations {}", many.join(", "))),
    }
}

/// Names the migrations whose code contains one of these phrases, or what else can have had the effect, as the subject of a sentence.
pub(super) fn cause_with(migrations: &Migrations, phrases: &[&str]) -> String {
    let named = migrations.readable().and_then(|migrator| migrations_with(migrator, phrases));
    named.unwrap_or_else(|| migrations.cause_outside_of_the_text())
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, SqlSafeStr};
    use sqlx_core::migrate::{Migration, MigrationType};

    use super::*;

    fn migration(version: i64, sql: &'static str) -> Migration {
        Migration::new(version, "some words".into(), MigrationType::Simple, AssertSqlSafe(sql).into_sql_str(), false)
    }

    #[test]
    fn migrations_are_named_by_a_phrase_in_their_code() {
        let migrator = Migrator::with_migrations(vec![
            migration(1, "CREATE TABLE a ()"),
            migration(2, "ALTER  DATABASE a SET b = 1"),
            migration(3, "-- alter database"),
        ]);
        let named = |phrases: &[&str]| migrations_with(&migrator, phrases);
        assert_eq!(named(&["alter database"]).as_deref(), Some("migration 2_some_words"));
        assert_eq!(named(&["alter database", "create"]).as_deref(), Some("migrations 1_some_words, 2_some_words"));
        assert_eq!(named(&["subscription"]), None);
    }
}
