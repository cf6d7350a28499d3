//! The conditions of a stub. Each one explains why a request does not meet it.

use std::fmt;
use std::sync::Arc;

use itest_runtime::__private::redacted_value;
use serde_json::Value;

use super::path::PathTemplate;
use super::received::Received;
use super::shown::redacted_at;

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
            Self::Method(method) => is_equal("the method", Some(request.method()), method),
            Self::Path(path) => match path.parameters_of(request.path()) {
                Some(_) => Ok(()),
                None => Err(format!("the path is {:?}, the stub wants {:?}", request.path(), path.as_str())),
            },
            Self::Query { name, value } => is_named_value("the query parameter", name, request.query(name), value),
            Self::Header { name, value } => is_named_value("the header", name, request.header(name), value),
            Self::Form { name, value } => is_named_value("the field", name, request.form(name).as_deref(), value),
            Self::JsonAt { pointer, value } => json_at(request, pointer, value),
            Self::JsonBody(wanted) => match difference("", &json_of(request)?, wanted, Members::Exactly) {
                None => Ok(()),
                Some(difference) => Err(difference),
            },
            Self::JsonSubset(wanted) => match difference("", &json_of(request)?, wanted, Members::AtLeast) {
                None => Ok(()),
                Some(difference) => Err(difference),
            },
            Self::Text(text) => is_equal("the body", Some(&request.text()), text),
            Self::TextContains(part) if request.text().contains(part) => Ok(()),
            Self::TextContains(part) => Err(format!("the body does not contain {part:?}")),
            Self::Predicate { holds, .. } if holds(request) => Ok(()),
            Self::Predicate { what, .. } => Err(format!("{what:?} does not hold")),
        }
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

fn is_equal(what: &str, actual: Option<&str>, wanted: &str) -> Result<(), String> {
    match actual {
        Some(actual) if actual == wanted => Ok(()),
        Some(actual) => Err(format!("{what} is {actual:?}, the stub wants {wanted:?}")),
        None => Err(format!("{what} is missing, the stub wants {wanted:?}")),
    }
}

/// Like [`is_equal`], for a value whose name tells whether it is a secret.
fn is_named_value(kind: &str, name: &str, actual: Option<&str>, wanted: &str) -> Result<(), String> {
    if actual == Some(wanted) {
        return Ok(());
    }
    let shown = |value| redacted_value(name, value).into_owned();
    // The values differ, but both may be hidden by the same three stars.
    match is_equal(&format!("{kind} {name:?}"), actual.map(shown).as_deref(), &shown(wanted)) {
        Ok(()) => Err(format!("{kind} {name:?} is another secret than the one that the stub wants")),
        Err(difference) => Err(difference),
    }
}

fn json_of(request: &Received) -> Result<Value, String> {
    request.json_value().map_err(|error| format!("the body is no JSON: {error}"))
}

fn json_at(request: &Received, pointer: &str, wanted: &Value) -> Result<(), String> {
    let body = json_of(request)?;
    let actual = body.pointer(pointer);
    if actual.is_some_and(|actual| is_same(actual, wanted)) {
        return Ok(());
    }
    Err(mismatch(pointer, actual, wanted))
}

fn mismatch(pointer: &str, actual: Option<&Value>, wanted: &Value) -> String {
    let place = if pointer.is_empty() { "the body" } else { pointer };
    let wanted_text = redacted_at(pointer, wanted).to_string();
    match actual.map(|actual| redacted_at(pointer, actual).to_string()) {
        None => format!("{place} is missing, the stub wants {wanted_text}"),
        Some(actual) if actual == wanted_text => format!("{place} is another secret than the one that the stub wants"),
        Some(actual) => format!("{place} is {actual}, the stub wants {wanted_text}"),
    }
}

/// Whether an object may have members that the wanted one does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Members {
    Exactly,
    AtLeast,
}

/// The first difference between a value and the wanted one, in words.
fn difference(pointer: &str, actual: &Value, wanted: &Value, members: Members) -> Option<String> {
    match (actual, wanted) {
        (Value::Object(actual), Value::Object(wanted)) => {
            let inside = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            let differing = wanted.iter().find_map(|(name, wanted)| match actual.get(name) {
                Some(actual) => difference(&inside(name), actual, wanted, members),
                None => Some(mismatch(&inside(name), None, wanted)),
            });
            let mut surplus = actual.keys().filter(|name| members == Members::Exactly && !wanted.contains_key(*name));
            differing.or_else(|| surplus.next().map(|name| format!("the stub does not want {}", inside(name))))
        }
        (Value::Array(actual), Value::Array(wanted)) if actual.len() == wanted.len() => {
            let mut pairs = actual.iter().zip(wanted).enumerate();
            pairs.find_map(|(position, (actual, wanted))| {
                difference(&format!("{pointer}/{position}"), actual, wanted, members)
            })
        }
        (actual, wanted) if is_same(actual, wanted) => None,
        (actual, wanted) => Some(mismatch(pointer, Some(actual), wanted)),
    }
}

/// Whether two values are equal. JSON does not distinguish 1 from 1.0.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() != other.is_f64() => one.as_f64() == other.as_f64(),
        (one, other) => one == other,
    }
}
