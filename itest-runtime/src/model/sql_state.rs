//! The code of a database's error.

use std::fmt;
use std::str::FromStr;

/// The code of an error of SQL: five digits or capital letters, such as `40001`.
///
/// # Examples
///
/// ```
/// use itest::{Fault, SqlState};
///
/// assert_eq!(Fault::SqlState(SqlState::SERIALIZATION_FAILURE).to_string(), "sqlstate-40001");
/// assert_eq!("40P01".parse(), Ok(SqlState::DEADLOCK_DETECTED));
/// assert!("4000".parse::<SqlState>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// Transactions that ran at the same time cannot be put in an order: `40001`.
    pub const SERIALIZATION_FAILURE: Self = Self(*b"40001");
    /// Transactions wait for each other: `40P01`.
    pub const DEADLOCK_DETECTED: Self = Self(*b"40P01");
    /// A row with this key exists: `23505`.
    pub const UNIQUE_VIOLATION: Self = Self(*b"23505");
    /// A lock was not available in time: `55P03`.
    pub const LOCK_NOT_AVAILABLE: Self = Self(*b"55P03");
    /// The statement was cancelled, for example because it took too long: `57014`.
    pub const QUERY_CANCELED: Self = Self(*b"57014");
    /// The disk of the database is full: `53100`.
    pub const DISK_FULL: Self = Self(*b"53100");
    /// A transaction that may only read tried to write: `25006`.
    pub const READ_ONLY_SQL_TRANSACTION: Self = Self(*b"25006");
}

impl fmt::Display for SqlState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(str::from_utf8(&self.0).unwrap_or_default())
    }
}

/// A text that is no code of an error of SQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no code of an error of SQL; it has five digits or capital letters, such as 40001")]
pub struct ParseSqlStateError {
    text: String,
}

impl FromStr for SqlState {
    type Err = ParseSqlStateError;

    fn from_str(text: &str) -> Result<Self, ParseSqlStateError> {
        let is_code = |code: &[u8; 5]| code.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        let code = text.as_bytes().try_into().ok().filter(is_code);
        code.map(Self).ok_or_else(|| ParseSqlStateError { text: text.to_owned() })
    }
}
