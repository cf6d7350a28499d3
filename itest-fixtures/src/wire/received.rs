//! A request as a stand-in received it.

use std::fmt;

use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use itest_runtime::__private::redacted;
use itest_runtime::Error;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A request that a stand-in received.
///
/// Its `Debug` output has no headers and no body, because they may contain secrets.
#[derive(Clone)]
pub struct Received {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
    parameters: Vec<(String, String)>,
}

impl Received {
    pub(super) fn new(head: Parts, body: Bytes) -> Self {
        let query = head.uri.query().map(form_pairs).unwrap_or_default();
        Self {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query,
            headers: head.headers,
            body,
            parameters: Vec::new(),
        }
    }

    pub(super) fn with_parameters(self, parameters: Vec<(String, String)>) -> Self {
        Self { parameters, ..self }
    }

    /// The method, such as `POST`.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path as it was sent, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of a parameter in the path of the stub that answered: `7` for `id` in `/orders/{id}` and `/orders/7`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        find(&self.parameters, name)
    }

    /// The first value of a query parameter.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// The value of a header, if the header exists and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first value of a field of an HTML form.
    #[must_use]
    pub fn form(&self, name: &str) -> Option<String> {
        let fields = form_pairs(str::from_utf8(&self.body).ok()?);
        find(&fields, name).map(str::to_owned)
    }

    /// The body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as text. Invalid UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, parsed as JSON.
    ///
    /// # Errors
    ///
    /// When the body is not JSON, or does not match the type.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        // Not in a closure, because the caller's location would be that of the closure.
        match serde_json::from_slice(&self.body) {
            Ok(body) => Ok(body),
            Err(error) => {
                let type_name = std::any::type_name::<T>();
                Err(Error::new(format!("the body of {} is no {type_name}: {error}", self.operation())))
            }
        }
    }

    pub(super) fn json_value(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The request in one line, without secrets: `POST /charge?page=2`.
    pub(super) fn operation(&self) -> String {
        let query: Vec<String> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        redacted(&format!("{} {}{mark}{}", self.method, self.path, query.join("&"))).into_owned()
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

/// The pairs of `a=1&b=2`, decoded (application/x-www-form-urlencoded).
fn form_pairs(text: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
