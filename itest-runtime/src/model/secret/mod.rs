//! Secrets: a wrapper for secrets in settings, and functions that find and hide secrets in everything that the harness itself writes.

mod event;
mod json;
mod name;
mod pair;
mod shape;
mod text;
mod url;
mod wrapped;

pub use json::redact_json;
pub use text::{redacted, redacted_parameter, redacted_value};

pub(crate) use wrapped::Secret;
