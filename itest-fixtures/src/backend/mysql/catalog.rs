//! Reads the schema of a MySQL or MariaDB database from its catalog.

use sqlx::{AssertSqlSafe, MySql, MySqlConnection, Row as _};

use crate::backend::{Entry, Operations as _};
use crate::database::script::{Dialect, normalized};

/// Queries of the objects with a definition text. The name of the database is removed from the texts of views.
const DEFINITION_QUERIES: [&str; 4] = [
    "SELECT CONCAT('view ', table_name), REPLACE(view_definition, CONCAT('`', DATABASE(), '`.'), '') \
     FROM information_schema.views WHERE table_schema = DATABASE()",
    "SELECT CONCAT('trigger ', trigger_name), CONCAT_WS(' ', action_timing, event_manipulation, 'on', event_object_table, \
     action_statement) FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
    "SELECT CONCAT(LOWER(routine_type), ' ', routine_name), CONCAT_WS(' ', '(', (SELECT GROUP_CONCAT(CONCAT_WS(' ', \
     parameter_mode, parameter_name, p.dtd_identifier) ORDER BY ordinal_position) FROM information_schema.parameters p WHERE \
     p.specific_schema = DATABASE() AND p.specific_name = r.specific_name), ')', routine_definition) \
     FROM information_schema.routines r WHERE routine_schema = DATABASE()",
    "SELECT CONCAT('event ', event_name), CONCAT_WS(' ', interval_value, interval_field, execute_at, status, event_definition) \
     FROM information_schema.events WHERE event_schema = DATABASE()",
];

/// Reads the schema, without the table of the migrations.
pub(super) async fn catalog(
    connection: &mut MySqlConnection,
    migrations_table: &str,
) -> Result<Vec<Entry>, sqlx::Error> {
    let mut entries = Vec::new();
    for table in MySql::tables(connection).await?.into_iter().filter(|table| table != migrations_table) {
        let statement = format!("SHOW CREATE TABLE {}", MySql::quoted(&table));
        let row = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_one(&mut *connection).await?;
        let text: String = row.try_get_unchecked(1)?;
        entries.extend(details(&text).into_iter().map(|detail| Entry::new(format!("table {table}"), detail)));
    }
    for query in DEFINITION_QUERIES {
        for row in sqlx::raw_sql(query).fetch_all(&mut *connection).await? {
            let (object, text): (String, String) = (row.try_get_unchecked(0)?, row.try_get_unchecked(1)?);
            entries.push(Entry::new(object, normalized(&text, Dialect::MySql)));
        }
    }
    Ok(entries)
}

/// Splits the output of `SHOW CREATE TABLE` into its lines, each of which is one property. `AUTO_INCREMENT` is removed, because its value
/// depends on the rows.
fn details(text: &str) -> Vec<String> {
    let lines = text.lines().skip(1).map(|line| line.trim().trim_end_matches(','));
    let details = lines.map(|line| match line.strip_prefix(')') {
        Some(options) => {
            let options = options.split_whitespace().filter(|option| !option.starts_with("AUTO_INCREMENT="));
            options.collect::<Vec<_>>().join(" ")
        }
        None if line.starts_with('`') => format!("column {}", line.replacen('`', "", 2)),
        None => line.to_owned(),
    });
    details.collect()
}
