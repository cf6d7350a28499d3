//! The conditions of a stub. Each one explains why a request does not meet it.

use std::fmt;
use std::sync::Arc;

use itest_runtime::__private::{redacted, redacted_value};
use serde_json::Value;

use super::json_difference::{JsonDifference, Members, compare_json, compare_json_at};
use super::path::PathTemplate;
use super::received::Received;

/// A condition on a request.
#[derive(Clone)]
pub(super) enum Condition {
    Method(String),
    Path(PathTemplate),
    Query {
        name: String,
        value: String,
    },
    Header {
        name: String,
        value: String,
    },
    Form {
        name: String,
        value: String,
    },
    /// The value at a JSON pointer (RFC 6901).
    JsonAt {
        pointer: String,
        value: Value,
    },
    /// The whole body is this JSON.
    JsonBody(Value),
    /// The members of this JSON are in the body; the body may have more.
    JsonSubset(Value),
    Text(String),
    TextContains(String),
    /// A predicate of the test, with its description.
    Predicate {
        what: String,
        holds: Arc<dyn Fn(&Received) -> bool + Send + Sync>,
    },
}

impl Condition {
    /// Checks a request.
    ///
    /// # Errors
    ///
    /// When the request does not meet the condition. The text says what the request has and what the stub wants, without secrets.
    pub(super) fn check(&self, request: &Received) -> Result<(), String> {
        match self {
            Self::Method(method) if request.has_method(method) => Ok(()),
            Self::Method(method) => Err(format!("the method is {}, the stub wants {method}", request.method())),
            Self::Path(path) => match path.parameters_of(request.path()) {
                Some(_) => Ok(()),
                None => Err(format!("the path is {:?}, the stub wants {:?}", request.path(), path.as_str())),
            },
            Self::Query { name, value } => one_of("the query parameter", name, request.queries(name), value),
            Self::Header { name, value } => one_of("the header", name, request.headers(name), value),
            Self::Form { name, value } => one_of("the field", name, request.forms(name), value),
            Self::JsonAt { pointer, value } => in_words(compare_json_at(json_of(request)?, pointer, value)),
            Self::JsonBody(wanted) => in_words(compare_json(json_of(request)?, wanted, Members::Exactly)),
            Self::JsonSubset(wanted) => in_words(compare_json(json_of(request)?, wanted, Members::AtLeast)),
            Self::Text(text) if request.bytes() == text.as_bytes() => Ok(()),
            Self::Text(text) => Err(differs("the body", Some(&redacted(&request.text())), &redacted(text))),
            Self::TextContains(part) if request.text().contains(part) => Ok(()),
            Self::TextContains(part) => Err(format!("the body does not contain {:?}", redacted(part))),
            Self::Predicate { holds, .. } if holds(request) => Ok(()),
            Self::Predicate { what, .. } => Err(format!("{what:?} does not hold")),
        }
    }

    /// Whether a closure of the test decides.
    pub(super) fn is_predicate(&self) -> bool {
        matches!(self, Self::Predicate { .. })
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Method(_) => "Method",
            Self::Path(_) => "Path",
            Self::Query { .. } => "Query",
            Self::Header { .. } => "Header",
            Self::Form { .. } => "Form",
            Self::JsonAt { .. } => "JsonAt",
            Self::JsonBody(_) => "JsonBody",
            Self::JsonSubset(_) => "JsonSubset",
            Self::Text(_) => "Text",
            Self::TextContains(_) => "TextContains",
            Self::Predicate { .. } => "Predicate",
        })
    }
}

/// Explains a difference between two texts without secrets. Two different secrets may be equal then.
fn differs(what: &str, actual: Option<&str>, wanted: &str) -> String {
    match actual {
        None => format!("{what} is missing, the stub wants {wanted:?}"),
        Some(actual) if actual == wanted => format!("{what} is another secret than the one that the stub wants"),
        Some(actual) => format!("{what} is {actual:?}, the stub wants {wanted:?}"),
    }
}

/// Checks that one of the values of a name is the wanted one. The name tells whether the values are secrets.
fn one_of(kind: &str, name: &str, mut actual: impl Iterator<Item = String>, wanted: &str) -> Result<(), String> {
    let first = actual.next();
    if first.as_deref() == Some(wanted) || actual.any(|actual| actual == wanted) {
        return Ok(());
    }
    let first = first.as_deref().map(|first| redacted_value(name, first));
    Err(differs(&format!("{kind} {name:?}"), first.as_deref(), &redacted_value(name, wanted)))
}

fn json_of(request: &Received) -> Result<&Value, String> {
    request.json_value().map_err(|error| format!("the body is no JSON: {error}"))
}

fn in_words(compared: Result<(), JsonDifference>) -> Result<(), String> {
    compared.map_err(|difference| difference.in_words("the stub"))
}
