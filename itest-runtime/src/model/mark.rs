//! Process marks: environment variables that all descendants of a process inherit. The harness finds the descendants by them.

use serde::{Deserialize, Serialize};

/// An environment variable and its value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(String, String)", into = "(String, String)")]
pub(crate) struct Mark {
    /// The variable's name.
    pub name: String,
    /// The variable's value. It also matches longer values: `run-1` matches `run-1/2`, and `run:binary` matches `run:binary$test`.
    pub value: String,
}

impl Mark {
    /// Creates a mark with this name and value.
    #[must_use]
    pub(crate) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

impl From<(String, String)> for Mark {
    fn from((name, value): (String, String)) -> Self {
        Self { name, value }
    }
}

impl From<Mark> for (String, String) {
    fn from(Mark { name, value }: Mark) -> Self {
        (name, value)
    }
}
