//! Detects what a test has changed in its database, with one round trip to the server.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::future::poll_fn;

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Either, Row};

use super::connection::{literal, quoted, text};
use super::inventory::{Inventory, Table, TableKind};

/// A table with more rows is truncated instead of deleted from. `TRUNCATE` takes the same time for any number of rows, but much more time
/// than `DELETE` for a few.
pub(super) const MAX_ROWS_TO_DELETE: u64 = 1000;

/// The observed state of a database.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// The number of sessions in the database.
    pub(super) sessions: u64,
    /// For each table of the inventory, its `AUTO_INCREMENT` value and its approximate number of rows.
    pub(super) table_status: Vec<(Option<u64>, u64)>,
    /// The definitions of routines and events.
    pub(super) code: String,
    /// The rights of users and roles in the database.
    pub(super) rights: String,
    /// The tables that contain rows now and were empty before the test.
    pub(super) filled_tables: Vec<String>,
    /// A checksum of each seeded table. Comparing checksums takes less time than filling the table again, and filling it would fire its
    /// triggers.
    pub(super) checksums: HashMap<String, String>,
}

/// The statements that observe a database, sent in one request.
#[derive(Debug)]
pub(super) struct ChangeDetector {
    database: String,
    statements: String,
}

impl ChangeDetector {
    /// Chooses the statements that this server supports and allows.
    pub(super) async fn of(connection: &mut MySqlConnection, inventory: &Inventory, database: &str) -> Self {
        let table_status = table_status_query(connection, inventory, database).await;
        let code = code_query(connection, inventory, database).await;
        let rights = inventory.rights.query(connection, database).await;
        let code = format!("{code}; {rights}");
        Self { database: database.to_owned(), statements: statements(inventory, database, &table_status, &code) }
    }

    /// Observes a database with these tables.
    pub(super) async fn observe(
        &self,
        connection: &mut MySqlConnection,
        inventory: &Inventory,
    ) -> Result<State, sqlx::Error> {
        // The column of `SHOW PROCESSLIST` with the database.
        const DATABASE: usize = 3;
        let mut state = State::default();
        let mut table_status = HashMap::new();
        let prefix = format!("{}.", self.database);
        let mut results = sqlx::raw_sql(AssertSqlSafe(self.statements.as_str())).fetch_many(connection);
        // The index of the current result. There is one result for each statement, in their order.
        let mut statement = 0;
        while let Some(result) = poll_fn(|context| results.as_mut().poll_next(context)).await {
            match (statement, result?) {
                (_, Either::Left(_)) => statement += 1,
                (0, Either::Right(row)) => {
                    let database: Option<String> = row.try_get_unchecked(DATABASE)?;
                    state.sessions += u64::from(database.as_ref() == Some(&self.database));
                }
                (1, Either::Right(row)) => state.code += &text(&row, 0)?,
                (2, Either::Right(row)) => {
                    state.rights += &text(&row, 0)?;
                    state.rights.push('\n');
                }
                (3, Either::Right(row)) => {
                    let digits = text(&row, 0)?;
                    let filled = empty_tables(inventory).zip(digits.chars()).filter(|(_, digit)| *digit == '1');
                    state.filled_tables = filled.map(|(table, _)| table.name.clone()).collect();
                }
                (4, Either::Right(row)) => {
                    let name = text(&row, 0)?;
                    state.checksums.insert(quoted(name.strip_prefix(&prefix).unwrap_or(&name)), text(&row, 1)?);
                }
                (_, Either::Right(row)) => {
                    table_status.insert(quoted(&text(&row, 0)?), (number(&row, 1)?, number(&row, 2)?.unwrap_or(0)));
                }
            }
        }
        drop(results);
        let tables = inventory.tables.iter();
        state.table_status = tables.map(|table| table_status.get(&table.name).copied().unwrap_or_default()).collect();
        Ok(state)
    }
}

/// The query of all routines and events of a database. It reads MariaDB's own tables if the user may read them, because that takes a
/// quarter of the time of the standard views.
async fn code_query(connection: &mut MySqlConnection, inventory: &Inventory, database: &str) -> String {
    let listed = literal(database);
    let system_tables_query = format!(
        "SELECT concat((SELECT coalesce(group_concat(concat_ws('/', type, name, param_list, returns, body, is_deterministic,
         sql_data_access, security_type, sql_mode, comment, definer, character_set_client, collation_connection, aggregate)
         ORDER BY type, name), '') FROM mysql.proc WHERE db = {listed}), '/',
         (SELECT coalesce(group_concat(concat_ws(' ', name, body, execute_at, interval_value, interval_field, sql_mode, starts, ends,
         status, on_completion, comment, definer) ORDER BY name), '') FROM mysql.event WHERE db = {listed}))"
    );
    let row = sqlx::raw_sql(AssertSqlSafe(system_tables_query.as_str())).fetch_one(&mut *connection).await;
    match row.and_then(|row| text(&row, 0)).as_deref() {
        // The template has no code, so any routine or event is new, and its name is enough.
        Ok("/") => {
            return format!(
                "SELECT name FROM mysql.proc WHERE db = {listed} UNION ALL SELECT name FROM mysql.event WHERE db = {listed}"
            );
        }
        Ok(_) => return system_tables_query,
        Err(_) => {}
    }
    // Parameters belong to routines only. If the template has no routines, a new one is detected by its name.
    let parameters = if inventory.has_routines {
        format!(
            "(SELECT coalesce(group_concat(concat_ws('/', routine_type, specific_name, parameter_mode, parameter_name, dtd_identifier,
             character_set_name, collation_name) ORDER BY routine_type, specific_name, ordinal_position), '')
             FROM information_schema.parameters WHERE specific_schema = {listed})"
        )
    } else {
        "''".to_owned()
    };
    format!(
        "SELECT concat((SELECT coalesce(group_concat(concat_ws('/', routine_type, routine_name, dtd_identifier, routine_definition,
         is_deterministic, sql_data_access, security_type, sql_mode, routine_comment, definer, character_set_client,
         collation_connection) ORDER BY routine_type, routine_name), '')
         FROM information_schema.routines WHERE routine_schema = {listed}), '/', {parameters}, '/',
         (SELECT coalesce(group_concat(concat_ws(' ', event_name, event_definition, event_type, execute_at, interval_value,
         interval_field, sql_mode, starts, ends, status, on_completion, event_comment, definer) ORDER BY event_name), '')
         FROM information_schema.events WHERE event_schema = {listed}))"
    )
}

/// The query of the `AUTO_INCREMENT` values and the approximate row counts of the tables. It reads the list of the storage engine if the
/// user may read it, because the standard view opens the files of each table.
///
/// The list of the engine has the value of a table only while the table is open, so the request opens all tables first. That works only if
/// they are few compared to the number of tables that the server keeps open.
async fn table_status_query(connection: &mut MySqlConnection, inventory: &Inventory, database: &str) -> String {
    /// The tables may use at most this fraction of the server's cache: one fourth.
    const CACHE_FRACTION: usize = 4;
    let listed = literal(database);
    let engine_query = format!(
        "SELECT substring(name, {}), autoinc, num_rows FROM information_schema.innodb_sys_tablestats
         WHERE name LIKE concat(replace({listed}, '_', '\\_'), '/%')",
        database.chars().count() + 2
    );
    let rows =
        sqlx::raw_sql(AssertSqlSafe(engine_query.as_str())).fetch_all(&mut *connection).await.unwrap_or_default();
    let names: HashSet<String> = rows.iter().filter_map(|row| Some(quoted(&text(row, 0).ok()?))).collect();
    let cache_size = sqlx::raw_sql("SELECT @@table_definition_cache").fetch_one(connection).await;
    let cache_size = cache_size.ok().and_then(|row| number(&row, 0).ok().flatten()).unwrap_or_default();
    let mut tables = inventory.tables.iter().filter(|table| table.kind == TableKind::Table);
    let fit_in_cache = (inventory.tables.len() * CACHE_FRACTION) as u64 <= cache_size;
    let (list, auto_increment, rows) = if fit_in_cache && tables.all(|table| names.contains(&table.name)) {
        (engine_query, "autoinc", "num_rows")
    } else {
        let view =
            "SELECT table_name, auto_increment, table_rows FROM information_schema.tables WHERE table_type <> 'VIEW'";
        (format!("{view} AND table_schema = {listed}"), "auto_increment", "table_rows")
    };
    format!("{list} AND ({auto_increment} > 1 OR {rows} > {MAX_ROWS_TO_DELETE})")
}

/// The tables that are empty before a test.
fn empty_tables(inventory: &Inventory) -> impl Iterator<Item = &Table> {
    inventory.tables.iter().filter(|table| table.kind == TableKind::Table && !table.has_rows)
}

/// The statements that observe a database: its sessions, its code and rights, which of the empty tables contain rows, checksums of the
/// seeded tables, and the table status. The table status comes last, because the statements before it open all tables.
fn statements(inventory: &Inventory, database: &str, numbers: &str, code: &str) -> String {
    let name = quoted(database);
    // `SHOW PROCESSLIST` takes a third of the time of the standard view. The check of the empty tables returns one row of digits, because
    // many rows would take more time.
    let mut statements = format!("SHOW PROCESSLIST; {code}; SELECT concat(''");
    for table in empty_tables(inventory) {
        let all = if table.is_versioned { " FOR SYSTEM_TIME ALL" } else { "" };
        let _ = write!(statements, ", EXISTS (SELECT 1 FROM {name}.{}{all})", table.name);
    }
    statements.push(')');
    let seeded = inventory.tables.iter().filter(|table| table.kind == TableKind::Table && table.has_rows);
    let seeded: Vec<String> = seeded.map(|table| format!("{name}.{}", table.name)).collect();
    if seeded.is_empty() {
        // This statement keeps the order of the results if no table is seeded.
        statements.push_str("; SELECT '', '' FROM (SELECT 1) AS nothing WHERE false");
    } else {
        let _ = write!(statements, "; CHECKSUM TABLE {}", seeded.join(", "));
    }
    let _ = write!(statements, "; {numbers}");
    statements
}

/// A number, or `None` if it is null.
fn number(row: &MySqlRow, column: usize) -> Result<Option<u64>, sqlx::Error> {
    // The number is read as text, because its type differs between servers: signed, unsigned or decimal.
    let text: Option<String> = row.try_get_unchecked(column)?;
    Ok(text.and_then(|text| text.parse().ok()))
}
