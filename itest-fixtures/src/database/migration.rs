//! A migration that fails, in words: which one, where in its text, and what the server says.

use sqlx::migrate::{MigrateError, Migration, Migrator};

use itest_runtime::Error;

/// Longer statements are cut.
const LONGEST: usize = 400;

/// Names the migration and its statement; `place` is where the server found the mistake, in characters from 1.
pub(crate) fn migration_failed(
    migrator: &Migrator,
    error: &MigrateError,
    place: impl Fn(&sqlx::Error) -> Option<usize>,
) -> Error {
    let MigrateError::ExecuteMigration(cause, version) = error else {
        return super::failed_to("migrate the template database", error);
    };
    let Some(migration) = migrator.iter().find(|migration| migration.version == *version) else {
        return super::failed_to(&format!("apply migration {version}"), cause);
    };
    let mut text = format!("cannot apply migration {}: {}", name(migration), super::told(cause));
    if let Some((line, statement)) = place(cause).and_then(|place| statement_at(migration.sql.as_str(), place)) {
        text = format!("{text}, in the statement on line {line}:\n{statement}");
    }
    Error::new(text)
}

/// As its file is called, without the ending.
fn name(migration: &Migration) -> String {
    format!("{}_{}", migration.version, migration.description.replace(' ', "_"))
}

/// The statement around a place, and its line. Quotes are not understood: a semicolon in a text cuts what is shown.
fn statement_at(sql: &str, place: usize) -> Option<(usize, String)> {
    let at = sql.char_indices().nth(place.checked_sub(1)?)?.0;
    let begin = sql[..at].rfind(';').map_or(0, |end| end + 1);
    let begin = begin + sql[begin..].find(|character: char| !character.is_whitespace())?;
    let end = sql[at..].find(';').map_or(sql.len(), |end| at + end);
    let line = sql[..at].matches('\n').count() + 1;
    let statement = sql.get(begin..end)?.trim_end();
    let shown: String = statement.chars().take(LONGEST).collect();
    Some((line, if shown.len() < statement.len() { format!("{shown} …") } else { shown }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_found_by_a_place_in_it() {
        let sql = "CREATE TABLE a ();\n\nCREATE TABLE b (\n  c intt\n);\n";
        let place = sql.find("intt").unwrap() + 1;
        assert_eq!(statement_at(sql, place), Some((4, "CREATE TABLE b (\n  c intt\n)".to_owned())));
        assert_eq!(statement_at(sql, 0), None);
        assert_eq!(statement_at("", 5), None);
    }
}
