//! Restores the database of a test to its first state.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sqlx::Connection;
use sqlx::mysql::MySqlConnection;

use itest_runtime::Error;

use super::change_detector::{ChangeDetector, MAX_ROWS_TO_DELETE, State};
use super::connection::{quoted, run};
use super::definition_files::DefinitionFiles;
use super::definitions::Definitions;
use super::inventory::{Inventory, Table, TableKind};
use crate::database::{NotRecycled, Snapshot, describe, failed_to};

/// How long the sessions that a test has closed may take to end.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(250);

/// The pause between two checks whether the sessions have ended, after [`SPIN_TIMEOUT`].
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How long the checks follow each other without a pause. Most sessions end before the first answer arrives, so the second check usually
/// succeeds.
const SPIN_TIMEOUT: Duration = Duration::from_millis(3);

/// A server that crashes needs longer than this to recover. A server that has answered within this time therefore has not crashed since.
const MIN_RECOVERY_TIME: Duration = Duration::from_millis(5);

/// The most frequent reason why a database is replaced.
const CHANGED_SCHEMA: &str = "the test changed the schema";

/// Restores a database to the state that it had when it was copied.
#[derive(Debug)]
pub(crate) struct MysqlSnapshot {
    connection: MySqlConnection,
    inventory: Inventory,
    database: String,
    change_detector: ChangeDetector,
    state: State,
    definitions: Definitions,
    /// The files of the definitions, if they can be read. Comparing them takes less time than comparing the definitions.
    definition_files: Option<DefinitionFiles>,
    /// When the server last executed a statement.
    last_answer: Instant,
}

impl MysqlSnapshot {
    /// Reads the first state of a new copy that no session uses. The connection has another current database. `folder` contains the files
    /// of the database, if it is known.
    pub(super) async fn of(
        mut connection: MySqlConnection,
        inventory: Inventory,
        database: &str,
        folder: Option<PathBuf>,
    ) -> Result<Self, Error> {
        // The settings restore rows without checks, keep long definitions from being truncated, and limit how long a statement waits for a
        // lock.
        let settings = "SET foreign_key_checks = 0, unique_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO',
                        group_concat_max_len = 16777216, lock_wait_timeout = 5, innodb_lock_wait_timeout = 5;
                        /*!80000 SET information_schema_stats_expiry = 0 */";
        run(&mut connection, "set up a session", settings).await?;
        let failed = |error| failed_to("read the state of a new database", &error);
        let change_detector = ChangeDetector::of(&mut connection, &inventory, database).await;
        let state = change_detector.observe(&mut connection, &inventory).await.map_err(failed)?;
        let definitions = Definitions::of(&mut connection, &inventory, database).await.map_err(failed)?;
        let (database, definition_files) = (database.to_owned(), folder.and_then(DefinitionFiles::of));
        let last_answer = Instant::now();
        Ok(Self { connection, inventory, database, change_detector, state, definitions, definition_files, last_answer })
    }

    /// Restores the database. All sessions in it must end.
    pub(super) async fn restore(&mut self) -> Result<(), NotRecycled> {
        let changed = |error: sqlx::Error| NotRecycled::new(CHANGED_SCHEMA).with(describe(&error));
        let state = self.observe_without_sessions().await?;
        let has_same_files = self.definition_files.as_mut().is_some_and(DefinitionFiles::are_unchanged);
        let has_same_definitions =
            has_same_files || self.definitions.are_unchanged(&mut self.connection).await.map_err(changed)?;
        if !has_same_definitions || state.code != self.state.code {
            return Err(NotRecycled::new(CHANGED_SCHEMA));
        }
        if state.rights != self.state.rights {
            return Err(NotRecycled::new("the test granted or revoked rights in its database"));
        }
        let script = self.script(&state)?;
        if !script.is_empty() {
            let restored = run(&mut self.connection, "restore the rows", script).await;
            restored.map_err(|error| NotRecycled::new(error.to_string()))?;
            // Resetting `AUTO_INCREMENT` values rewrites definition files, so the stamps are read again.
            self.definition_files.as_mut().map(DefinitionFiles::are_unchanged);
        }
        self.last_answer = Instant::now();
        Ok(())
    }

    /// Observes the state as soon as the sessions that the test has closed have ended.
    async fn observe_without_sessions(&mut self) -> Result<State, NotRecycled> {
        let since = Instant::now();
        loop {
            let state = self.change_detector.observe(&mut self.connection, &self.inventory).await;
            let state = state.map_err(|error| NotRecycled::new(CHANGED_SCHEMA).with(describe(&error)))?;
            let count = state.sessions;
            match since.elapsed() {
                _ if count == 0 => return Ok(state),
                waited if waited < SPIN_TIMEOUT => {}
                waited if waited < CLOSE_TIMEOUT => tokio::time::sleep(POLL_INTERVAL).await,
                _ => {
                    return Err(NotRecycled::new("the test left sessions of its own in the database")
                        .with(format!("{count} of them")));
                }
            }
        }
    }

    /// The statements that restore the rows and the `AUTO_INCREMENT` values.
    fn script(&self, state: &State) -> Result<String, NotRecycled> {
        let database = format!("{}.", quoted(&self.database));
        // A table without a checksum may have changed.
        let has_same_checksum = |name: &String| {
            let checksum = state.checksums.get(name);
            checksum.is_some() && checksum == self.state.checksums.get(name)
        };
        let mut statements: Vec<String> = Vec::new();
        let mut counter_resets = Vec::new();
        for (index, table) in self.inventory.tables.iter().enumerate() {
            let status = |state: &State| state.table_status.get(index).copied().unwrap_or_default();
            let ((before, _), (after, rows)) = (status(&self.state), status(state));
            let Table { name, kind, has_rows, has_triggers, is_versioned, .. } = table;
            let has_new_counter = before != after;
            // Some servers report the `AUTO_INCREMENT` value of a table only after its first use.
            let first = before.or(after.map(|_| 1));
            let set_counter = |next: u64| format!("ALTER TABLE {database}{name} AUTO_INCREMENT = {next}");
            let reset_counter = first.filter(|_| has_new_counter).map(set_counter);
            match kind {
                TableKind::View => {}
                TableKind::Sequence => statements.push(self.inventory.fill(table, &database)),
                TableKind::Table if !has_rows => {
                    let is_filled = state.filled_tables.contains(name);
                    if (is_filled || has_new_counter) && (*has_triggers || *is_versioned || rows > MAX_ROWS_TO_DELETE) {
                        // `TRUNCATE` resets the `AUTO_INCREMENT` value to one, and fires no trigger.
                        statements.push(format!("TRUNCATE {database}{name}"));
                        counter_resets.extend(first.filter(|first| *first > 1).map(set_counter));
                    } else {
                        statements.extend(is_filled.then(|| format!("DELETE FROM {database}{name}")));
                        counter_resets.extend(reset_counter);
                    }
                }
                // The checksum of a versioned table does not cover its history, and restoring its rows would add to the history.
                TableKind::Table if *is_versioned => {
                    return Err(NotRecycled::new(format!(
                        "{name} is system-versioned, so restoring its rows would change its history"
                    )));
                }
                TableKind::Table if !has_new_counter && has_same_checksum(name) => {}
                TableKind::Table if *has_triggers => {
                    return Err(NotRecycled::new(format!(
                        "the test changed {name}, whose triggers would fire once more"
                    )));
                }
                TableKind::Table => {
                    statements.push(format!("DELETE FROM {database}{name}"));
                    statements.push(self.inventory.fill(table, &database));
                    counter_resets.extend(reset_counter);
                }
            }
        }
        statements.extend(counter_resets);
        Ok(statements.join("; "))
    }
}

impl Snapshot for MysqlSnapshot {
    fn has_just_answered(&self) -> bool {
        self.last_answer.elapsed() < MIN_RECOVERY_TIME
    }

    async fn is_alive(&mut self) -> bool {
        self.connection.ping().await.is_ok()
    }

    async fn close(self) {
        let _ = self.connection.close().await;
    }
}
