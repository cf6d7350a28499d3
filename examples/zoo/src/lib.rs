//! The answer keys of the zoo's two suites, the verdicts of a detector and the findings of an explorer, and their comparison with the keys.

pub mod faults;
pub mod forecast;
pub mod key;
pub mod rates;
pub mod report_lines;
pub mod score;
pub mod suite;
mod table;
pub mod verdict;

use std::error::Error;
use std::fmt;

/// An error with its context and its cause.
#[derive(Debug)]
pub struct Problem {
    what: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A problem without a cause of its own.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), cause: None }
    }

    /// A problem that another one has caused.
    pub fn because(what: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { what: what.into(), cause: Some(cause.into()) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(formatter, "{}: {cause}", self.what),
            None => formatter.write_str(&self.what),
        }
    }
}

impl Error for Problem {}
