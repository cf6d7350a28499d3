//! A request of a client, which is built step by step and then sent.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use itest_runtime::__private::timeout;
use itest_runtime::Error;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use serde::Serialize;

use super::chunked_body::ChunkedBody;
use super::contract_check::{Answer, ContractCheck};
use super::multipart::Multipart;
use super::pending_exchange::PendingExchange;
use super::response::Response;
use super::sent::{Sent, SentBody};
use super::streaming::Streaming;
use super::transport_error::innermost_cause;

/// How long a request may take, unless it has another limit.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What all requests of a client have in common.
#[derive(Clone)]
pub(super) struct Sender {
    http: reqwest::Client,
    headers: Vec<(String, String)>,
    /// The name of the service in reports, if the client knows it.
    pub(super) service: Option<Arc<str>>,
    /// The name of the party that sends the requests.
    pub(super) party: Arc<str>,
    contract: ContractCheck,
}

impl Sender {
    pub(super) fn new(http: reqwest::Client, party: Arc<str>) -> Self {
        Self { http, headers: Vec::new(), service: None, party, contract: ContractCheck::default() }
    }

    pub(super) fn over(self, http: reqwest::Client) -> Self {
        Self { http, ..self }
    }

    pub(super) fn with_header(mut self, name: String, value: String) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        self.headers.push((name, value));
        self
    }

    pub(super) fn with_service(self, service: String) -> Self {
        Self { service: Some(service.into()), ..self }
    }

    pub(super) fn with_party(self, party: String) -> Self {
        Self { party: party.into(), ..self }
    }

    #[cfg(feature = "contracts")]
    pub(super) fn with_contract(self, contract: ContractCheck) -> Self {
        Self { contract, ..self }
    }

    /// Adds the headers that a request does not have itself.
    fn add_headers(&self, request: &mut reqwest::Request) -> Result<(), Error> {
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().map_err(|_| format!("{name:?} is not the name of a header"))?;
            // The value is not shown, because it may be a secret.
            let value: HeaderValue = value.parse().map_err(|_| format!("the value of the header {name} is invalid"))?;
            request.headers_mut().entry(name).or_insert(value);
        }
        Ok(())
    }
}

/// A request that is sent when it is awaited.
#[must_use = "a request is sent when it is awaited"]
pub struct Request {
    /// The builder of the request, or the reason why it cannot be sent.
    builder: Result<RequestBuilder, String>,
    sender: Sender,
    timeout: Duration,
    /// The description of a body that is not shown itself.
    described: Option<SentBody>,
}

impl Request {
    pub(super) fn new(sender: &Sender, method: Method, url: Result<Url, String>) -> Self {
        let builder = url.map(|url| sender.http.request(method, url));
        Self { builder, sender: sender.clone(), timeout: REQUEST_TIMEOUT, described: None }
    }

    /// Sends a value as JSON.
    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        self.map(|request| request.json(body))
    }

    /// Sends a value as an HTML form (`application/x-www-form-urlencoded`). Numbers, texts and options are fields; lists are not.
    pub fn form(self, fields: &(impl Serialize + ?Sized)) -> Self {
        self.map(|request| request.form(fields))
    }

    /// Sends texts and files as an HTML form (`multipart/form-data`).
    pub fn multipart(self, form: &Multipart) -> Self {
        let (content_type, body) = form.encoded();
        let described = SentBody::Described { description: form.to_string(), bytes: Some(body.len() as u64) };
        let request = self.map(|request| request.header("content-type", content_type).body(body));
        Self { described: Some(described), ..request }
    }

    /// Sends a text with the content type `text/plain`.
    pub fn text(self, body: impl Into<String>) -> Self {
        self.body("text/plain; charset=utf-8", body.into())
    }

    /// Sends bytes or a text unchanged, with their content type. It allows bodies that are invalid on purpose.
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.map(|request| request.header("content-type", content_type).body(body.into()))
    }

    /// Sends a body in chunks (`Transfer-Encoding: chunked`), without saying its length before. A chunk is sent when the iterator yields it.
    pub fn chunks<C: Into<Vec<u8>>>(
        self,
        content_type: &str,
        chunks: impl IntoIterator<Item = C, IntoIter: Send + Sync + Unpin + 'static>,
    ) -> Self {
        let chunks = chunks.into_iter().map(|chunk| Bytes::from(chunk.into()));
        let body = reqwest::Body::wrap(ChunkedBody::new(chunks));
        let described = SentBody::Described { description: "(sent in chunks)".to_owned(), bytes: None };
        let request = self.map(|request| request.header("content-type", content_type).body(body));
        Self { described: Some(described), ..request }
    }

    /// Adds query parameters.
    pub fn query(self, parameters: &(impl Serialize + ?Sized)) -> Self {
        self.map(|request| request.query(parameters))
    }

    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.map(|request| request.header(name, value))
    }

    /// Adds a bearer token. It is never shown in a report.
    pub fn bearer(self, token: &str) -> Self {
        self.map(|request| request.bearer_auth(token))
    }

    /// Adds a user and a password with the scheme `Basic`. They are never shown in a report.
    pub fn basic(self, user: &str, password: &str) -> Self {
        self.map(|request| request.basic_auth(user, Some(password)))
    }

    /// Adds credentials with any scheme, such as `Digest` or `ApiKey`. They are never shown in a report.
    pub fn authorization(self, scheme: &str, credentials: &str) -> Self {
        match HeaderValue::try_from(format!("{scheme} {credentials}")) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.map(|request| request.header("authorization", value))
            }
            Err(_) => Self { builder: Err(format!("the credentials of the scheme {scheme:?} are invalid")), ..self },
        }
    }

    /// Limits the time of the request, which is 30 seconds by default. In a stream, it limits the time of each part.
    pub fn timeout(self, limit: Duration) -> Self {
        Self { timeout: limit, ..self }
    }

    fn map(self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self { builder: self.builder.map(change), ..self }
    }

    /// Sends the request and reads the whole response.
    ///
    /// # Errors
    ///
    /// When there is no response: the service cannot be reached, closes the connection, or takes longer than 30 seconds or the request's
    /// own limit. A response with an error status is not an error.
    #[track_caller]
    pub fn send(self) -> impl Future<Output = Result<Response, Error>> + Send {
        // The location is taken here, because inside of an async function the caller would be this file.
        self.exchange(Location::caller())
    }

    async fn exchange(self, caller: &'static Location<'static>) -> Result<Response, Error> {
        let limit = self.timeout;
        let begun = self.begin(caller)?;
        let fail = begun.failure();
        let mut pending = begun.pending;
        let reading = async {
            let response = begun.http.execute(begun.request).await.map_err(|error| innermost_cause(&error))?;
            let (status, url, headers) = (response.status(), response.url().clone(), response.headers().clone());
            pending.answered(status);
            let body = response.bytes().await.map_err(|error| innermost_cause(&error))?;
            pending.received(&body);
            let answer = Answer { status, headers: &headers, body: Some(&body) };
            begun.contract.judge(&begun.sent, answer, &mut pending, caller);
            Ok(Response::new(begun.sent, url, status, headers, body).after(pending.elapsed()))
        };
        match timeout(limit, reading).await {
            Ok(response) => response.map_err(|cause: String| fail.at(&cause)),
            Err(_) => Err(fail.at(&format!("no response within {limit:?}"))),
        }
    }

    /// Sends the request and reads only the head of the response. The parts of its body are read as they arrive.
    ///
    /// # Errors
    ///
    /// When there is no response, as with [`Request::send`].
    #[track_caller]
    pub fn stream(self) -> impl Future<Output = Result<Streaming, Error>> + Send {
        self.begin_stream(Location::caller())
    }

    async fn begin_stream(self, caller: &'static Location<'static>) -> Result<Streaming, Error> {
        let limit = self.timeout;
        let begun = self.begin(caller)?;
        let fail = begun.failure();
        let mut pending = begun.pending;
        match timeout(limit, begun.http.execute(begun.request)).await {
            Ok(Ok(body)) => {
                pending.answered(body.status());
                let (url, headers) = (body.url().clone(), body.headers().clone());
                let answer = Answer { status: body.status(), headers: &headers, body: None };
                begun.contract.judge(&begun.sent, answer, &mut pending, caller);
                let head = Response::new(begun.sent, url, body.status(), headers, Bytes::new());
                Ok(Streaming::new(head.after(pending.elapsed()), body, limit, pending))
            }
            Ok(Err(error)) => Err(fail.at(&innermost_cause(&error))),
            Err(_) => Err(fail.at(&format!("no response within {limit:?}"))),
        }
    }

    fn begin(self, caller: &'static Location<'static>) -> Result<Begun, Error> {
        let Self { builder, sender, described, .. } = self;
        let builder = builder.map_err(|reason| Error::at(reason, caller))?;
        let mut request = builder.build().map_err(|error| Error::at(innermost_cause(&error), caller))?;
        sender.add_headers(&mut request).map_err(|error| Error::at(error.to_string(), caller))?;
        let sent = Sent::new(&request, described);
        let pending = PendingExchange::new(&sent, sender.service, sender.party);
        Ok(Begun { http: sender.http, request, sent, pending, contract: sender.contract, caller })
    }
}

/// A request that is being sent.
struct Begun {
    http: reqwest::Client,
    request: reqwest::Request,
    sent: Sent,
    pending: PendingExchange,
    contract: ContractCheck,
    caller: &'static Location<'static>,
}

impl Begun {
    fn failure(&self) -> Failure {
        Failure { line: self.sent.line(), caller: self.caller }
    }
}

/// The beginning of an error of a request.
struct Failure {
    line: String,
    caller: &'static Location<'static>,
}

impl Failure {
    fn at(&self, cause: &str) -> Error {
        Error::at(format!("{}: {cause}", self.line), self.caller)
    }
}

impl IntoFuture for Request {
    type Output = Result<Response, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    #[track_caller]
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.exchange(Location::caller()))
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The parts of the request are left out, because they may be secrets.
        formatter.debug_struct("Request").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
