//! Restores the database of a test to its first state.

use std::collections::HashSet;
use std::fmt::Write;
use std::future::poll_fn;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::postgres::types::Oid;
use sqlx::{AssertSqlSafe, Connection, Executor};

use super::change_detector::{
    ChangeDetector, Observation, SchemaChange, State, TransactionId, catalog_counts, compare_schema,
    current_transaction_id,
};
use super::connection::{connect, literal};
use super::inventory::{Inventory, NoSnapshot, Relation, RelationKind, entries};
use crate::database::{NotRecycled, Snapshot, describe, failed_to};
use crate::service::Address;

/// How long the sessions that a test has closed may take to end.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(250);

/// The pause between two checks whether the sessions have ended.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// With more dead rows, a vacuum saves more time than it takes.
const MAX_DEAD_ROWS: i64 = 1000;

/// A server that crashes needs longer than this to recover. A server that has answered within this time therefore has not crashed since.
const MIN_RECOVERY_TIME: Duration = Duration::from_millis(5);

/// The most frequent reason why a database is replaced.
const CHANGED_SCHEMA: &str = "the test changed the schema";

/// Restores a database to the state that it had when it was cloned.
#[derive(Debug)]
pub(crate) struct PostgresSnapshot {
    connection: PgConnection,
    inventory: Inventory,
    change_detector: ChangeDetector,
    /// The last observed state.
    state: State,
    /// The number of entries of each catalog.
    counts: Vec<i64>,
    /// A transaction id at which the schema was in its first state.
    since: TransactionId,
    dead_rows: DeadRows,
    /// When the server last executed a statement.
    last_answer: Instant,
}

/// Dead rows that were not vacuumed yet.
#[derive(Debug, Default)]
struct DeadRows {
    count: i64,
    tables: HashSet<String>,
}

impl PostgresSnapshot {
    /// Reads the first state of a new clone that no test uses yet.
    pub(super) async fn of(address: &Address, database: &str) -> Result<Self, NoSnapshot> {
        let mut connection = connect(address, Some(database)).await.map_err(NoSnapshot::Failed)?;
        let inventory = Inventory::read(&mut connection).await?;
        let change_detector = ChangeDetector::of(&inventory);
        let begin = async {
            // `stats_fetch_consistency = none`, so that each observation reads the current counts. `session_replication_role = replica`, so
            // that rows are restored without triggers and foreign key checks; if it were set for each transaction, the server would plan
            // every statement anew.
            connection.execute("SET stats_fetch_consistency = none; SET session_replication_role = replica").await?;
            let counts = catalog_counts(&mut connection, &inventory).await?;
            let since = current_transaction_id(&mut connection).await?;
            let observation = change_detector.observe(&mut connection, &[]).await?;
            Ok::<_, sqlx::Error>((counts, since, observation))
        };
        let failed = |error| NoSnapshot::Failed(failed_to("read the state of a new database", &error));
        let (counts, since, observation) = begin.await.map_err(failed)?;
        let Observation::State(state) = observation else {
            return Err(NoSnapshot::NotRecyclable("another session uses it already"));
        };
        let (dead_rows, last_answer) = (DeadRows::default(), Instant::now());
        Ok(Self { connection, inventory, change_detector, state, counts, since, dead_rows, last_answer })
    }

    /// Whether the next test needs new sessions, because the schema could read settings that a test has left on its sessions.
    pub(super) fn needs_new_sessions(&self) -> bool {
        self.inventory.reads_settings
    }

    /// Restores the database. `own` are the ids of the idle sessions of the test's pool; all other sessions in the database must end.
    pub(super) async fn restore(&mut self, own: &[i32]) -> Result<(), NotRecycled> {
        self.revert_changes(own).await?;
        self.last_answer = Instant::now();
        Ok(())
    }

    async fn revert_changes(&mut self, own: &[i32]) -> Result<(), NotRecycled> {
        let state = self.observe(own).await?;
        if state.prepared > 0 {
            return Err(NotRecycled::new("the test left a prepared transaction"));
        }
        if state.settings != self.state.settings {
            return Err(NotRecycled::new("the test changed the settings or the counts of the database"));
        }
        let mut touched: HashSet<Oid> = HashSet::new();
        for ((relation, before), after) in
            self.inventory.relations.iter().zip(&self.state.relations).zip(&state.relations)
        {
            if before != after {
                touched.insert(relation.oid);
            }
        }
        if state.catalogs != self.state.catalogs {
            match compare_schema(&mut self.connection, &self.inventory, &self.counts, &self.since).await? {
                SchemaChange::Rewritten(rewritten) if rewritten.is_empty() => {}
                SchemaChange::Rewritten(rewritten) => {
                    self.inventory.entries = entries(&mut self.connection).await?;
                    self.since = current_transaction_id(&mut self.connection).await?;
                    touched.extend(rewritten);
                }
                SchemaChange::Changed => return Err(NotRecycled::new(CHANGED_SCHEMA)),
            }
        }
        let written: i64 = state.relations.iter().sum::<i64>() - self.state.relations.iter().sum::<i64>();
        let moved: Vec<String> = self.moved_sequences(&state);
        if touched.is_empty() && moved.is_empty() {
            self.state = state;
            return Ok(());
        }
        self.state = state;
        self.restore_rows(&touched, &moved).await?;
        self.dead_rows.count += written;
        if self.dead_rows.count > MAX_DEAD_ROWS {
            self.vacuum().await?;
        }
        Ok(())
    }

    /// Observes the state as soon as the sessions that the test has closed have ended.
    async fn observe(&mut self, own: &[i32]) -> Result<State, NotRecycled> {
        let since = Instant::now();
        loop {
            let observation = self.change_detector.observe(&mut self.connection, own).await;
            let count = match observation.map_err(|error| NotRecycled::new(CHANGED_SCHEMA).with(describe(&error)))? {
                Observation::State(state) => return Ok(state),
                Observation::Sessions(count) => count,
            };
            if since.elapsed() > CLOSE_TIMEOUT {
                return Err(NotRecycled::new("the test left sessions of its own in the database")
                    .with(format!("{count} of them")));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The statements that restore the sequences that the test has used.
    fn moved_sequences(&self, current: &State) -> Vec<String> {
        let mut moved = Vec::new();
        for (sequence, state) in self.inventory.sequences.iter().zip(&current.sequences) {
            if sequence.state() != *state {
                let name = literal(&sequence.name);
                moved.push(format!("SELECT setval({name}, {}, {})", sequence.last, sequence.is_called));
            }
        }
        moved
    }

    /// Restores rows and sequences in one transaction, without triggers and checks: the restored rows satisfied the checks before.
    ///
    /// The server's counts after this transaction are computed from the row counts of its statements. If a computed count were wrong, the
    /// next observation would treat an unchanged table as changed, once.
    async fn restore_rows(&mut self, touched: &HashSet<Oid>, moved: &[String]) -> Result<(), NotRecycled> {
        let mut script = "BEGIN".to_owned();
        let mut deleted_from = Vec::new();
        for (index, relation) in self.inventory.relations.iter().enumerate() {
            if !touched.contains(&relation.oid) {
                continue;
            }
            if relation.kind == RelationKind::NotRestorable {
                return Err(NotRecycled::new(format!(
                    "the test changed {}, whose rows cannot be restored",
                    relation.name
                )));
            }
            let _ = write!(script, "; DELETE FROM ONLY {}", relation.name);
            self.dead_rows.tables.insert(relation.name.clone());
            deleted_from.push(index);
        }
        for setval in moved {
            let _ = write!(script, "; {setval}");
        }
        // The server publishes the counts of this transaction after its end.
        let end = "; COMMIT; SELECT pg_stat_force_next_flush()";
        let seeded: Vec<usize> =
            deleted_from.iter().copied().filter(|index| self.inventory.relations[*index].rows.is_some()).collect();
        if seeded.is_empty() {
            script.push_str(end);
        }
        let mut deleted = Vec::new();
        let mut results = sqlx::raw_sql(AssertSqlSafe(script)).execute_many(&mut self.connection);
        while let Some(result) = poll_fn(|context| results.as_mut().poll_next(context)).await {
            deleted.push(result?.rows_affected());
        }
        drop(results);
        // The first result is that of `BEGIN`.
        for (index, deleted) in deleted_from.iter().zip(deleted.into_iter().skip(1)) {
            self.add_changes(*index, deleted);
        }
        if seeded.is_empty() {
            return Ok(());
        }
        for index in seeded {
            let Relation { name, rows, .. } = &self.inventory.relations[index];
            let mut copy = self.connection.copy_in_raw(&format!("COPY {name} FROM STDIN (FORMAT binary)")).await?;
            copy.send(rows.as_deref().unwrap_or_default()).await?;
            let inserted = copy.finish().await?;
            self.add_changes(index, inserted);
        }
        self.connection.execute(end.trim_start_matches("; ")).await?;
        Ok(())
    }

    fn add_changes(&mut self, index: usize, changed: u64) {
        let changed = i64::try_from(changed).unwrap_or(i64::MAX);
        if let Some(count) = self.state.relations.get_mut(index) {
            *count = count.saturating_add(changed);
        }
        self.dead_rows.count = self.dead_rows.count.saturating_add(changed);
    }

    /// Vacuums the changed tables, which otherwise grow by the dead rows of each test.
    async fn vacuum(&mut self) -> Result<(), NotRecycled> {
        let DeadRows { tables, .. } = std::mem::take(&mut self.dead_rows);
        let tables: Vec<String> = tables.into_iter().collect();
        self.connection.execute(AssertSqlSafe(format!("VACUUM {}", tables.join(", ")))).await?;
        Ok(())
    }
}

impl Snapshot for PostgresSnapshot {
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
