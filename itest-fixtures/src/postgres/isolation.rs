//! How tests are kept apart.

/// How tests are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// A worker keeps its database. After each test all rows and sequences are as they were; where that cannot be done, because
    /// the schema was changed or something was left behind, the next test has a new clone.
    Recycle,
    /// A new clone of the template for each test.
    Clone,
    /// One connection, inside of a transaction that is rolled back; the code's own transactions are savepoints.
    Transaction,
    /// A schema of its own in the server's one database, for roles that may not create databases. The migrations are run for
    /// each test, and only what is inside of the schema is private.
    Schema,
}
