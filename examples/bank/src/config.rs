//! The configuration of the bank.

use std::time::Duration;

/// The isolation level of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Each statement sees what was committed before it.
    ReadCommitted,
    /// Each transaction sees what was committed before its first statement.
    RepeatableRead,
    /// Transactions behave as if they ran one after another. Households need this level, because a transfer reads accounts that it does not
    /// write.
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

/// All settings of the bank. Start from the defaults and change single fields:
///
/// ```
/// let config = bank::Config { attempts: 3, ..bank::Config::default() };
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// The isolation level of transfers.
    pub isolation: Isolation,
    /// The number of attempts for a transfer that conflicts with others; at least one.
    pub attempts: u32,
    /// The limit of the random pause before the second attempt. The limit doubles with each attempt.
    pub first_pause: Duration,
    /// The limit of the pause before any attempt.
    pub longest_pause: Duration,
    /// The limit of connections in the pool.
    pub connections: u32,
    /// The time that a request waits for a connection.
    pub acquire_timeout: Duration,
    /// The time that a statement waits for a locked row.
    pub lock_timeout: Duration,
    /// The time limit of a statement.
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
            // This is longer than PostgreSQL's `deadlock_timeout` of one second, so that PostgreSQL detects deadlocks first.
            lock_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
        }
    }
}
