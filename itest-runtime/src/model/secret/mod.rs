//! Secrets: a wrapper for those that itest has to keep, and what finds and hides them in everything that itest writes of its own accord.

mod event;
mod json;
mod name;
mod pair;
mod shape;
mod text;
mod url;
mod wrapped;

pub use json::redact_json;
pub use text::{redacted, redacted_value};

pub(crate) use wrapped::Secret;
