//! A client of a server at a URL, for one bucket.

use std::collections::BTreeMap;
use std::time::Duration;

use itest_runtime::Error;
use percent_encoding::percent_decode_str;
use reqwest::{Client, Method, StatusCode};

use crate::failure::with_action;
use crate::s3::answer::refusal_of;
use crate::s3::new_object::NewObject;
use crate::s3::object::Object;
use crate::sigv4::{Endpoint, SignedAnswer, SignedRequest};
use crate::xml::texts_of;

/// The pause between two attempts to read an object that a test waits for.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The prefix of headers with metadata.
const METADATA: &str = "x-amz-meta-";

/// A bucket on a server at a URL.
#[derive(Debug, Clone)]
pub(in crate::s3) struct RemoteBucket {
    endpoint: Endpoint,
    name: String,
    http: Client,
}

/// A request to the server.
#[derive(Debug, Default)]
pub(super) struct RemoteRequest<'a> {
    pub(super) method: Method,
    /// The key of an object. The path of the bucket itself has none.
    pub(super) key: Option<&'a str>,
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// An answer of the server.
#[derive(Debug)]
pub(super) struct RemoteAnswer(pub(super) SignedAnswer);

impl RemoteAnswer {
    /// The text of an answer that is a success.
    ///
    /// # Errors
    ///
    /// When the server has refused the request. The error contains the code and the message.
    pub(super) fn text(&self) -> Result<String, Error> {
        let SignedAnswer { status, body, .. } = &self.0;
        if status.is_success() {
            return Ok(String::from_utf8_lossy(body).into_owned());
        }
        let refusal = refusal_of(body);
        Err(Error::new(
            format!("the server answered {status} {} {}", refusal.code, refusal.message).trim_end().to_owned(),
        ))
    }
}

impl RemoteBucket {
    pub(in crate::s3) fn new(endpoint: Endpoint, name: String) -> Self {
        Self { endpoint, name, http: Client::new() }
    }

    pub(in crate::s3) fn name(&self) -> &str {
        &self.name
    }

    /// Makes the bucket.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub(in crate::s3) async fn create(&self) -> Result<(), Error> {
        let region = &self.endpoint.region;
        let body = if region == "us-east-1" {
            Vec::new()
        } else {
            // The default region must not be named, and every other one must.
            format!("<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>").into_bytes()
        };
        let request = RemoteRequest { method: Method::PUT, body, ..RemoteRequest::default() };
        self.send(request, "make the bucket")
            .await?
            .text()
            .map(drop)
            .map_err(|error| self.failed("make the bucket", &error))
    }

    /// Stores an object.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub(in crate::s3) async fn put(&self, key: &str, object: NewObject) -> Result<(), Error> {
        let NewObject { bytes, content_type, metadata } = object;
        let mut headers: Vec<_> =
            metadata.into_iter().map(|(name, value)| (format!("{METADATA}{name}"), value)).collect();
        headers.extend(content_type.map(|content_type| ("content-type".to_owned(), content_type)));
        let request = RemoteRequest { method: Method::PUT, key: Some(key), headers, body: bytes, query: &[] };
        let action = format!("store the object {key} in the bucket");
        self.send(request, &action).await?.text().map(drop).map_err(|error| self.failed(&action, &error))
    }

    /// Reads an object, if there is one.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub(in crate::s3) async fn find(&self, key: &str) -> Result<Option<Object>, Error> {
        let action = format!("read the object {key} of the bucket");
        let answer = self.send(RemoteRequest { key: Some(key), ..RemoteRequest::default() }, &action).await?;
        if answer.0.status == StatusCode::NOT_FOUND && refusal_of(&answer.0.body).code != "NoSuchBucket" {
            return Ok(None);
        }
        answer.text().map_err(|error| self.failed(&action, &error))?;
        let header = |name: &str| Some(answer.0.headers.get(name)?.to_str().ok()?.to_owned());
        let metadata: BTreeMap<String, String> = answer
            .0
            .headers
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().strip_prefix(METADATA)?.to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect();
        let e_tag = header("etag").unwrap_or_default().trim_matches('"').to_owned();
        Ok(Some(Object {
            key: key.to_owned(),
            content_type: header("content-type").unwrap_or_default(),
            metadata,
            e_tag,
            bytes: answer.0.body,
        }))
    }

    /// The keys of all objects, in order.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub(in crate::s3) async fn keys(&self) -> Result<Vec<String>, Error> {
        let (mut keys, mut token) = (Vec::new(), None);
        loop {
            let page = self.page(token.as_deref()).await?;
            keys.extend(page.keys);
            token = page.next;
            if token.is_none() {
                return Ok(keys);
            }
        }
    }

    /// A page of the list of keys, which begins at a token of the previous page.
    pub(super) async fn page(&self, token: Option<&str>) -> Result<PageOfKeys, Error> {
        let mut query = vec![("list-type", "2"), ("encoding-type", "url")];
        query.extend(token.map(|token| ("continuation-token", token)));
        let xml = self.list("list the objects of the bucket", &query).await?;
        let keys = texts_of(&xml, "Key").iter().map(|key| decoded(key)).collect();
        Ok(PageOfKeys { keys, next: texts_of(&xml, "NextContinuationToken").pop().filter(|token| !token.is_empty()) })
    }

    /// The XML of a list.
    pub(super) async fn list(&self, action: &str, query: &[(&str, &str)]) -> Result<String, Error> {
        let answer = self.send(RemoteRequest { query, ..RemoteRequest::default() }, action).await?;
        answer.text().map_err(|error| self.failed(action, &error))
    }

    /// Deletes an object. It is no error if there is none.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub(in crate::s3) async fn delete(&self, key: &str) -> Result<(), Error> {
        let action = format!("delete the object {key} of the bucket");
        let request = RemoteRequest { method: Method::DELETE, key: Some(key), ..RemoteRequest::default() };
        self.send(request, &action).await?.text().map(drop).map_err(|error| self.failed(&action, &error))
    }

    /// Waits until there is an object with this key, and reads it.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub(in crate::s3) async fn wait_for(&self, key: &str) -> Result<Object, Error> {
        loop {
            if let Some(object) = self.find(key).await? {
                return Ok(object);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// `cannot {action} itest-… at {place}: {error}`.
    pub(super) fn failed(&self, action: &str, error: &Error) -> Error {
        with_action(&format!("{action} {} at {}", self.name, self.endpoint.url), &error.to_string())
    }

    /// Sends a request. `action` describes it in errors.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(super) async fn send(&self, request: RemoteRequest<'_>, action: &str) -> Result<RemoteAnswer, Error> {
        let RemoteRequest { method, key, query, headers, body } = request;
        let bucket = if self.name.is_empty() { String::new() } else { format!("/{}", self.name) };
        let key = key.map_or_else(String::new, |key| format!("/{key}"));
        let path = if self.name.is_empty() && key.is_empty() { "/".to_owned() } else { format!("{bucket}{key}") };
        let request = SignedRequest { service: "s3", method, path: &path, query, headers, body };
        let action = format!("{action} {} at {}", self.name, self.endpoint.url);
        request.send(&self.http, &self.endpoint, &action).await.map(RemoteAnswer)
    }
}

/// A page of a list of keys.
#[derive(Debug)]
pub(super) struct PageOfKeys {
    pub(super) keys: Vec<String>,
    /// The token of the next page.
    next: Option<String>,
}

/// A key of a list, which the server has encoded.
pub(super) fn decoded(key: &str) -> String {
    // Some servers encode a space as `+`, and every server encodes a `+`.
    percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
}
