//! Notes: what fixtures report about the test that used them.

use serde::{Deserialize, Serialize};

/// What a fixture reports about a test, such as the rows that the test changed. Reports show it with the test's failure, and the record
/// keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// What the note is about. Reports show it as a heading.
    pub title: String,
    /// The note itself, which may have several lines.
    pub text: String,
    /// Whether the summary of the run shows the note even if the test has passed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_warning: bool,
}

/// Notes as one text, for reports that have no place of their own for them.
#[must_use]
pub(crate) fn notes_as_text(notes: &[Note]) -> String {
    let lines = notes.iter().flat_map(|note| [&note.title, ":\n", note.text.trim_end(), "\n"]);
    lines.collect()
}
