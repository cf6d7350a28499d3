//! The pattern of a request: what a stub answers.

use std::fmt;
use std::sync::Arc;

use hyper::header::HeaderName;
use serde_json::Value;

use super::condition::Condition;
use super::path::PathTemplate;
use super::received::Received;

/// The methods that a test may have written in lower case by mistake.
const STANDARD_METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// The conditions that a request must meet. The functions in [`request`](super::request) create patterns.
///
/// # Examples
///
/// ```
/// use itest::request;
///
/// let charge = request::post("/customers/{id}/charges").json("/amount", 2598).header("idempotency-key", "a1");
/// assert_eq!(charge.to_string(), "POST /customers/{id}/charges");
/// ```
#[derive(Debug, Clone)]
#[must_use = "a pattern does nothing until a stub answers it"]
pub struct RequestPattern {
    method: Option<String>,
    path: PathTemplate,
    conditions: Vec<Condition>,
}

impl RequestPattern {
    #[expect(clippy::panic, reason = "a pattern that matches no request is a mistake in the test")]
    #[track_caller]
    pub(super) fn new(method: Option<&str>, path: &str) -> Self {
        let is_token = |method: &str| hyper::Method::from_bytes(method.as_bytes()).is_ok();
        if let Some(method) = method.filter(|method| !is_token(method)) {
            panic!("{method:?} is no HTTP method");
        }
        // Methods are case-sensitive, and no client sends `get`.
        if let Some(method) = method.filter(|method| STANDARD_METHODS.contains(&method.to_uppercase().as_str()))
            && method != method.to_uppercase()
        {
            panic!("{method:?} is no HTTP method: write {:?}", method.to_uppercase());
        }
        let path = PathTemplate::parse(path).unwrap_or_else(|problem| panic!("{problem}"));
        let method = method.map(str::to_owned);
        let mut conditions: Vec<_> = method.iter().cloned().map(Condition::Method).collect();
        conditions.push(Condition::Path(path.clone()));
        Self { method, path, conditions }
    }

    /// A query parameter has this value.
    pub fn query(self, name: &str, value: impl fmt::Display) -> Self {
        self.with(Condition::Query { name: name.to_owned(), value: value.to_string() })
    }

    /// A header has this value. Names of headers are case-insensitive.
    ///
    /// # Panics
    ///
    /// If no header can have this name.
    #[track_caller]
    pub fn header(self, name: &str, value: impl fmt::Display) -> Self {
        assert!(HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name:?} is no name of a header");
        self.with(Condition::Header { name: name.to_ascii_lowercase(), value: value.to_string() })
    }

    /// The request has this bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// The JSON body has this value at a pointer (RFC 6901), such as `/items/0/price`.
    ///
    /// # Panics
    ///
    /// If the pointer is neither empty nor begins with a slash.
    #[track_caller]
    pub fn json(self, pointer: &str, value: impl Into<Value>) -> Self {
        check_pointer(pointer);
        self.with(Condition::JsonAt { pointer: pointer.to_owned(), value: value.into() })
    }

    /// The body is this JSON. The order of members does not matter, and 1 is equal to 1.0.
    pub fn json_body(self, body: impl Into<Value>) -> Self {
        self.with(Condition::JsonBody(body.into()))
    }

    /// The JSON body has all members of this JSON, at any depth. It may have more members. Arrays have the same length.
    pub fn json_subset(self, members: impl Into<Value>) -> Self {
        self.with(Condition::JsonSubset(members.into()))
    }

    /// The body calls a GraphQL operation of this name.
    pub fn graphql(self, operation: &str) -> Self {
        self.with(Condition::JsonAt { pointer: "/operationName".to_owned(), value: operation.into() })
    }

    /// The variables of the GraphQL operation have this value at a pointer, such as `/order/id`.
    ///
    /// # Panics
    ///
    /// If the pointer is neither empty nor begins with a slash.
    #[track_caller]
    pub fn graphql_variable(self, pointer: &str, value: impl Into<Value>) -> Self {
        check_pointer(pointer);
        self.with(Condition::JsonAt { pointer: format!("/variables{pointer}"), value: value.into() })
    }

    /// A field of the HTML form in the body has this value.
    pub fn form(self, name: &str, value: impl fmt::Display) -> Self {
        self.with(Condition::Form { name: name.to_owned(), value: value.to_string() })
    }

    /// The body is this text.
    pub fn text(self, body: impl Into<String>) -> Self {
        self.with(Condition::Text(body.into()))
    }

    /// The body contains this text.
    pub fn text_contains(self, part: impl Into<String>) -> Self {
        self.with(Condition::TextContains(part.into()))
    }

    /// The closure returns true. `what` describes the condition in reports: `"the signature is valid"`.
    pub fn matching(self, what: impl Into<String>, holds: impl Fn(&Received) -> bool + Send + Sync + 'static) -> Self {
        self.with(Condition::Predicate { what: what.into(), holds: Arc::new(holds) })
    }

    fn with(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// The method, if the pattern has one, and the path.
    #[cfg(feature = "contracts")]
    pub(super) fn address(&self) -> (Option<&str>, &str) {
        (self.method.as_deref(), self.path.as_str())
    }

    /// The number of conditions.
    pub(super) fn len(&self) -> usize {
        self.conditions.len()
    }

    /// Whether a request meets all conditions. A closure is called only if everything else holds.
    pub(super) fn matches(&self, request: &Received) -> bool {
        let holds = |condition: &&Condition| condition.check(request).is_ok();
        let (predicates, others): (Vec<_>, Vec<_>) = self.conditions.iter().partition(|one| one.is_predicate());
        others.iter().all(holds) && predicates.iter().all(holds)
    }

    /// The conditions that a request does not meet, each in words, without the closures.
    pub(super) fn mismatches(&self, request: &Received) -> Vec<String> {
        let conditions = self.conditions.iter().filter(|condition| !condition.is_predicate());
        conditions.filter_map(|condition| condition.check(request).err()).collect()
    }

    /// The descriptions of the closures.
    pub(super) fn predicates(&self) -> Vec<String> {
        let predicates = self.conditions.iter().filter_map(|condition| match condition {
            Condition::Predicate { what, .. } => Some(format!("{what:?} does not hold")),
            _ => None,
        });
        predicates.collect()
    }

    /// How well the address of a request fits: first the path, then the method.
    pub(super) fn fit(&self, request: &Received) -> (bool, bool) {
        let has_method = self.method.as_ref().is_none_or(|method| request.has_method(method));
        (self.path.parameters_of(request.path()).is_some(), has_method)
    }

    /// The values of the path's parameters.
    pub(super) fn parameters_of(&self, request: &Received) -> Vec<(String, String)> {
        self.path.parameters_of(request.path()).unwrap_or_default()
    }
}

impl fmt::Display for RequestPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method.as_deref().unwrap_or("any method"), self.path.as_str())
    }
}

#[track_caller]
fn check_pointer(pointer: &str) {
    assert!(
        pointer.is_empty() || pointer.starts_with('/'),
        "{pointer:?} is no JSON pointer: write {:?}",
        format!("/{pointer}")
    );
}
