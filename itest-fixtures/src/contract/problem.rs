//! What is wrong with a contract itself.

use thiserror::Error as ThisError;

/// Why a contract cannot be used, with the place in its source.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("the contract {place}{}: {reason}", at(pointer))]
pub(crate) struct ContractProblem {
    /// The file, and the line if it is known: `contracts/payments.yaml:12`.
    pub(super) place: String,
    /// The JSON pointer to the wrong part. Empty for the whole file.
    pub(super) pointer: String,
    pub(super) reason: String,
}

impl ContractProblem {
    /// A problem of a whole file.
    pub(super) fn of_file(file: &str, reason: impl Into<String>) -> Self {
        Self { place: file.to_owned(), pointer: String::new(), reason: reason.into() }
    }

    /// A problem at a line of a file.
    pub(super) fn at_line(file: &str, line: u32, reason: impl Into<String>) -> Self {
        Self { place: format!("{file}:{line}"), pointer: String::new(), reason: reason.into() }
    }

    /// The same problem, with a pointer.
    pub(super) fn at_pointer(self, pointer: &str) -> Self {
        Self { pointer: pointer.to_owned(), ..self }
    }
}

fn at(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" at {pointer}") }
}
