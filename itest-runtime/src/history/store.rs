//! The database of past runs: SQLite in a file, or PostgreSQL for a team.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Connection, Executor, Row, Transaction};

use super::address::{Address, Kind};
use super::error::{HistoryError, is_locked};
use super::run::{Attempt, Key, OUTCOMES, Run};
use super::schema::migrate;
use crate::model::{LAST_UNIX_MS, MAX_DURATION, Outcome, TestId};

/// The most rows of one INSERT statement. A row has at most eight values, and both databases accept that many
/// parameters.
const MAX_ROWS_PER_STATEMENT: usize = 500;

/// How long to retry opening the history while another process creates or locks it. Imports are faster than this.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

/// The pause between two attempts to open the history.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// A connection to the database of past runs.
#[derive(Debug)]
pub(crate) struct Store {
    connection: AnyConnection,
    address: Address,
}

/// The result of adding a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Insertion {
    /// The run was added.
    New,
    /// The run was already in the history.
    AlreadyPresent,
}

impl Store {
    /// Opens the history and updates its tables. A missing SQLite file is created.
    ///
    /// # Errors
    ///
    /// When the database cannot be opened, or is not a history.
    pub(crate) async fn open(address: &Address) -> Result<Self, HistoryError> {
        sqlx::any::install_default_drivers();
        let since = Instant::now();
        loop {
            match Self::try_open(address).await {
                // Two processes that create the same file at the same time can get errors for which SQLite's busy
                // timeout does not apply.
                Err(error) if is_transient(&error) && since.elapsed() < OPEN_TIMEOUT => {
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
                Err(error) => return Err(HistoryError::of(address, "opened")(error)),
                Ok(connection) => return Ok(Self { connection, address: address.clone() }),
            }
        }
    }

    async fn try_open(address: &Address) -> Result<AnyConnection, sqlx::Error> {
        let mut connection = AnyConnection::connect(address.url()).await?;
        if address.kind() == Kind::Sqlite {
            connection.execute("PRAGMA busy_timeout = 2000").await?;
            connection.execute("PRAGMA journal_mode = WAL").await?;
            // A crash of the machine may lose the last runs, but they can be imported again from their records.
            connection.execute("PRAGMA synchronous = NORMAL").await?;
        }
        migrate(&mut connection, address.kind()).await?;
        Ok(connection)
    }

    /// Whether the history contains a run.
    ///
    /// # Errors
    ///
    /// When the database returns an error.
    pub(crate) async fn has(&mut self, key: &Key) -> Result<bool, HistoryError> {
        let sql = "SELECT id FROM itest_runs WHERE suite = $1 AND began_ms = $2 AND process = $3 AND seed = $4";
        let query =
            sqlx::query(sql).bind(&*key.suite).bind(as_i64(key.began_unix_ms)).bind(&*key.process).bind(&*key.seed);
        let row = query.fetch_optional(&mut self.connection).await;
        Ok(row.map_err(HistoryError::of(&self.address, "read"))?.is_some())
    }

    /// Adds a run in one transaction. A run that is already in the history is not changed.
    ///
    /// # Errors
    ///
    /// When the database returns an error.
    pub(crate) async fn add(&mut self, run: &Run) -> Result<Insertion, HistoryError> {
        add(&mut self.connection, self.address.kind(), run).await.map_err(HistoryError::of(&self.address, "written"))
    }

    /// Deletes the runs of a suite that began before `before_unix_ms`, in milliseconds since 1970. It also deletes runs
    /// that began after the last moment that can be shown as a date.
    ///
    /// # Errors
    ///
    /// When the database returns an error.
    pub(crate) async fn forget(&mut self, suite: &str, before_unix_ms: u64) -> Result<(), HistoryError> {
        let sql = "DELETE FROM itest_runs WHERE suite = $1 AND (began_ms < $2 OR began_ms > $3)";
        let query = sqlx::query(sql).bind(suite).bind(as_i64(before_unix_ms)).bind(as_i64(LAST_UNIX_MS));
        let deleted = query.execute(&mut self.connection).await;
        deleted.map(drop).map_err(HistoryError::of(&self.address, "written"))
    }

    /// All runs of a suite, oldest first.
    ///
    /// # Errors
    ///
    /// When the database returns an error.
    pub(crate) async fn runs(&mut self, suite: &str) -> Result<Vec<Run>, HistoryError> {
        read(&mut self.connection, suite).await.map_err(HistoryError::of(&self.address, "read"))
    }

    /// Closes the connection, so that SQLite moves all data from its write-ahead log into the file.
    ///
    /// # Errors
    ///
    /// When the database returns an error.
    pub(crate) async fn close(self) -> Result<(), HistoryError> {
        self.connection.close().await.map_err(HistoryError::of(&self.address, "closed"))
    }
}

/// Whether the operation may succeed if it is tried again.
fn is_transient(error: &sqlx::Error) -> bool {
    let text = error.to_string();
    is_locked(error) || text.contains("already exists") || text.contains("UNIQUE constraint failed: itest_migrations")
}

async fn add(connection: &mut AnyConnection, kind: Kind, run: &Run) -> Result<Insertion, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    // The first statement of the transaction writes, so that SQLite waits at this point for other writers. It cannot
    // wait later, when a reading transaction starts to write.
    let sql = "INSERT INTO itest_runs (suite, began_ms, process, seed, build, revision, code, shard, environment) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING id";
    let Key { suite, began_unix_ms, process, seed } = &run.key;
    let environment = serde_json::to_string(&run.environment).unwrap_or_default();
    let query = sqlx::query(sql).bind(&**suite).bind(as_i64(*began_unix_ms)).bind(&**process).bind(&**seed);
    let query = query.bind(&*run.build).bind(&*run.revision).bind(&*run.code).bind(&*run.shard).bind(environment);
    let Some(row) = query.fetch_optional(&mut *transaction).await? else {
        transaction.rollback().await?;
        return Ok(Insertion::AlreadyPresent);
    };
    let id: i64 = row.try_get(0)?;
    let tests = tests(&mut transaction, kind, run).await?;
    for (batch, attempts) in run.attempts.chunks(MAX_ROWS_PER_STATEMENT).enumerate() {
        let sql = insert(
            kind,
            "itest_attempts (run, position, test, attempt, outcome, elapsed_us, phase, message)",
            attempts.len(),
            8,
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (position, attempt) in attempts.iter().enumerate() {
            let Attempt { test, number: count, outcome, elapsed, phase, message } = attempt;
            let word = OUTCOMES.iter().find(|(known, _)| known == outcome).map_or("", |(_, word)| *word);
            let test = tests.get(test.as_str()).copied().unwrap_or_default();
            let position = i64::try_from(batch * MAX_ROWS_PER_STATEMENT + position).unwrap_or(i64::MAX);
            let elapsed = i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
            query = query.bind(id).bind(position).bind(test).bind(i64::from(*count)).bind(word).bind(elapsed);
            query = query.bind(&**phase).bind(&**message);
        }
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(Insertion::New)
}

/// The database ids of a run's tests, by name. Tests that are not in the database yet are added.
async fn tests(
    transaction: &mut Transaction<'_, Any>,
    kind: Kind,
    run: &Run,
) -> Result<HashMap<String, i64>, sqlx::Error> {
    let suite = run.key.suite.as_str();
    let mut known = known_tests(transaction, suite).await?;
    // Tests are added in the order of their names, so that two imports at the same time cannot deadlock.
    let names: BTreeSet<&str> = run.attempts.iter().map(|attempt| attempt.test.as_str()).collect();
    let new: Vec<&str> = names.into_iter().filter(|name| !known.contains_key(*name)).collect();
    if new.is_empty() {
        return Ok(known);
    }
    for names in new.chunks(MAX_ROWS_PER_STATEMENT) {
        let sql = insert(kind, "itest_tests (suite, name)", names.len(), 2) + " ON CONFLICT DO NOTHING";
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for name in names {
            query = query.bind(suite).bind(*name);
        }
        query.execute(&mut **transaction).await?;
    }
    known = known_tests(transaction, suite).await?;
    Ok(known)
}

async fn known_tests(transaction: &mut Transaction<'_, Any>, suite: &str) -> Result<HashMap<String, i64>, sqlx::Error> {
    let query = sqlx::query("SELECT name, id FROM itest_tests WHERE suite = $1").bind(suite);
    query.fetch_all(&mut **transaction).await?.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// `INSERT INTO table (columns) VALUES ($1, $2), ($3, $4)`. For SQLite the parameters are `?`, because SQLite looks up
/// numbered parameters one by one, which is slow for thousands of them.
fn insert(kind: Kind, into: &str, rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    let sql = format!("INSERT INTO {into} VALUES {}", vec![row.as_str(); rows].join(", "));
    match kind {
        Kind::Sqlite => sql,
        #[cfg(feature = "history-postgres")]
        Kind::Postgres => numbered(&sql),
    }
}

#[cfg(feature = "history-postgres")]
fn numbered(sql: &str) -> String {
    let mut parts = sql.split('?');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.zip(1..).fold(first, |text, (part, number): (&str, usize)| text + "$" + &number.to_string() + part)
}

async fn read(connection: &mut AnyConnection, suite: &str) -> Result<Vec<Run>, sqlx::Error> {
    let sql = "SELECT id, began_ms, process, seed, build, revision, code, shard, environment FROM itest_runs \
               WHERE suite = $1 ORDER BY began_ms, id";
    let mut runs = Vec::new();
    let mut places = HashMap::new();
    for row in sqlx::query(sql).bind(suite).fetch_all(&mut *connection).await? {
        places.insert(row.try_get::<i64, _>(0)?, runs.len());
        runs.push(run(suite, &row)?);
    }
    let sql = "SELECT id, name FROM itest_tests WHERE suite = $1";
    let mut tests: BTreeMap<i64, TestId> = BTreeMap::new();
    for row in sqlx::query(sql).bind(suite).fetch_all(&mut *connection).await? {
        tests.insert(row.try_get(0)?, TestId::new(row.try_get::<String, _>(1)?));
    }
    let sql = "SELECT a.run, a.test, a.attempt, a.outcome, a.elapsed_us, a.phase, a.message FROM itest_attempts a \
               JOIN itest_runs r ON r.id = a.run WHERE r.suite = $1 ORDER BY a.run, a.position";
    for row in sqlx::query(sql).bind(suite).fetch_all(&mut *connection).await? {
        // Another process may have added a run since the runs were read.
        let place = places.get(&row.try_get::<i64, _>(0)?);
        let (Some(place), Some(test)) = (place, tests.get(&row.try_get::<i64, _>(1)?)) else { continue };
        let word: String = row.try_get(3)?;
        let outcome = OUTCOMES.iter().find(|(_, known)| *known == word).map(|(outcome, _)| *outcome);
        let attempt = Attempt {
            test: test.clone(),
            number: u32::try_from(row.try_get::<i64, _>(2)?).unwrap_or(u32::MAX),
            // An outcome that only a later version of itest knows counts as interrupted.
            outcome: outcome.unwrap_or(Outcome::Interrupted),
            elapsed: Duration::from_micros(u64::try_from(row.try_get::<i64, _>(4)?).unwrap_or_default())
                .min(MAX_DURATION),
            phase: row.try_get(5)?,
            message: row.try_get(6)?,
        };
        runs[*place].attempts.push(attempt);
    }
    Ok(runs)
}

fn run(suite: &str, row: &AnyRow) -> Result<Run, sqlx::Error> {
    let key = Key {
        suite: suite.to_owned(),
        began_unix_ms: u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or_default(),
        process: row.try_get(2)?,
        seed: row.try_get(3)?,
    };
    Ok(Run {
        key,
        build: row.try_get(4)?,
        revision: row.try_get(5)?,
        code: row.try_get(6)?,
        shard: row.try_get(7)?,
        environment: serde_json::from_str(&row.try_get::<String, _>(8)?).unwrap_or_default(),
        attempts: Vec::new(),
    })
}

fn as_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run with more attempts than fit into one statement.
    fn run(began_unix_ms: u64) -> Run {
        let one = |number: u32| Attempt {
            test: TestId::new(format!("orders::pay::case_{}", number % 700)),
            number: number / 700 + 1,
            outcome: OUTCOMES[number as usize % OUTCOMES.len()].0,
            elapsed: Duration::from_micros(u64::from(number)),
            phase: "act".to_owned(),
            message: format!("it's \"{number}\" — ü; DROP TABLE itest_runs; $1 ?"),
        };
        let key = Key { suite: "shop".into(), began_unix_ms, process: "7".into(), seed: u64::MAX.to_string() };
        let environment = BTreeMap::from([("os".to_owned(), "linux".to_owned())]);
        let attempts = (0..1_234).map(one).collect();
        Run {
            key,
            build: "b".into(),
            revision: "r".into(),
            code: "c".into(),
            shard: "1/2".into(),
            environment,
            attempts,
        }
    }

    #[tokio::test]
    async fn run_is_stored_once_and_read_back_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::of_file(&folder.path().join("past runs?.sqlite"));
        let mut store = Store::open(&address).await.unwrap();
        let (old, new) = (run(1_000), run(2_000));
        for (run, expected) in [(&new, Insertion::New), (&old, Insertion::New), (&new, Insertion::AlreadyPresent)] {
            assert_eq!(store.add(run).await.unwrap(), expected);
        }
        assert!(store.has(&new.key).await.unwrap());
        assert!(!store.has(&run(3_000).key).await.unwrap());
        store.close().await.unwrap();

        let mut store = Store::open(&address).await.unwrap();
        assert_eq!(store.runs("shop").await.unwrap(), [old, new.clone()], "oldest first");
        assert_eq!(store.runs("other").await.unwrap(), []);
        store.forget("other", u64::MAX).await.unwrap();
        store.forget("shop", 2_000).await.unwrap();
        assert_eq!(store.runs("shop").await.unwrap(), [new]);
    }

    #[cfg(feature = "history-postgres")]
    #[test]
    fn parameters_are_numbered_for_postgres_only() {
        assert_eq!(insert(Kind::Sqlite, "a (b, c)", 2, 2), "INSERT INTO a (b, c) VALUES (?, ?), (?, ?)");
        assert_eq!(insert(Kind::Postgres, "a (b, c)", 2, 2), "INSERT INTO a (b, c) VALUES ($1, $2), ($3, $4)");
    }

    /// The database may have been written by another program, or while the clock was wrong.
    #[tokio::test]
    async fn extreme_numbers_are_shown_and_far_future_runs_are_deleted() {
        const NUMBERS: [i64; 6] = [i64::MIN, -1, 0, 1, 253_402_300_800_000, i64::MAX];
        let folder = tempfile::tempdir().unwrap();
        let address = Address::of_file(&folder.path().join("history.sqlite"));
        let mut store = Store::open(&address).await.unwrap();
        let began: Vec<_> =
            NUMBERS.map(|began| format!("('s', {began}, '1', 'x', '', 'r', 'c', '', 'no json')")).into();
        let runs = "INSERT INTO itest_runs (suite, began_ms, process, seed, build, revision, code, shard, environment) VALUES ";
        store.connection.execute(AssertSqlSafe(runs.to_owned() + &began.join(", "))).await.unwrap();
        store.connection.execute("INSERT INTO itest_tests (suite, name) VALUES ('s', 'a\u{1b}\n\"b')").await.unwrap();
        let attempts = "INSERT INTO itest_attempts (run, position, test, attempt, outcome, elapsed_us, phase, message) \
                        SELECT r.id, p.began_ms, t.id, a.began_ms, o.word, e.began_ms, '', '' FROM itest_runs r, itest_runs p, \
                        itest_tests t, itest_runs a, itest_runs e, \
                        (SELECT 'passed' AS word UNION SELECT 'failed' UNION SELECT 'new' UNION SELECT 'skipped') o \
                        WHERE (p.id + a.id + e.id) % 6 = 0 ON CONFLICT DO NOTHING";
        store.connection.execute(attempts).await.unwrap();
        let report = |runs: &[Run]| {
            let history = crate::history::SuiteHistory::of(runs, |_| true);
            let mut text = Vec::new();
            crate::history::write_table(&history, "s", &BTreeMap::new(), &mut text).unwrap();
            crate::history::write_lines(&history, "s", &BTreeMap::new(), &mut text).unwrap();
            String::from_utf8(text).unwrap()
        };
        assert!(report(&store.runs("s").await.unwrap()).contains("6 runs from 1970-01-01 00:00 to 9999-12-31 23:59"));
        store.forget("s", 0).await.unwrap();
        assert!(report(&store.runs("s").await.unwrap()).contains("2 runs from 1970-01-01 00:00 to 1970-01-01 00:00"));
    }

    #[tokio::test]
    async fn history_of_a_later_version_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::of_file(&folder.path().join("history.sqlite"));
        let mut store = Store::open(&address).await.unwrap();
        let later = "INSERT INTO itest_migrations (version, description, success, checksum, execution_time) \
                     VALUES (2, 'later', TRUE, x'00', 0)";
        store.connection.execute(later).await.unwrap();
        store.close().await.unwrap();
        let error = Store::open(&address).await.unwrap_err().in_one_line();
        assert!(error.contains("cannot be opened (a later itest has changed it: use that one)"), "{error}");
    }
}
