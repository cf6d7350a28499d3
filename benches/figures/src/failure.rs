//! The error type of the benchmarks. A message lists the contexts, the outermost first, and then the cause.

use std::fmt::{self, Display, Formatter};

/// An error that ends a benchmark.
#[derive(Debug)]
pub struct Failure {
    message: String,
}

impl Failure {
    /// A failure that is only a message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// Adds a context to errors.
pub trait Context<Value> {
    /// Puts `doing` in front of the error's own message.
    ///
    /// # Errors
    ///
    /// The same error, as a failure.
    fn context(self, doing: impl FnOnce() -> String) -> Result<Value, Failure>;
}

impl<Value, Error: Display> Context<Value> for Result<Value, Error> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<Value, Failure> {
        self.map_err(|error| Failure::new(format!("{}: {error}", doing())))
    }
}
