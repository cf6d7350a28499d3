//! Giving a test's database back as it was.

use std::collections::HashSet;
use std::fmt::Write;
use std::future::poll_fn;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::postgres::types::Oid;
use sqlx::{AssertSqlSafe, Connection, Executor};

use itest_runtime::Error;

use super::checkup::{Age, Checkup, SchemaChange, Seen, State, counted, now, schema_change};
use super::connection::{connect, literal};
use super::inventory::{Inventory, Kind, Relation, entries};
use crate::database::{NotRecycled, Snapshot, describe, failed_to};
use crate::service::Address;

/// How long the sessions that a test has closed may take to end.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(250);

/// The pause between two looks at them.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// With so many dead rows, a vacuum saves more time than it takes.
const MAX_DEAD_ROWS: i64 = 1000;

/// A server that has answered so recently has not crashed and recovered since, because that takes longer.
const RECENTLY: Duration = Duration::from_millis(5);

/// What costs a database most often.
const CHANGED_SCHEMA: &str = "the test changed the schema";

/// Keeps a database as it was when it was cloned.
#[derive(Debug)]
pub(crate) struct Keeper {
    connection: PgConnection,
    inventory: Inventory,
    checkup: Checkup,
    /// What the last look saw.
    state: State,
    /// How many entries each catalog has.
    counts: Vec<i64>,
    /// When everything was as it shall be.
    since: Age,
    /// Rows that are dead and not vacuumed, and their tables.
    dead: (i64, HashSet<String>),
    /// When the server last did what it was asked for.
    answered: Instant,
}

impl Keeper {
    /// Looks at a database that was just cloned and that no test uses yet. [`NotRecycled`] says why it cannot be recycled at all.
    pub(super) async fn of(address: &Address, database: &str) -> Result<Result<Self, NotRecycled>, Error> {
        let mut connection = connect(address, Some(database)).await?;
        let inventory = match Inventory::take(&mut connection).await? {
            Ok(inventory) => inventory,
            Err(reason) => return Ok(Err(NotRecycled::new(reason))),
        };
        let checkup = Checkup::of(&inventory);
        let begin = async {
            // Each look shall see what is there now. Rows are given back without triggers and checks; were that set for each
            // transaction, the server would plan every look anew.
            connection.execute("SET stats_fetch_consistency = none; SET session_replication_role = replica").await?;
            let counts = counted(&mut connection, &inventory).await?;
            let since = now(&mut connection).await?;
            let seen = checkup.look(&mut connection, &[]).await?;
            Ok::<_, sqlx::Error>((counts, since, seen))
        };
        let (counts, since, seen) = begin.await.map_err(|error| failed_to("look at a new database", &error))?;
        let Seen::State(state) = seen else {
            return Ok(Err(NotRecycled::new("another session uses it already")));
        };
        let (dead, answered) = (Default::default(), Instant::now());
        Ok(Ok(Self { connection, inventory, checkup, state, counts, since, dead, answered }))
    }

    /// Whether the sessions of one test must not be those of another.
    pub(super) fn wants_new_sessions(&self) -> bool {
        self.inventory.reads_settings
    }

    /// Makes the database what it was. All sessions in it but `own` must be over, and those idle.
    pub(super) async fn restore(&mut self, own: &[i32]) -> Result<(), NotRecycled> {
        self.put_right(own).await?;
        self.answered = Instant::now();
        Ok(())
    }

    async fn put_right(&mut self, own: &[i32]) -> Result<(), NotRecycled> {
        let seen = self.look(own).await?;
        if seen.prepared > 0 {
            return Err(NotRecycled::new("the test left a prepared transaction"));
        }
        if seen.settings != self.state.settings {
            return Err(NotRecycled::new("the test changed the settings or the counts of the database"));
        }
        let mut touched: HashSet<Oid> = HashSet::new();
        for ((relation, before), after) in
            self.inventory.relations.iter().zip(&self.state.relations).zip(&seen.relations)
        {
            if before != after {
                touched.insert(relation.oid);
            }
        }
        if seen.catalogs != self.state.catalogs {
            match schema_change(&mut self.connection, &self.inventory, &self.counts, &self.since).await? {
                SchemaChange::Rewritten(rewritten) if rewritten.is_empty() => {}
                SchemaChange::Rewritten(rewritten) => {
                    self.inventory.entries = entries(&mut self.connection).await?;
                    self.since = now(&mut self.connection).await?;
                    touched.extend(rewritten);
                }
                SchemaChange::Other => return Err(NotRecycled::new(CHANGED_SCHEMA)),
            }
        }
        let written: i64 = seen.relations.iter().sum::<i64>() - self.state.relations.iter().sum::<i64>();
        let moved: Vec<String> = self.moved_sequences(&seen);
        if touched.is_empty() && moved.is_empty() {
            self.state = seen;
            return Ok(());
        }
        self.state = seen;
        self.give_back(&touched, &moved).await?;
        self.dead.0 += written;
        if self.dead.0 > MAX_DEAD_ROWS {
            self.vacuum().await?;
        }
        Ok(())
    }

    /// Looks until the sessions that were closed are over.
    async fn look(&mut self, own: &[i32]) -> Result<State, NotRecycled> {
        let since = Instant::now();
        loop {
            let seen = self.checkup.look(&mut self.connection, own).await;
            let count = match seen.map_err(|error| NotRecycled::new(CHANGED_SCHEMA).with(describe(&error)))? {
                Seen::State(state) => return Ok(state),
                Seen::Sessions(count) => count,
            };
            if since.elapsed() > CLOSE_TIMEOUT {
                return Err(NotRecycled::new("the test left sessions of its own in the database")
                    .with(format!("{count} of them")));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// What puts back the sequences that have moved.
    fn moved_sequences(&self, seen: &State) -> Vec<String> {
        let mut moved = Vec::new();
        for (sequence, state) in self.inventory.sequences.iter().zip(&seen.sequences) {
            if sequence.state() != *state {
                let name = literal(&sequence.name);
                moved.push(format!("SELECT setval({name}, {}, {})", sequence.last, sequence.is_called));
            }
        }
        moved
    }

    /// Everything in one transaction; without triggers, and without checks: what is there afterwards was there before.
    ///
    /// The counts that the server will have afterwards are known from what each statement says of itself. Were one of them wrong, a
    /// table would be taken for touched that was not, and that once.
    async fn give_back(&mut self, touched: &HashSet<Oid>, moved: &[String]) -> Result<(), NotRecycled> {
        let mut script = "BEGIN".to_owned();
        let mut emptied = Vec::new();
        for (place, relation) in self.inventory.relations.iter().enumerate() {
            if !touched.contains(&relation.oid) {
                continue;
            }
            if relation.kind == Kind::Irreplaceable {
                return Err(NotRecycled::new(format!(
                    "the test changed {}, whose rows cannot be given back",
                    relation.name
                )));
            }
            let _ = write!(script, "; DELETE FROM ONLY {}", relation.name);
            self.dead.1.insert(relation.name.clone());
            emptied.push(place);
        }
        for setval in moved {
            let _ = write!(script, "; {setval}");
        }
        // The counts of this transaction are written down when it is over.
        let end = "; COMMIT; SELECT pg_stat_force_next_flush()";
        let seeded: Vec<usize> =
            emptied.iter().copied().filter(|place| self.inventory.relations[*place].rows.is_some()).collect();
        if seeded.is_empty() {
            script.push_str(end);
        }
        let mut deleted = Vec::new();
        let mut results = sqlx::raw_sql(AssertSqlSafe(script)).execute_many(&mut self.connection);
        while let Some(result) = poll_fn(|context| results.as_mut().poll_next(context)).await {
            deleted.push(result?.rows_affected());
        }
        drop(results);
        // The first is that of `BEGIN`.
        for (place, deleted) in emptied.iter().zip(deleted.into_iter().skip(1)) {
            self.count(*place, deleted);
        }
        if seeded.is_empty() {
            return Ok(());
        }
        for place in seeded {
            let Relation { name, rows, .. } = &self.inventory.relations[place];
            let mut copy = self.connection.copy_in_raw(&format!("COPY {name} FROM STDIN (FORMAT binary)")).await?;
            copy.send(rows.as_deref().unwrap_or_default()).await?;
            let inserted = copy.finish().await?;
            self.count(place, inserted);
        }
        self.connection.execute(end.trim_start_matches("; ")).await?;
        Ok(())
    }

    fn count(&mut self, place: usize, changed: u64) {
        let changed = i64::try_from(changed).unwrap_or(i64::MAX);
        if let Some(count) = self.state.relations.get_mut(place) {
            *count = count.saturating_add(changed);
        }
        self.dead.0 = self.dead.0.saturating_add(changed);
    }

    /// Tables that are emptied again and again grow by what is dead in them.
    async fn vacuum(&mut self) -> Result<(), NotRecycled> {
        let (_, tables) = std::mem::take(&mut self.dead);
        let tables: Vec<String> = tables.into_iter().collect();
        self.connection.execute(AssertSqlSafe(format!("VACUUM {}", tables.join(", ")))).await?;
        Ok(())
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
