//! How tests are kept apart.

/// How tests are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// A worker keeps its database. After each test all rows and all next numbers are as they were; where that cannot be done,
    /// because the schema was changed or something was left behind, the next test has a new clone.
    Recycle,
    /// A new clone of the template for each test.
    Clone,
}
