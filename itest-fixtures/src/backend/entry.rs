//! One entry in the description of a schema.

use std::fmt;

/// A part of a schema: a table, one of its columns, an index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The object: `table customers`.
    pub object: String,
    /// A property of the object: `column name text not null`. It is empty for the object itself.
    pub detail: String,
}

impl Entry {
    /// An entry for a property of an object.
    pub(crate) fn new(object: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { object: object.into(), detail: detail.into() }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, detail } = self;
        if detail.is_empty() { formatter.write_str(object) } else { write!(formatter, "{object}: {detail}") }
    }
}
