//! Giving a test's database back as it was.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sqlx::Connection;
use sqlx::mysql::MySqlConnection;

use itest_runtime::Error;

use super::connection::{quoted, run};
use super::definitions::Definitions;
use super::glance::{Glance, MANY, State};
use super::inventory::{Inventory, Kind, Table};
use super::shape::Shape;
use crate::database::{NotRecycled, Snapshot, describe, failed_to};

/// How long the sessions that a test has closed may take to end.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(250);

/// The pause between two looks at them, after the first looks.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How long they are looked at without a pause: most sessions have ended before the answer is back that says that they have not.
const SPIN_TIMEOUT: Duration = Duration::from_millis(3);

/// A server that has answered so recently has not crashed and recovered since, because that takes longer.
const RECENTLY: Duration = Duration::from_millis(5);

/// What costs a database most often.
const CHANGED_SCHEMA: &str = "the test changed the schema";

/// Keeps a database as it was when it was copied.
#[derive(Debug)]
pub(crate) struct Keeper {
    connection: MySqlConnection,
    inventory: Inventory,
    database: String,
    glance: Glance,
    state: State,
    shape: Shape,
    /// The files of the definitions, which cost less to look at.
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
        let failed = |error| failed_to("look at a new database", &error);
        let glance = Glance::of(&mut connection, &inventory, database).await;
        let state = glance.see(&mut connection, &inventory).await.map_err(failed)?;
        let shape = Shape::of(&mut connection, &inventory, database).await.map_err(failed)?;
        let (database, definitions) = (database.to_owned(), folder.and_then(Definitions::of));
        Ok(Self { connection, inventory, database, glance, state, shape, definitions, answered: Instant::now() })
    }

    /// Makes the database what it was. All sessions in it must be over.
    pub(super) async fn restore(&mut self) -> Result<(), NotRecycled> {
        let changed = |error: sqlx::Error| NotRecycled::new(CHANGED_SCHEMA).with(describe(&error));
        let seen = self.look_until_all_are_gone().await?;
        let has_same_files = self.definitions.as_mut().is_some_and(Definitions::are_unchanged);
        let has_same_tables = has_same_files || self.shape.is_unchanged(&mut self.connection).await.map_err(changed)?;
        if !has_same_tables || seen.code != self.state.code {
            return Err(NotRecycled::new(CHANGED_SCHEMA));
        }
        if seen.rights != self.state.rights {
            return Err(NotRecycled::new("the test granted or revoked rights in its database"));
        }
        let script = self.script(&seen)?;
        if !script.is_empty() {
            let restored = run(&mut self.connection, "give the rows back", script).await;
            restored.map_err(|error| NotRecycled::new(error.to_string()))?;
            // Beginning numbers anew writes definitions.
            self.definitions.as_mut().map(Definitions::are_unchanged);
        }
        self.answered = Instant::now();
        Ok(())
    }

    /// Looks until the sessions that were closed are over.
    async fn look_until_all_are_gone(&mut self) -> Result<State, NotRecycled> {
        let since = Instant::now();
        loop {
            let seen = self.glance.see(&mut self.connection, &self.inventory).await;
            let seen = seen.map_err(|error| NotRecycled::new(CHANGED_SCHEMA).with(describe(&error)))?;
            let count = seen.sessions;
            match since.elapsed() {
                _ if count == 0 => return Ok(seen),
                waited if waited < SPIN_TIMEOUT => {}
                waited if waited < CLOSE_TIMEOUT => tokio::time::sleep(POLL_INTERVAL).await,
                _ => {
                    return Err(NotRecycled::new("the test left sessions of its own in the database")
                        .with(format!("{count} of them")));
                }
            }
        }
    }

    fn script(&self, seen: &State) -> Result<String, NotRecycled> {
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
                    return Err(NotRecycled::new(format!("the rows of {name} cannot be taken away without a trace")));
                }
                Kind::Table if !has_moved && same_sum(name) => {}
                Kind::Table if *has_triggers => {
                    return Err(NotRecycled::new(format!(
                        "the test changed {name}, whose triggers would fire once more"
                    )));
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
}

impl Snapshot for Keeper {
    fn has_just_answered(&self) -> bool {
        self.answered.elapsed() < RECENTLY
    }

    async fn is_alive(&mut self) -> bool {
        self.connection.ping().await.is_ok()
    }

    async fn close(self) {
        let _ = self.connection.close().await;
    }
}
