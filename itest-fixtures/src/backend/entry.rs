//! A line of a schema's description.

use std::fmt;

/// Something that a schema is made of: a table, one of its columns, an index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// What it belongs to: `table customers`.
    pub object: String,
    /// What it is: `column name text not null`; empty for the object itself.
    pub detail: String,
}

impl Entry {
    /// A detail of an object.
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
