//! A document of YAML or JSON, with the lines of its parts.

use serde_json::Value;

use super::lines::Lines;

/// A document, as the values of JSON.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) lines: Lines,
}
