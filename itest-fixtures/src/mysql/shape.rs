//! What a database is made of: its definitions, as the server shows them.

use std::fmt::Write;

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Row};

use super::connection::{quoted, text};
use super::inventory::Inventory;

/// All definitions of a database as they were; next numbers are no part of them.
#[derive(Debug)]
pub(super) struct Shape {
    question: String,
    shown: String,
}

impl Shape {
    /// The shape of a database of these tables.
    pub(super) async fn of(
        connection: &mut MySqlConnection,
        inventory: &Inventory,
        database: &str,
    ) -> Result<Self, sqlx::Error> {
        let question = question(inventory, database);
        Ok(Self { shown: ask(connection, &question).await?, question })
    }

    /// Whether it is still the same.
    pub(super) async fn is_unchanged(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        Ok(ask(connection, &self.question).await? == self.shown)
    }
}

/// What shows all definitions of a database, those of the inventory's tables first and in its order.
fn question(inventory: &Inventory, database: &str) -> String {
    let name = quoted(database);
    let mut question = String::new();
    for table in &inventory.tables {
        let _ = write!(question, "SHOW CREATE {} {name}.{}; ", table.kind.keyword(), table.name);
    }
    let _ = write!(question, "SHOW FULL TABLES FROM {name}; SHOW TRIGGERS FROM {name}; SHOW CREATE DATABASE {name}");
    question
}

async fn ask(connection: &mut MySqlConnection, question: &str) -> Result<String, sqlx::Error> {
    let rows = sqlx::raw_sql(AssertSqlSafe(question)).fetch_all(connection).await?;
    let mut shape = String::new();
    for row in &rows {
        shape.push_str(&without_next_number(&shown(row)?));
        shape.push('\n');
    }
    Ok(shape)
}

/// What a row shows, but when a trigger was made.
fn shown(row: &MySqlRow) -> Result<String, sqlx::Error> {
    const MADE: usize = 5;
    let columns = (0..row.len()).filter(|column| *column != MADE).map(|column| text(row, column));
    let columns: Result<Vec<String>, sqlx::Error> = columns.collect();
    Ok(columns?.join(" "))
}

/// A definition without the number that the table will give out next.
fn without_next_number(definition: &str) -> String {
    const NEXT: &str = " AUTO_INCREMENT=";
    // Behind the columns, whose comments may say anything.
    let options = definition.rfind("\n) ").unwrap_or(0);
    let Some(at) = definition[options..].find(NEXT).map(|at| options + at) else {
        return definition.to_owned();
    };
    let rest = definition[at + NEXT.len()..].trim_start_matches(|character: char| character.is_ascii_digit());
    format!("{}{rest}", &definition[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_number_is_no_part_of_the_shape() {
        let definition =
            "CREATE TABLE `t` (\n  `id` int COMMENT ' AUTO_INCREMENT=3'\n) ENGINE=InnoDB AUTO_INCREMENT=7 COMMENT='x'";
        let shape = without_next_number(definition);
        assert!(shape.ends_with("\n) ENGINE=InnoDB COMMENT='x'") && shape.contains("=3'"), "{shape}");
        assert_eq!(without_next_number("CREATE VIEW v"), "CREATE VIEW v");
    }
}
