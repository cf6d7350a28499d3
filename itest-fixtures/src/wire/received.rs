//! A request as a stand-in received it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use hyper::body::Bytes;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use itest_runtime::Error;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::shown::{decoded, operation};

/// A request that a stand-in received.
///
/// Its `Debug` output has no headers and no body, because they may contain secrets.
#[derive(Clone)]
pub struct Received {
    request: Arc<Contents>,
    parameters: Vec<(String, String)>,
}

/// The contents of a request, which several lists share.
struct Contents {
    method: Method,
    path: String,
    /// The query as it was sent.
    query: String,
    headers: HeaderMap,
    body: Bytes,
    /// The body as JSON, which is parsed once for all conditions.
    json: OnceLock<Result<Value, String>>,
}

impl Received {
    pub(super) fn new(head: Parts, body: Bytes) -> Self {
        let (path, query) = (head.uri.path().to_owned(), head.uri.query().unwrap_or_default().to_owned());
        let json = OnceLock::new();
        let contents = Contents { method: head.method, path, query, headers: head.headers, body, json };
        Self { request: Arc::new(contents), parameters: Vec::new() }
    }

    pub(super) fn with_parameters(self, parameters: Vec<(String, String)>) -> Self {
        Self { parameters, ..self }
    }

    /// The method, such as `POST`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.request.method.as_str()
    }

    /// The path as it was sent, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.request.path
    }

    /// The query as it was sent.
    pub(super) fn raw_query(&self) -> &str {
        &self.request.query
    }

    pub(super) fn header_map(&self) -> &HeaderMap {
        &self.request.headers
    }

    /// The path and the query as they were sent.
    pub(super) fn target(&self) -> String {
        format!("{}?{}", self.request.path, self.request.query)
    }

    /// The value of a parameter in the path of the stub that answered: `7` for `id` in `/orders/{id}` and `/orders/7`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        find(&self.parameters, name)
    }

    /// The first value of a query parameter, decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        self.queries(name).next()
    }

    /// All values of a query parameter, decoded.
    pub(super) fn queries(&self, name: &str) -> impl Iterator<Item = String> {
        values_of(&self.request.query, name)
    }

    /// Whether the request has this method.
    pub(super) fn has_method(&self, method: &str) -> bool {
        self.request.method == method
    }

    /// All values of a header. Invalid UTF-8 is replaced.
    pub(super) fn headers(&self, name: &str) -> impl Iterator<Item = String> {
        let values = self.request.headers.get_all(name).into_iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// The value of a header, if the header exists and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.headers.get(name)?.to_str().ok()
    }

    /// The first value of a field of an HTML form.
    #[must_use]
    pub fn form(&self, name: &str) -> Option<String> {
        self.forms(name).next()
    }

    /// All values of a field of an HTML form.
    pub(super) fn forms(&self, name: &str) -> impl Iterator<Item = String> {
        values_of(str::from_utf8(&self.request.body).unwrap_or_default(), name)
    }

    /// The body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.request.body
    }

    /// The body as text. Invalid UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.request.body).into_owned()
    }

    /// The body, parsed as JSON.
    ///
    /// # Errors
    ///
    /// When the body is not JSON, or does not match the type.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        // Not in a closure, because the caller's location would be that of the closure.
        match serde_json::from_slice(&self.request.body) {
            Ok(body) => Ok(body),
            Err(error) => {
                let type_name = std::any::type_name::<T>();
                Err(Error::new(format!("the body of {} is no {type_name}: {error}", self.operation())))
            }
        }
    }

    pub(super) fn json_value(&self) -> Result<&Value, String> {
        let parse = || serde_json::from_slice(&self.request.body).map_err(|error| error.to_string());
        self.request.json.get_or_init(parse).as_ref().map_err(Clone::clone)
    }

    /// The request in one line, without secrets: `POST /charge?page=2`.
    pub(super) fn operation(&self) -> String {
        operation(self.method(), &self.target())
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.operation())
    }
}

fn find<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

/// The values of a name in `a=1&b=2`, decoded (application/x-www-form-urlencoded).
fn values_of(text: &str, name: &str) -> impl Iterator<Item = String> {
    let pairs = text.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(move |(other, _)| decoded(other) == name).map(|(_, value)| decoded(value))
}
