//! The kinds of isolation between tests.

/// How tests are isolated from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// A worker uses its database for one test after the other. After each test all rows and sequences are restored. If that is not
    /// possible, because the test changed the schema or left something behind, the next test gets a new clone.
    Recycle,
    /// Each test gets a new clone of the template.
    Clone,
    /// The test has one connection, inside of a transaction that is rolled back. Transactions of the code under test become savepoints.
    Transaction,
    /// Each test has a schema of its own in the database of the URL, for roles that may not create databases. The migrations run for each
    /// test, and only the contents of the schema are private.
    Schema,
}
