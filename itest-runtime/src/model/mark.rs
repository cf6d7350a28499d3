//! Marks: variables that all descendants of a process inherit, and by which itest finds them.

use serde::{Deserialize, Serialize};

/// A variable in the environment of processes, and its value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(String, String)", into = "(String, String)")]
pub(crate) struct Mark {
    /// The variable's name.
    pub name: String,
    /// Its value. It stands for those below it, too: `run-1` for `run-1/2`, and `run:binary` for `run:binary$test`.
    pub value: String,
}

impl Mark {
    /// A mark of this name and value.
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
