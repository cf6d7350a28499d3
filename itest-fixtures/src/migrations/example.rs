//! Examples: rows that migrations must keep.

/// The expected rows of a query that returns none.
pub const NO_ROWS: [[&str; 0]; 0] = [];

/// Rows that exist before a migration, and the expected results of queries after it.
///
/// Each example runs on a new database. All migrations are applied, undone (as far as possible) and applied again with its rows. A
/// migration that leaves a table with fewer rows than before is a problem, unless [`Check::may_lose_rows`](super::Check::may_lose_rows)
/// allows it. The rows of a dropped or renamed table are not counted; only the queries check them.
///
/// # Examples
///
/// ```
/// use itest_fixtures::migrations::Example;
///
/// let example = Example::new("customers keep their names")
///     .before(3, "INSERT INTO customers (name) VALUES ('Ada Lovelace')")
///     .after(3, "SELECT first_name, last_name FROM customers", [["Ada", "Lovelace"]])
///     .undone(3, "SELECT name FROM customers", [["Ada Lovelace"]]);
/// ```
#[derive(Debug, Clone)]
#[must_use = "an example is given to `Check::example`"]
pub struct Example {
    pub(super) name: String,
    pub(super) before: Vec<(i64, String)>,
    pub(super) after: Vec<Expectation>,
    pub(super) undone: Vec<Expectation>,
}

/// The expected result of a query after a migration.
#[derive(Debug, Clone)]
pub(super) struct Expectation {
    pub(super) version: i64,
    pub(super) query: String,
    pub(super) rows: Vec<Vec<String>>,
}

impl Example {
    /// An example without rows. Messages contain its name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), before: Vec::new(), after: Vec::new(), undone: Vec::new() }
    }

    /// Runs a script, usually of `INSERT` statements, just before a migration is applied for the first time.
    pub fn before(mut self, version: i64, script: impl Into<String>) -> Self {
        self.before.push((version, script.into()));
        self
    }

    /// The expected result of a query just after a migration was applied for the first time.
    ///
    /// Cells are compared as the database's text (`t` and `f` in PostgreSQL, `1` and `0` in the others); `NULL` is the text `NULL`. The
    /// order of the rows matters, so the query should sort them.
    pub fn after<R, C>(mut self, version: i64, query: impl Into<String>, rows: impl IntoIterator<Item = R>) -> Self
    where
        R: IntoIterator<Item = C>,
        C: Into<String>,
    {
        self.after.push(Expectation::new(version, query.into(), rows));
        self
    }

    /// The expected result of a query just after a migration was undone.
    pub fn undone<R, C>(mut self, version: i64, query: impl Into<String>, rows: impl IntoIterator<Item = R>) -> Self
    where
        R: IntoIterator<Item = C>,
        C: Into<String>,
    {
        self.undone.push(Expectation::new(version, query.into(), rows));
        self
    }

    /// The versions that the example refers to.
    pub(super) fn versions(&self) -> impl Iterator<Item = i64> {
        let before = self.before.iter().map(|(version, _)| *version);
        before.chain(self.after.iter().chain(&self.undone).map(|expectation| expectation.version))
    }
}

impl Expectation {
    fn new<R, C>(version: i64, query: String, rows: impl IntoIterator<Item = R>) -> Self
    where
        R: IntoIterator<Item = C>,
        C: Into<String>,
    {
        let rows = rows.into_iter().map(|row| row.into_iter().map(Into::into).collect()).collect();
        Self { version, query, rows }
    }

    /// The difference between the expected and the actual rows, line by line, or `None` if they are equal.
    pub(super) fn difference(&self, actual: &[Vec<Option<String>>]) -> Option<String> {
        let expected: Vec<_> = self.rows.iter().map(|row| row.join(" | ")).collect();
        let actual: Vec<_> = actual.iter().map(|row| row_text(row)).collect();
        if expected == actual {
            return None;
        }
        let minus = expected.iter().map(|row| format!("\n  - {row}"));
        let plus = actual.iter().map(|row| format!("\n  + {row}"));
        let none = if actual.is_empty() { Some("\n  + (no rows)".to_owned()) } else { None };
        Some(minus.chain(plus).chain(none).collect())
    }
}

fn row_text(row: &[Option<String>]) -> String {
    row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(" | ")
}
