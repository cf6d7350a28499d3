//! Rows that a migration must keep.

/// For an expectation that a query finds nothing.
pub const NO_ROWS: [[&str; 0]; 0] = [];

/// Rows that are in the database when a migration comes, and what must have become of them.
///
/// Each example has a database of its own. All migrations go up, down (as far as they can) and up again with its rows in it. A migration
/// that leaves a table with fewer rows than it had is a problem, unless [`Check::may_lose_rows`](super::Check::may_lose_rows) says
/// otherwise. A table that is dropped or renamed is for the queries to look after.
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

/// What a query must give when a migration is done.
#[derive(Debug, Clone)]
pub(super) struct Expectation {
    pub(super) version: i64,
    pub(super) query: String,
    pub(super) rows: Vec<Vec<String>>,
}

impl Example {
    /// An example without rows; its name stands in messages.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), before: Vec::new(), after: Vec::new(), undone: Vec::new() }
    }

    /// Runs a script, of `INSERT`s most likely, just before a migration is applied for the first time.
    pub fn before(mut self, version: i64, script: impl Into<String>) -> Self {
        self.before.push((version, script.into()));
        self
    }

    /// What a query must give just after a migration was applied for the first time.
    ///
    /// Cells are compared as the database writes them as text (`t` and `f` in PostgreSQL, `1` and `0` in the others), `NULL` is `NULL`; rows
    /// in their order, so sort them.
    pub fn after<R, C>(mut self, version: i64, query: impl Into<String>, rows: impl IntoIterator<Item = R>) -> Self
    where
        R: IntoIterator<Item = C>,
        C: Into<String>,
    {
        self.after.push(Expectation::new(version, query.into(), rows));
        self
    }

    /// What a query must give just after a migration was undone.
    pub fn undone<R, C>(mut self, version: i64, query: impl Into<String>, rows: impl IntoIterator<Item = R>) -> Self
    where
        R: IntoIterator<Item = C>,
        C: Into<String>,
    {
        self.undone.push(Expectation::new(version, query.into(), rows));
        self
    }

    /// The versions that it names.
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

    /// How the rows that were found differ, line by line; `None` if they do not.
    pub(super) fn difference(&self, found: &[Vec<Option<String>>]) -> Option<String> {
        let expected: Vec<_> = self.rows.iter().map(|row| row.join(" | ")).collect();
        let found: Vec<_> = found.iter().map(|row| shown(row)).collect();
        if expected == found {
            return None;
        }
        let minus = expected.iter().map(|row| format!("\n  - {row}"));
        let plus = found.iter().map(|row| format!("\n  + {row}"));
        let none = if found.is_empty() { Some("\n  + (no rows)".to_owned()) } else { None };
        Some(minus.chain(plus).chain(none).collect())
    }
}

fn shown(row: &[Option<String>]) -> String {
    row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(" | ")
}
