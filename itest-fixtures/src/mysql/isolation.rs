//! The kinds of isolation between tests.

/// How tests are isolated from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// A worker uses its database for one test after the other. After each test all rows and `AUTO_INCREMENT` values are restored. If that
    /// is not possible, because the test changed the schema or left something behind, the next test gets a new clone.
    Recycle,
    /// Each test gets a new clone of the template.
    Clone,
}
