//! What a test has changed, seen at one glance.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::future::poll_fn;

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Either, Row};

use super::connection::{literal, quoted, text};
use super::inventory::{Inventory, Kind, Table};

/// A table with more rows is truncated: that costs the same for any number of rows, and much more for a few.
pub(super) const MANY: u64 = 1000;

/// What is seen of a database at one glance.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// How many sessions are in it.
    pub(super) sessions: u64,
    /// The next number of each table, and about how many rows it has.
    pub(super) numbers: Vec<(Option<u64>, u64)>,
    /// What is no table: routines and events.
    pub(super) code: String,
    /// Who may do what in it.
    pub(super) rights: String,
    /// The tables that have rows and had none.
    pub(super) used: Vec<String>,
    /// A checksum of each seeded table: to compare costs less than to fill again, and where there are triggers it would fire them.
    pub(super) sums: HashMap<String, String>,
}

/// A look at a database, all of it in one question.
#[derive(Debug)]
pub(super) struct Glance {
    database: String,
    question: String,
}

impl Glance {
    /// Finds out how this server is asked.
    pub(super) async fn of(connection: &mut MySqlConnection, inventory: &Inventory, database: &str) -> Self {
        let numbers = numbers(connection, inventory, database).await;
        let code = code(connection, inventory, database).await;
        let rights = inventory.rights.question(connection, database).await;
        let code = format!("{code}; {rights}");
        Self { database: database.to_owned(), question: question(inventory, database, &numbers, &code) }
    }

    /// Looks at a database of these tables.
    pub(super) async fn see(
        &self,
        connection: &mut MySqlConnection,
        inventory: &Inventory,
    ) -> Result<State, sqlx::Error> {
        // The column of the list of sessions.
        const DATABASE: usize = 3;
        let mut state = State::default();
        let mut numbers = HashMap::new();
        let prefix = format!("{}.", self.database);
        let mut results = sqlx::raw_sql(AssertSqlSafe(self.question.as_str())).fetch_many(connection);
        // One result for each statement of the glance, in its order.
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
                    let used = empty(inventory).zip(digits.chars()).filter(|(_, digit)| *digit == '1');
                    state.used = used.map(|(table, _)| table.name.clone()).collect();
                }
                (4, Either::Right(row)) => {
                    let name = text(&row, 0)?;
                    state.sums.insert(quoted(name.strip_prefix(&prefix).unwrap_or(&name)), text(&row, 1)?);
                }
                (_, Either::Right(row)) => {
                    numbers.insert(quoted(&text(&row, 0)?), (number(&row, 1)?, number(&row, 2)?.unwrap_or(0)));
                }
            }
        }
        drop(results);
        let tables = inventory.tables.iter();
        state.numbers = tables.map(|table| numbers.get(&table.name).copied().unwrap_or_default()).collect();
        Ok(state)
    }
}

/// What shows all routines and events of a database: MariaDB's own tables, where the user may read them, which takes a quarter of the
/// time that the standard's views do.
async fn code(connection: &mut MySqlConnection, inventory: &Inventory, database: &str) -> String {
    let listed = literal(database);
    let of_tables = format!(
        "SELECT concat((SELECT coalesce(group_concat(concat_ws('/', type, name, param_list, returns, body, is_deterministic,
         sql_data_access, security_type, sql_mode, comment, definer, character_set_client, collation_connection, aggregate)
         ORDER BY type, name), '') FROM mysql.proc WHERE db = {listed}), '/',
         (SELECT coalesce(group_concat(concat_ws(' ', name, body, execute_at, interval_value, interval_field, sql_mode, starts, ends,
         status, on_completion, comment, definer) ORDER BY name), '') FROM mysql.event WHERE db = {listed}))"
    );
    let found = sqlx::raw_sql(AssertSqlSafe(of_tables.as_str())).fetch_one(&mut *connection).await;
    match found.and_then(|row| text(&row, 0)).as_deref() {
        // Where there is no code, all of it is new, and a word of it will do.
        Ok("/") => {
            return format!(
                "SELECT name FROM mysql.proc WHERE db = {listed} UNION ALL SELECT name FROM mysql.event WHERE db = {listed}"
            );
        }
        Ok(_) => return of_tables,
        Err(_) => {}
    }
    // They are part of routines only, and a new routine is seen by its name.
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

/// What shows the next number of each table that has given out one, and about how many rows it has: the storage engine's own list, where
/// the user may read it. The standard's view looks at the files of each table.
///
/// The list knows no next number of a table that nobody has opened for long. Whoever reads it opens all tables first, and they must be few
/// beside those that the server keeps open.
async fn numbers(connection: &mut MySqlConnection, inventory: &Inventory, database: &str) -> String {
    const SHARE: usize = 4;
    let listed = literal(database);
    let of_engine = format!(
        "SELECT substring(name, {}), autoinc, num_rows FROM information_schema.innodb_sys_tablestats
         WHERE name LIKE concat(replace({listed}, '_', '\\_'), '/%')",
        database.chars().count() + 2
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(of_engine.as_str())).fetch_all(&mut *connection).await.unwrap_or_default();
    let names: HashSet<String> = rows.iter().filter_map(|row| Some(quoted(&text(row, 0).ok()?))).collect();
    let kept = sqlx::raw_sql("SELECT @@table_definition_cache").fetch_one(connection).await;
    let kept = kept.ok().and_then(|row| number(&row, 0).ok().flatten()).unwrap_or_default();
    let mut tables = inventory.tables.iter().filter(|table| table.kind == Kind::Table);
    let are_few = (inventory.tables.len() * SHARE) as u64 <= kept;
    let (list, next, rows) = if are_few && tables.all(|table| names.contains(&table.name)) {
        (of_engine, "autoinc", "num_rows")
    } else {
        let view =
            "SELECT table_name, auto_increment, table_rows FROM information_schema.tables WHERE table_type <> 'VIEW'";
        (format!("{view} AND table_schema = {listed}"), "auto_increment", "table_rows")
    };
    format!("{list} AND ({next} > 1 OR {rows} > {MANY})")
}

/// The tables that have no rows before a test.
fn empty(inventory: &Inventory) -> impl Iterator<Item = &Table> {
    inventory.tables.iter().filter(|table| table.kind == Kind::Table && !table.has_rows)
}

/// What shows everything of a database that a test may well have changed: who is still in it, the code and the rights, which of the empty
/// tables have rows, checksums of the others, and, when all of them were opened for this, next numbers.
fn question(inventory: &Inventory, database: &str, numbers: &str, code: &str) -> String {
    let name = quoted(database);
    // The list costs a third of a question to the standard's view, and digits cost less than rows.
    let mut question = format!("SHOW PROCESSLIST; {code}; SELECT concat(''");
    for table in empty(inventory) {
        let all = if table.remembers { " FOR SYSTEM_TIME ALL" } else { "" };
        let _ = write!(question, ", EXISTS (SELECT 1 FROM {name}.{}{all})", table.name);
    }
    question.push(')');
    let seeded = inventory.tables.iter().filter(|table| table.kind == Kind::Table && table.has_rows);
    let seeded: Vec<String> = seeded.map(|table| format!("{name}.{}", table.name)).collect();
    if seeded.is_empty() {
        // A statement with a result, also where all tables are empty.
        question.push_str("; SELECT '', '' FROM (SELECT 1) AS nothing WHERE false");
    } else {
        let _ = write!(question, "; CHECKSUM TABLE {}", seeded.join(", "));
    }
    let _ = write!(question, "; {numbers}");
    question
}

/// A number, where there is one.
fn number(row: &MySqlRow, column: usize) -> Result<Option<u64>, sqlx::Error> {
    // Servers call it signed, unsigned or decimal.
    let text: Option<String> = row.try_get_unchecked(column)?;
    Ok(text.and_then(|text| text.parse().ok()))
}
