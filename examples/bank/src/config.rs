//! What can be configured about the bank.

use std::time::Duration;

/// How strictly the database keeps transactions apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Each statement sees what was committed before it.
    ReadCommitted,
    /// Each transaction sees what was committed before its first statement.
    RepeatableRead,
    /// As if transactions ran one after another. Households need it: a transfer reads accounts that it does not write.
    Serializable,
}

impl Isolation {
    /// The statement that begins such a transaction.
    pub(crate) const fn begin(self) -> &'static str {
        match self {
            Self::ReadCommitted => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Self::RepeatableRead => "BEGIN ISOLATION LEVEL REPEATABLE READ",
            Self::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE",
        }
    }
}

/// Everything the bank can be told. Start from the defaults and change single fields:
///
/// ```
/// let config = bank::Config { attempts: 3, ..bank::Config::default() };
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// How strictly transfers are kept apart.
    pub isolation: Isolation,
    /// How often a transfer is tried that others keep getting in the way of; at least once.
    pub attempts: u32,
    /// The longest pause before the second attempt. It doubles with each attempt, and chance takes some of it.
    pub first_pause: Duration,
    /// The longest pause of all.
    pub longest_pause: Duration,
    /// How many connections the pool has at most.
    pub connections: u32,
    /// How long a request waits for one of them.
    pub acquire_timeout: Duration,
    /// How long a statement waits for a row that somebody else has locked.
    pub lock_timeout: Duration,
    /// How long a statement may take altogether.
    pub statement_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            isolation: Isolation::Serializable,
            attempts: 10,
            first_pause: Duration::from_millis(5),
            longest_pause: Duration::from_millis(250),
            connections: 10,
            acquire_timeout: Duration::from_secs(3),
            // Longer than PostgreSQL waits before it looks for a deadlock (one second), so that it finds it.
            lock_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
        }
    }
}
