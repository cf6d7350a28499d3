//! Giving a test's database back as it was.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::future::poll_fn;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{Connection, Either, Row};

use itest_runtime::Error;

use super::connection::{literal, quoted, run, text};
use super::definitions::Definitions;
use super::inventory::{Inventory, Kind, Table};
use crate::database::failed_to;

/// So long sessions may take to end that a test has closed.
const FAREWELL: Duration = Duration::from_millis(250);

/// How often they are looked at meanwhile, unless it is in the first moment.
const LOOK: Duration = Duration::from_millis(1);

/// Most sessions are over before an answer is back that says that they are not: so long the server is asked again at once.
const MOMENT: Duration = Duration::from_millis(3);

/// A server that has just answered has not crashed, recovered and lost anything since: that takes longer.
const JUST: Duration = Duration::from_millis(5);

/// Why a database is not used again.
#[derive(Debug)]
pub(super) struct Spent(pub(super) String);

impl From<sqlx::Error> for Spent {
    fn from(error: sqlx::Error) -> Self {
        Self(format!("it cannot be given back as it was: {error}"))
    }
}

impl From<Error> for Spent {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

/// A table with more rows is truncated: that costs the same for any number of rows, and much more for a few.
const MANY: u64 = 1000;

/// What is seen of a database at one glance.
#[derive(Debug, Clone, Default)]
struct State {
    /// How many sessions are in it.
    sessions: u64,
    /// The next number of each table, and about how many rows it has.
    numbers: Vec<(Option<u64>, u64)>,
    /// What is no table: routines and events.
    code: String,
    /// The tables that have rows and had none.
    used: Vec<String>,
    /// A checksum of each seeded table: to compare costs less than to fill again, and where there are triggers it would fire them.
    sums: HashMap<String, String>,
}

/// Keeps a database as it was when it was copied.
#[derive(Debug)]
pub(super) struct Keeper {
    connection: MySqlConnection,
    inventory: Inventory,
    database: String,
    glance: String,
    state: State,
    /// What shows every definition, and what it showed; next numbers are no part of that.
    look: String,
    shape: String,
    definitions: Option<Definitions>,
    /// When the server last did what it was asked for.
    answered: Instant,
}

impl Keeper {
    /// Looks at a database that was just copied and that nobody uses; the connection is in no database. `folder` is where the server
    /// keeps it, if that is known.
    pub(super) async fn of(
        mut connection: MySqlConnection,
        inventory: Inventory,
        database: &str,
        folder: Option<PathBuf>,
    ) -> Result<Self, Error> {
        // Large definitions are cut otherwise, and a lock of somebody's is not waited for.
        let settings = "SET foreign_key_checks = 0, unique_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO',
                        group_concat_max_len = 16777216, lock_wait_timeout = 5, innodb_lock_wait_timeout = 5;
                        /*!80000 SET information_schema_stats_expiry = 0 */";
        run(&mut connection, "set up a session", settings).await?;
        let numbers = numbers(&mut connection, &inventory, database).await;
        let code = code(&mut connection, &inventory, database).await;
        let (glance, look) = (glance(&inventory, database, &numbers, &code), look(&inventory, database));
        let mut keeper = Self {
            connection,
            inventory,
            database: database.to_owned(),
            glance,
            state: State::default(),
            look,
            shape: String::new(),
            definitions: folder.and_then(Definitions::of),
            answered: Instant::now(),
        };
        let begin = async {
            keeper.state = keeper.see().await?;
            keeper.shape = keeper.shape().await?;
            Ok::<_, sqlx::Error>(keeper)
        };
        begin.await.map_err(|error| failed_to("look at a new database", &error))
    }

    /// Makes the database what it was. All sessions in it must be over.
    pub(super) async fn restore(&mut self) -> Result<(), Spent> {
        let changed = |error: &dyn std::fmt::Display| Spent(format!("the test changed the schema: {error}"));
        let seen = self.look_until_all_are_gone().await?;
        let has_same_files = self.definitions.as_mut().is_some_and(Definitions::are_unchanged);
        let has_same_tables = has_same_files || self.shape().await.map_err(|error| changed(&error))? == self.shape;
        if !has_same_tables || seen.code != self.state.code {
            return Err(Spent("the test changed the schema".to_owned()));
        }
        let script = self.script(&seen)?;
        if !script.is_empty() {
            run(&mut self.connection, "give the rows back", script).await?;
            // Beginning numbers anew writes definitions.
            self.definitions.as_mut().map(Definitions::are_unchanged);
        }
        self.answered = Instant::now();
        Ok(())
    }

    /// Looks until the sessions that were closed are over.
    async fn look_until_all_are_gone(&mut self) -> Result<State, Spent> {
        let since = Instant::now();
        loop {
            let seen = self.see().await.map_err(|error| Spent(format!("the test changed the schema: {error}")))?;
            let count = seen.sessions;
            match since.elapsed() {
                _ if count == 0 => return Ok(seen),
                waited if waited < MOMENT => {}
                waited if waited < FAREWELL => tokio::time::sleep(LOOK).await,
                _ => return Err(Spent(format!("the test left {count} sessions of its own in the database"))),
            }
        }
    }

    async fn see(&mut self) -> Result<State, sqlx::Error> {
        // The column of the list of sessions.
        const DATABASE: usize = 3;
        let mut state = State::default();
        let mut numbers = HashMap::new();
        let prefix = format!("{}.", self.database);
        let mut results = sqlx::raw_sql(AssertSqlSafe(self.glance.as_str())).fetch_many(&mut self.connection);
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
                    let digits = text(&row, 0)?;
                    let used = empty(&self.inventory).zip(digits.chars()).filter(|(_, digit)| *digit == '1');
                    state.used = used.map(|(table, _)| table.name.clone()).collect();
                }
                (3, Either::Right(row)) => {
                    let name = text(&row, 0)?;
                    state.sums.insert(quoted(name.strip_prefix(&prefix).unwrap_or(&name)), text(&row, 1)?);
                }
                (_, Either::Right(row)) => {
                    numbers.insert(quoted(&text(&row, 0)?), (number(&row, 1)?, number(&row, 2)?.unwrap_or(0)));
                }
            }
        }
        drop(results);
        let tables = self.inventory.tables.iter();
        state.numbers = tables.map(|table| numbers.get(&table.name).copied().unwrap_or_default()).collect();
        Ok(state)
    }

    async fn shape(&mut self) -> Result<String, sqlx::Error> {
        let rows = sqlx::raw_sql(AssertSqlSafe(self.look.as_str())).fetch_all(&mut self.connection).await?;
        let mut shape = String::new();
        for row in &rows {
            shape.push_str(&without_next_number(&shown(row)?));
            shape.push('\n');
        }
        Ok(shape)
    }

    fn script(&self, seen: &State) -> Result<String, Spent> {
        let database = format!("{}.", quoted(&self.database));
        // What was not summed up may have changed.
        let same_sum = |name: &String| seen.sums.contains_key(name) && seen.sums.get(name) == self.state.sums.get(name);
        let mut statements: Vec<String> = Vec::new();
        let mut last = Vec::new();
        for (place, table) in self.inventory.tables.iter().enumerate() {
            let number = |state: &State| state.numbers.get(place).copied().unwrap_or_default();
            let ((before, _), (after, rows)) = (number(&self.state), number(seen));
            let Table { name, kind, has_rows, has_triggers, remembers, .. } = table;
            let has_moved = before != after;
            // Some servers tell the next number of a table only after its first.
            let next = before.or(after.map(|_| 1));
            let begin = |next: u64| format!("ALTER TABLE {database}{name} AUTO_INCREMENT = {next}");
            let begin_anew = next.filter(|_| has_moved).map(begin);
            match kind {
                Kind::View => {}
                Kind::Sequence => statements.push(self.inventory.fill(table, &database)),
                Kind::Table if !has_rows => {
                    let is_used = seen.used.contains(name);
                    if (is_used || has_moved) && (*has_triggers || *remembers || rows > MANY) {
                        // This begins the numbers anew, from one, and fires no trigger.
                        statements.push(format!("TRUNCATE {database}{name}"));
                        last.extend(next.filter(|next| *next > 1).map(begin));
                    } else {
                        statements.extend(is_used.then(|| format!("DELETE FROM {database}{name}")));
                        last.extend(begin_anew);
                    }
                }
                // A checksum says nothing of what is history.
                Kind::Table if *remembers => {
                    return Err(Spent(format!("the rows of {name} cannot be taken away without a trace")));
                }
                Kind::Table if !has_moved && same_sum(name) => {}
                Kind::Table if *has_triggers => {
                    return Err(Spent(format!("the test changed {name}, whose triggers would fire once more")));
                }
                Kind::Table => {
                    statements.push(format!("DELETE FROM {database}{name}"));
                    statements.push(self.inventory.fill(table, &database));
                    last.extend(begin_anew);
                }
            }
        }
        statements.extend(last);
        Ok(statements.join("; "))
    }

    /// Whether the server has answered a moment ago.
    pub(super) fn has_just_answered(&self) -> bool {
        self.answered.elapsed() < JUST
    }

    /// Whether the server still answers on the connection that saw what it keeps.
    pub(super) async fn is_alive(&mut self) -> bool {
        self.connection.ping().await.is_ok()
    }

    /// Leaves the database.
    pub(super) async fn close(self) {
        let _ = self.connection.close().await;
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

/// What shows everything of a database that a test may well have changed: who is still in it, the code, which of the empty tables have
/// rows, checksums of the others, and, when all of them were opened for this, next numbers.
fn glance(inventory: &Inventory, database: &str, numbers: &str, code: &str) -> String {
    let name = quoted(database);
    // The list costs a third of a question to the standard's view, and digits cost less than rows.
    let mut glance = format!("SHOW PROCESSLIST; {code}; SELECT concat(''");
    for table in empty(inventory) {
        let all = if table.remembers { " FOR SYSTEM_TIME ALL" } else { "" };
        let _ = write!(glance, ", EXISTS (SELECT 1 FROM {name}.{}{all})", table.name);
    }
    glance.push(')');
    let seeded = inventory.tables.iter().filter(|table| table.kind == Kind::Table && table.has_rows);
    let seeded: Vec<String> = seeded.map(|table| format!("{name}.{}", table.name)).collect();
    if seeded.is_empty() {
        // A statement with a result, also where all tables are empty.
        glance.push_str("; SELECT '', '' FROM (SELECT 1) AS nothing WHERE false");
    } else {
        let _ = write!(glance, "; CHECKSUM TABLE {}", seeded.join(", "));
    }
    let _ = write!(glance, "; {numbers}");
    glance
}

/// What shows all definitions of a database, those of the inventory's tables first and in its order.
fn look(inventory: &Inventory, database: &str) -> String {
    let name = quoted(database);
    let mut look = String::new();
    for table in &inventory.tables {
        let _ = write!(look, "SHOW CREATE {} {name}.{}; ", table.kind.keyword(), table.name);
    }
    let _ = write!(look, "SHOW FULL TABLES FROM {name}; SHOW TRIGGERS FROM {name}; SHOW CREATE DATABASE {name}");
    look
}

/// What a row shows, but when a trigger was made.
fn shown(row: &MySqlRow) -> Result<String, sqlx::Error> {
    const MADE: usize = 5;
    let columns = (0..row.len()).filter(|column| *column != MADE).map(|column| text(row, column));
    let columns: Result<Vec<String>, sqlx::Error> = columns.collect();
    Ok(columns?.join(" "))
}

/// A number, where there is one.
fn number(row: &MySqlRow, column: usize) -> Result<Option<u64>, sqlx::Error> {
    // Servers call it signed, unsigned or decimal.
    let text: Option<String> = row.try_get_unchecked(column)?;
    Ok(text.and_then(|text| text.parse().ok()))
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
