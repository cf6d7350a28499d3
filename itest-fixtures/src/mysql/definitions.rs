//! The definitions of a database, as the server shows them.

use std::fmt::Write;

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Row};

use super::connection::{quoted, text};
use super::inventory::Inventory;

/// All definitions of a database in its first state, without `AUTO_INCREMENT` values.
#[derive(Debug)]
pub(super) struct Definitions {
    query: String,
    first_state: String,
}

impl Definitions {
    /// Reads the definitions of a database with these tables.
    pub(super) async fn of(
        connection: &mut MySqlConnection,
        inventory: &Inventory,
        database: &str,
    ) -> Result<Self, sqlx::Error> {
        let query = definitions_query(inventory, database);
        Ok(Self { first_state: read(connection, &query).await?, query })
    }

    /// Whether the definitions are still the same.
    pub(super) async fn are_unchanged(&self, connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
        Ok(read(connection, &self.query).await? == self.first_state)
    }
}

/// The statements that show all definitions of a database. The tables come in the order of the inventory.
fn definitions_query(inventory: &Inventory, database: &str) -> String {
    let name = quoted(database);
    let mut query = String::new();
    for table in &inventory.tables {
        let _ = write!(query, "SHOW CREATE {} {name}.{}; ", table.kind.keyword(), table.name);
    }
    let _ = write!(query, "SHOW FULL TABLES FROM {name}; SHOW TRIGGERS FROM {name}; SHOW CREATE DATABASE {name}");
    query
}

async fn read(connection: &mut MySqlConnection, query: &str) -> Result<String, sqlx::Error> {
    let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(connection).await?;
    let mut definitions = String::new();
    for row in &rows {
        definitions.push_str(&without_auto_increment(&row_text(row)?));
        definitions.push('\n');
    }
    Ok(definitions)
}

/// The text of a row, without the column that contains the creation time of a trigger.
fn row_text(row: &MySqlRow) -> Result<String, sqlx::Error> {
    const CREATION_TIME: usize = 5;
    let columns = (0..row.len()).filter(|column| *column != CREATION_TIME).map(|column| text(row, column));
    let columns: Result<Vec<String>, sqlx::Error> = columns.collect();
    Ok(columns?.join(" "))
}

/// A definition without the `AUTO_INCREMENT` value of the table.
fn without_auto_increment(definition: &str) -> String {
    const OPTION: &str = " AUTO_INCREMENT=";
    // The search begins after the columns, because their comments may contain the same text.
    let options = definition.rfind("\n) ").unwrap_or(0);
    let Some(at) = definition[options..].find(OPTION).map(|at| options + at) else {
        return definition.to_owned();
    };
    let rest = definition[at + OPTION.len()..].trim_start_matches(|character: char| character.is_ascii_digit());
    format!("{}{rest}", &definition[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_increment_value_is_removed_from_a_definition() {
        let definition =
            "CREATE TABLE `t` (\n  `id` int COMMENT ' AUTO_INCREMENT=3'\n) ENGINE=InnoDB AUTO_INCREMENT=7 COMMENT='x'";
        let definitions = without_auto_increment(definition);
        assert!(definitions.ends_with("\n) ENGINE=InnoDB COMMENT='x'") && definitions.contains("=3'"), "{definitions}");
        assert_eq!(without_auto_increment("CREATE VIEW v"), "CREATE VIEW v");
    }
}
