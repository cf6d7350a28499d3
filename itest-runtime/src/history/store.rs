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

/// Rows in one statement. With eight values each it stays below what both databases take.
const BATCH: usize = 500;

/// Somebody else's import takes less than this.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait before a file is tried again that somebody else is just making.
const PAUSE: Duration = Duration::from_millis(20);

/// An open history.
#[derive(Debug)]
pub(crate) struct Store {
    connection: AnyConnection,
    address: Address,
}

/// What became of a run that was to be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is new.
    Now,
    /// It was there.
    Before,
}

impl Store {
    /// Connects, and brings the tables up to date; a file that is not there is made.
    ///
    /// # Errors
    ///
    /// When there is no such database, or it is something else.
    pub(crate) async fn open(address: &Address) -> Result<Self, HistoryError> {
        sqlx::any::install_default_drivers();
        let since = Instant::now();
        loop {
            match Self::try_open(address).await {
                // Two processes that make one file get into each other's way in ways for which SQLite does not wait.
                Err(error) if is_passing(&error) && since.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
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
            // A crash of the machine may cost the last runs, whose records are still there.
            connection.execute("PRAGMA synchronous = NORMAL").await?;
        }
        migrate(&mut connection, address.kind()).await?;
        Ok(connection)
    }

    /// Whether a run is there.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub(crate) async fn has(&mut self, key: &Key) -> Result<bool, HistoryError> {
        let sql = "SELECT id FROM itest_runs WHERE suite = $1 AND began_ms = $2 AND process = $3 AND seed = $4";
        let query =
            sqlx::query(sql).bind(&*key.suite).bind(number(key.began_unix_ms)).bind(&*key.process).bind(&*key.seed);
        let found = query.fetch_optional(&mut self.connection).await;
        Ok(found.map_err(HistoryError::of(&self.address, "read"))?.is_some())
    }

    /// Takes a run in, whole or not at all. One that is there stays as it is.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub(crate) async fn add(&mut self, run: &Run) -> Result<Added, HistoryError> {
        add(&mut self.connection, self.address.kind(), run).await.map_err(HistoryError::of(&self.address, "written"))
    }

    /// Forgets the runs of a suite that began before a moment, in milliseconds since 1970, and those that say that they began after the
    /// last moment that has a date.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub(crate) async fn forget(&mut self, suite: &str, before_unix_ms: u64) -> Result<(), HistoryError> {
        let sql = "DELETE FROM itest_runs WHERE suite = $1 AND (began_ms < $2 OR began_ms > $3)";
        let query = sqlx::query(sql).bind(suite).bind(number(before_unix_ms)).bind(number(LAST_UNIX_MS));
        let forgotten = query.execute(&mut self.connection).await;
        forgotten.map(drop).map_err(HistoryError::of(&self.address, "written"))
    }

    /// All runs of a suite, oldest first.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub(crate) async fn runs(&mut self, suite: &str) -> Result<Vec<Run>, HistoryError> {
        read(&mut self.connection, suite).await.map_err(HistoryError::of(&self.address, "read"))
    }

    /// Takes leave, so that what was written is in the file and not beside it.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub(crate) async fn close(self) -> Result<(), HistoryError> {
        self.connection.close().await.map_err(HistoryError::of(&self.address, "closed"))
    }
}

/// Whether the same may succeed in a moment.
fn is_passing(error: &sqlx::Error) -> bool {
    let text = error.to_string();
    is_locked(error) || text.contains("already exists") || text.contains("UNIQUE constraint failed: itest_migrations")
}

async fn add(connection: &mut AnyConnection, kind: Kind, run: &Run) -> Result<Added, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    // The first statement writes, so that SQLite waits here for other writers, where it can wait.
    let sql = "INSERT INTO itest_runs (suite, began_ms, process, seed, build, revision, code, shard, environment) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING id";
    let Key { suite, began_unix_ms, process, seed } = &run.key;
    let environment = serde_json::to_string(&run.environment).unwrap_or_default();
    let query = sqlx::query(sql).bind(&**suite).bind(number(*began_unix_ms)).bind(&**process).bind(&**seed);
    let query = query.bind(&*run.build).bind(&*run.revision).bind(&*run.code).bind(&*run.shard).bind(environment);
    let Some(row) = query.fetch_optional(&mut *transaction).await? else {
        transaction.rollback().await?;
        return Ok(Added::Before);
    };
    let id: i64 = row.try_get(0)?;
    let tests = tests(&mut transaction, kind, run).await?;
    for (batch, attempts) in run.attempts.chunks(BATCH).enumerate() {
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
            let position = i64::try_from(batch * BATCH + position).unwrap_or(i64::MAX);
            let elapsed = i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
            query = query.bind(id).bind(position).bind(test).bind(i64::from(*count)).bind(word).bind(elapsed);
            query = query.bind(&**phase).bind(&**message);
        }
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(Added::Now)
}

/// The numbers of a run's tests, which are given to new ones.
async fn tests(
    transaction: &mut Transaction<'_, Any>,
    kind: Kind,
    run: &Run,
) -> Result<HashMap<String, i64>, sqlx::Error> {
    let suite = run.key.suite.as_str();
    let mut known = known_tests(transaction, suite).await?;
    // In the order of their names: two imports that wait for each other's names would wait for ever.
    let names: BTreeSet<&str> = run.attempts.iter().map(|attempt| attempt.test.as_str()).collect();
    let new: Vec<&str> = names.into_iter().filter(|name| !known.contains_key(*name)).collect();
    if new.is_empty() {
        return Ok(known);
    }
    for names in new.chunks(BATCH) {
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

/// `INSERT INTO table (columns) VALUES ($1, $2), ($3, $4)`, or with `?` for SQLite: it looks for names of parameters one by one,
/// which takes longer than everything else where there are thousands.
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
        // Somebody may have added a run meanwhile.
        let place = places.get(&row.try_get::<i64, _>(0)?);
        let (Some(place), Some(test)) = (place, tests.get(&row.try_get::<i64, _>(1)?)) else { continue };
        let word: String = row.try_get(3)?;
        let outcome = OUTCOMES.iter().find(|(_, known)| *known == word).map(|(outcome, _)| *outcome);
        let attempt = Attempt {
            test: test.clone(),
            number: u32::try_from(row.try_get::<i64, _>(2)?).unwrap_or(u32::MAX),
            // What a later itest may have found out says nothing to this one.
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

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More attempts than one statement takes.
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
    async fn what_was_taken_in_once_is_there_once_and_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::of_file(&folder.path().join("past runs?.sqlite"));
        let mut store = Store::open(&address).await.unwrap();
        let (old, new) = (run(1_000), run(2_000));
        for (run, expected) in [(&new, Added::Now), (&old, Added::Now), (&new, Added::Before)] {
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
    fn parameters_have_numbers_where_they_need_them() {
        assert_eq!(insert(Kind::Sqlite, "a (b, c)", 2, 2), "INSERT INTO a (b, c) VALUES (?, ?), (?, ?)");
        assert_eq!(insert(Kind::Postgres, "a (b, c)", 2, 2), "INSERT INTO a (b, c) VALUES ($1, $2), ($3, $4)");
    }

    /// The database may have been filled by another program, or with another clock.
    #[tokio::test]
    async fn history_with_extreme_numbers_is_told_and_forgets_the_far_future() {
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
        let told = |runs: &[Run]| {
            let chronicle = crate::history::Chronicle::of(runs, |_| true);
            let mut text = Vec::new();
            crate::history::write_table(&chronicle, "s", &BTreeMap::new(), &mut text).unwrap();
            crate::history::write_lines(&chronicle, "s", &BTreeMap::new(), &mut text).unwrap();
            String::from_utf8(text).unwrap()
        };
        assert!(told(&store.runs("s").await.unwrap()).contains("6 runs from 1970-01-01 00:00 to 9999-12-31 23:59"));
        store.forget("s", 0).await.unwrap();
        assert!(told(&store.runs("s").await.unwrap()).contains("2 runs from 1970-01-01 00:00 to 1970-01-01 00:00"));
    }

    #[tokio::test]
    async fn a_history_of_a_later_itest_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::of_file(&folder.path().join("history.sqlite"));
        let mut store = Store::open(&address).await.unwrap();
        let later = "INSERT INTO itest_migrations (version, description, success, checksum, execution_time) \
                     VALUES (2, 'later', TRUE, x'00', 0)";
        store.connection.execute(later).await.unwrap();
        store.close().await.unwrap();
        let told = Store::open(&address).await.unwrap_err().told();
        assert!(told.contains("cannot be opened (a later itest has changed it: use that one)"), "{told}");
    }
}
