//! Giving a test's database back as it was.

use std::fmt::Write;
use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;
use sqlx::Connection;
use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use itest_runtime::Error;

use super::connection::{literal, quoted, run, text};
use super::inventory::{Inventory, Kind, Table};
use crate::database::failed_to;

/// So long sessions may take to end that a test has closed.
const FAREWELL: Duration = Duration::from_millis(250);

/// How often they are looked at meanwhile.
const LOOK: Duration = Duration::from_millis(1);

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

/// What is seen of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    /// Every definition, without next numbers.
    shape: String,
    /// The next number of each table.
    next: Vec<Option<u64>>,
    /// What is seeded and has triggers, as checksums: these rows cannot be put back without firing them.
    sums: String,
}

/// Keeps a database as it was when it was copied.
#[derive(Debug)]
pub(super) struct Keeper {
    connection: MySqlConnection,
    inventory: Inventory,
    database: String,
    look: String,
    state: State,
}

impl Keeper {
    /// Looks at a database that was just copied and that nobody uses; the connection is in no database.
    pub(super) async fn of(
        mut connection: MySqlConnection,
        inventory: Inventory,
        database: &str,
    ) -> Result<Self, Error> {
        // Large definitions are cut otherwise, and a lock of somebody's is not waited for.
        let settings = "SET foreign_key_checks = 0, unique_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO',
                        group_concat_max_len = 16777216, lock_wait_timeout = 5, innodb_lock_wait_timeout = 5";
        run(&mut connection, "set up a session", settings).await?;
        let look = look(&inventory, database);
        let state = State { shape: String::new(), next: Vec::new(), sums: String::new() };
        let mut keeper = Self { connection, inventory, database: database.to_owned(), look, state };
        let seen = keeper.see().await;
        keeper.state = seen.map_err(|error| failed_to("look at a new database", &error))?;
        Ok(keeper)
    }

    /// Makes the database what it was. All sessions in it must be over.
    pub(super) async fn restore(&mut self) -> Result<(), Spent> {
        self.wait_for_sessions().await?;
        let seen = self.see().await.map_err(|error| Spent(format!("the test changed the schema: {error}")))?;
        if seen.shape != self.state.shape {
            return Err(Spent("the test changed the schema".to_owned()));
        }
        let used = self.used().await?;
        let script = self.script(&seen, &used)?;
        if !script.is_empty() {
            run(&mut self.connection, "give the rows back", script).await?;
        }
        Ok(())
    }

    async fn wait_for_sessions(&mut self) -> Result<(), Spent> {
        let since = Instant::now();
        loop {
            let others = sqlx::query_scalar("SELECT count(*) FROM information_schema.processlist WHERE db = ?");
            let others: i64 = others.bind(&self.database).fetch_one(&mut self.connection).await?;
            if others == 0 {
                return Ok(());
            }
            if since.elapsed() > FAREWELL {
                return Err(Spent(format!("the test left {others} sessions of its own in the database")));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn see(&mut self) -> Result<State, sqlx::Error> {
        let rows = sqlx::raw_sql(AssertSqlSafe(self.look.as_str())).fetch_all(&mut self.connection).await?;
        let mut state = State { shape: String::new(), next: Vec::new(), sums: self.sums().await? };
        for row in &rows {
            let (definition, next) = without_next_number(&shown(row)?);
            state.shape.push_str(&definition);
            state.shape.push('\n');
            state.next.push(next);
        }
        Ok(state)
    }

    async fn sums(&mut self) -> Result<String, sqlx::Error> {
        let guarded = self.inventory.tables.iter().filter(|table| table.has_rows && table.has_triggers);
        let guarded: Vec<String> = guarded.map(|table| format!("{}.{}", quoted(&self.database), table.name)).collect();
        if guarded.is_empty() {
            return Ok(String::new());
        }
        let checksum = format!("CHECKSUM TABLE {}", guarded.join(", "));
        let rows = sqlx::raw_sql(AssertSqlSafe(checksum)).fetch_all(&mut self.connection).await?;
        let sums: Result<Vec<String>, sqlx::Error> = rows.iter().map(|row| text(row, 1)).collect();
        Ok(sums?.join(" "))
    }

    /// Which tables have rows that had none.
    async fn used(&mut self) -> Result<Vec<String>, sqlx::Error> {
        let database = quoted(&self.database);
        let mut union = String::new();
        for table in self.inventory.tables.iter().filter(|table| table.kind == Kind::Table && !table.has_rows) {
            let separator = if union.is_empty() { "" } else { " UNION ALL " };
            let _ = write!(
                union,
                "{separator}SELECT {} WHERE EXISTS (SELECT 1 FROM {database}.{})",
                literal(&table.name),
                table.name
            );
        }
        if union.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::raw_sql(AssertSqlSafe(union)).fetch_all(&mut self.connection).await?;
        rows.iter().map(|row| text(row, 0)).collect()
    }

    fn script(&self, seen: &State, used: &[String]) -> Result<String, Spent> {
        let database = format!("{}.", quoted(&self.database));
        let mut statements: Vec<String> = Vec::new();
        let mut last = Vec::new();
        for (place, table) in self.inventory.tables.iter().enumerate() {
            let (before, after) = (self.state.next.get(place), seen.next.get(place));
            let Table { name, kind, has_rows, has_triggers, .. } = table;
            match kind {
                Kind::View => {}
                Kind::Sequence => statements.push(self.inventory.fill(table, &database)),
                // Truncating begins the numbers anew, and fires no trigger.
                Kind::Table if !has_rows => {
                    if used.contains(name) || before != after {
                        statements.push(format!("TRUNCATE {database}{name}"));
                    }
                }
                Kind::Table if *has_triggers => {
                    if seen.sums != self.state.sums || before != after {
                        return Err(Spent(format!("the test changed {name}, whose triggers would fire once more")));
                    }
                }
                Kind::Table => {
                    statements.push(format!("DELETE FROM {database}{name}"));
                    statements.push(self.inventory.fill(table, &database));
                    if let (Some(Some(next)), true) = (before, before != after) {
                        last.push(format!("ALTER TABLE {database}{name} AUTO_INCREMENT = {next}"));
                    }
                }
            }
        }
        statements.extend(last);
        Ok(statements.join("; "))
    }

    /// Leaves the database.
    pub(super) async fn close(self) {
        let _ = self.connection.close().await;
    }
}

/// What shows all definitions of a database, those of the inventory's tables first and in its order.
fn look(inventory: &Inventory, database: &str) -> String {
    let (name, listed) = (quoted(database), literal(database));
    let mut look = String::new();
    for table in &inventory.tables {
        let _ = write!(look, "SHOW CREATE {} {name}.{}; ", table.kind.keyword(), table.name);
    }
    let _ = write!(
        look,
        "SHOW FULL TABLES FROM {name}; SHOW TRIGGERS FROM {name};
         SELECT 'routines', coalesce(group_concat(routine_type, routine_name, routine_definition ORDER BY routine_name), '')
         FROM information_schema.routines WHERE routine_schema = {listed};
         SELECT 'events', coalesce(group_concat(event_name ORDER BY event_name), '')
         FROM information_schema.events WHERE event_schema = {listed};
         SHOW CREATE DATABASE {name}"
    );
    look
}

/// What a row shows. A trigger is its name, event, table, text and time; what follows says when it was made.
fn shown(row: &MySqlRow) -> Result<String, sqlx::Error> {
    const COLUMNS: usize = 5;
    let columns: Result<Vec<String>, sqlx::Error> =
        (0..row.len().min(COLUMNS)).map(|column| text(row, column)).collect();
    Ok(columns?.join(" "))
}

/// A definition without the number that the table will give out next, and that number.
fn without_next_number(definition: &str) -> (String, Option<u64>) {
    const NEXT: &str = " AUTO_INCREMENT=";
    // Behind the columns, whose comments may say anything.
    let options = definition.rfind("\n) ").unwrap_or(0);
    let Some(at) = definition[options..].find(NEXT).map(|at| options + at) else {
        return (definition.to_owned(), None);
    };
    let digits: String = definition[at + NEXT.len()..].chars().take_while(char::is_ascii_digit).collect();
    let rest = &definition[at + NEXT.len() + digits.len()..];
    (format!("{}{rest}", &definition[..at]), digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_number_is_no_part_of_the_shape() {
        let definition =
            "CREATE TABLE `t` (\n  `id` int COMMENT ' AUTO_INCREMENT=3'\n) ENGINE=InnoDB AUTO_INCREMENT=7 COMMENT='x'";
        let (shape, next) = without_next_number(definition);
        assert_eq!(next, Some(7));
        assert!(shape.ends_with("\n) ENGINE=InnoDB COMMENT='x'") && shape.contains("=3'"), "{shape}");
        assert_eq!(without_next_number("CREATE VIEW v"), ("CREATE VIEW v".to_owned(), None));
    }
}
