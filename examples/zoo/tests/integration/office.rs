//! The fixtures that all tests of a run share: an office with a folder and a database, and a till that tests borrow exclusively.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use itest::prelude::*;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

const SCHEMA: &str = "
    CREATE TABLE shelves (name TEXT PRIMARY KEY);
    INSERT INTO shelves VALUES ('novels'), ('poems'), ('maps');
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    INSERT INTO settings VALUES ('owner', 'ada');
    CREATE TABLE expenses (name TEXT PRIMARY KEY, amount INTEGER NOT NULL);
    CREATE TABLE guests (name TEXT PRIMARY KEY);
    CREATE TABLE users (name TEXT PRIMARY KEY, password TEXT NOT NULL);
    CREATE TABLE accounts (email TEXT PRIMARY KEY);
    CREATE TABLE orders (name TEXT PRIMARY KEY, status TEXT NOT NULL);
    CREATE TABLE stock (article TEXT PRIMARY KEY, quantity INTEGER NOT NULL);
    INSERT INTO stock VALUES ('atlas', 10);
    CREATE TABLE movements (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL);
    CREATE TABLE arrivals (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL);
    CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT NOT NULL);
";

/// The session's folder and database.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Office {
    folder: PathBuf,
}

#[fixture(scope = "session")]
async fn office(teardown: &Teardown) -> Result<Office> {
    let folder = TempDir::create("office", teardown)?.path().to_path_buf();
    let office = Office { folder };
    let mut books = connection_to(&office.join("books.sqlite")).connect().await?;
    sqlx::raw_sql(SCHEMA).execute(&mut books).await?;
    books.close().await?;
    let mut vault = office.vault().connect().await?;
    sqlx::raw_sql("CREATE TABLE coins (value INTEGER NOT NULL)").execute(&mut vault).await?;
    vault.close().await?;
    Ok(office)
}

impl Office {
    /// A path in the folder.
    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A second database. A connection that finds it locked fails at once.
    pub(crate) fn vault(&self) -> SqliteConnectOptions {
        let options = SqliteConnectOptions::new().filename(self.join("vault.sqlite")).create_if_missing(true);
        options.synchronous(SqliteSynchronous::Off).busy_timeout(Duration::ZERO)
    }
}

fn connection_to(path: &Path) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    // The database does not need to survive a power cut.
    options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Off)
}

/// A worker's connections to the office's database.
#[derive(Debug)]
pub(crate) struct Books {
    pool: SqlitePool,
}

#[fixture(scope = "worker")]
async fn books(office: &Office, teardown: &Teardown) -> Result<Books> {
    // The only connection is opened here, because the thread of a connection that a test opens would count as the test's leak.
    let options = SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None).max_connections(1);
    let pool = options.connect_with(connection_to(&office.join("books.sqlite"))).await?;
    let closed = pool.clone();
    teardown.defer("close the books", async move { closed.close().await });
    Ok(Books { pool })
}

impl Books {
    /// The connections.
    pub(crate) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Executes a statement, and returns the number of changed rows.
    pub(crate) async fn execute(&self, statement: &'static str) -> Result<u64> {
        Ok(sqlx::query(statement).execute(&self.pool).await?.rows_affected())
    }

    /// The number that a query returns.
    pub(crate) async fn number(&self, query: &'static str) -> Result<i64> {
        Ok(sqlx::query_scalar(query).fetch_one(&self.pool).await?)
    }

    /// The text that a query returns, if it returns a row.
    pub(crate) async fn text(&self, query: &'static str) -> Result<Option<String>> {
        Ok(sqlx::query_scalar(query).fetch_optional(&self.pool).await?)
    }
}

/// A file with a sum. Tests that change it borrow `&mut Till`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Till {
    path: PathBuf,
}

#[fixture(scope = "session")]
fn till(teardown: &Teardown) -> Result<Till> {
    let path = TempDir::create("till", teardown)?.join("sum");
    std::fs::write(&path, "100")?;
    Ok(Till { path })
}

impl Till {
    /// The sum in the till.
    pub(crate) fn sum(&self) -> Result<u32> {
        Ok(std::fs::read_to_string(&self.path)?.parse()?)
    }

    /// Writes a new sum.
    pub(crate) fn put(&mut self, sum: u32) -> Result<()> {
        Ok(std::fs::write(&self.path, sum.to_string())?)
    }
}

/// The machines of a worker, which keep their state between tests.
#[derive(Debug, Default)]
pub(crate) struct Machines {
    /// Whether the only phone line is taken.
    pub(crate) line_taken: AtomicU32,
    /// The number on the calculator's display.
    pub(crate) calculator: u32,
    /// The number on the last ticket of the ticket machine.
    pub(crate) tickets: AtomicU32,
    /// The additional letter of the typewriter.
    pub(crate) letter: Mutex<Option<&'static str>>,
    /// The number of copied sheets.
    pub(crate) sheets: u32,
}

#[fixture(scope = "worker")]
fn machines() -> Machines {
    Machines::default()
}

impl Machines {
    /// The next ticket's number.
    pub(crate) fn next_ticket(&self) -> u32 {
        self.tickets.fetch_add(1, Ordering::Relaxed) + 1
    }
}
