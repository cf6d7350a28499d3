//! The real service behind a stand-in, which answers while a test is recorded.

use std::error::Error as _;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue};
use itest_runtime::__private::redacted;
use reqwest::redirect::Policy;

use super::super::received::Received;
use super::response::is_of_connection;

/// How long the real service may take for a whole response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest body that is recorded.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The real service of a third party.
#[derive(Debug)]
pub(super) struct RealService {
    url: String,
    /// Users may catch panics around a stand-in. That is safe, because a panic leaves no state of the client half changed.
    client: AssertUnwindSafe<reqwest::Client>,
}

/// A whole response of the real service.
#[derive(Debug)]
pub(super) struct RealResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl RealService {
    /// The service at this URL, which may have a path.
    ///
    /// # Errors
    ///
    /// When the URL is not valid.
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let url = url.trim_end_matches('/');
        let invalid = |why: &str| format!("{} is no URL of a real service: {why}", redacted(url));
        let parsed = reqwest::Url::parse(url).map_err(|error| invalid(&error.to_string()))?;
        if !["http", "https"].contains(&parsed.scheme()) || parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(invalid("it begins with http:// or https://, and has no query"));
        }
        // A redirect is recorded as the answer, so that the code under test follows it in every run. Connections are not reused, because an
        // idle one would be reported as a leak of the test.
        let builder = reqwest::Client::builder().redirect(Policy::none()).pool_max_idle_per_host(0);
        let builder = if is_on_this_machine(&parsed) { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| invalid(&causes(&error)))?;
        Ok(Self { url: url.to_owned(), client: AssertUnwindSafe(client) })
    }

    /// Sends a request to the service, and reads the whole response.
    ///
    /// # Errors
    ///
    /// When the service cannot be reached, does not end its response in time, or answers something that cannot be recorded.
    pub(super) async fn send(&self, request: &Received) -> Result<RealResponse, String> {
        if is_encoded(request.header_map()) {
            return Err("the request is compressed, and itest recognizes no secrets in it".to_owned());
        }
        let answered = tokio::time::timeout(RESPONSE_TIMEOUT, self.exchange(request));
        answered.await.unwrap_or_else(|_| Err(format!("its response has not ended after {RESPONSE_TIMEOUT:?}")))
    }

    async fn exchange(&self, request: &Received) -> Result<RealResponse, String> {
        let method = reqwest::Method::from_bytes(request.method().as_bytes()).map_err(|error| error.to_string())?;
        let query = request.raw_query();
        let mark = if query.is_empty() { "" } else { "?" };
        let target = format!("{}{}{mark}{query}", self.url, request.path());
        let body = request.bytes().to_vec();
        let sent = self.client.request(method, target).headers(forwarded(request.header_map())).body(body).send();
        let mut response = sent.await.map_err(|error| self.explain(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_informational() {
            return Err(format!("it changes the protocol ({status}), which cannot be recorded"));
        }
        if is_encoded(&headers) {
            return Err(
                "its response is compressed although the request forbids it, and itest recognizes no secrets in it"
                    .to_owned(),
            );
        }
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| self.explain(&error))? {
            body.extend_from_slice(&part);
            if body.len() > MAX_BODY_BYTES {
                return Err(format!(
                    "its response has more than {MAX_BODY_BYTES} bytes, which are too many for a recording"
                ));
            }
        }
        Ok(RealResponse { status, headers, body: body.into() })
    }

    /// The text of an error of the client, with the remedy if the client has no TLS.
    fn explain(&self, error: &reqwest::Error) -> String {
        let text = causes(error);
        if self.url.starts_with("https:") && text.contains("scheme is not http") {
            return format!(
                "{text}; the client has no TLS: add `reqwest = {{ version = \"0.13\", features = [\"rustls\"] }}` to the \
                 dev-dependencies of the suite"
            );
        }
        text
    }
}

/// The headers of a request without those of its connection. The body is requested uncompressed, because people read recordings.
fn forwarded(headers: &HeaderMap) -> HeaderMap {
    let is_replaced = |name: &HeaderName| is_of_connection(name) || [HOST, EXPECT, ACCEPT_ENCODING].contains(name);
    let kept = headers.iter().filter(|(name, _)| !is_replaced(name));
    let mut forwarded: HeaderMap = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    forwarded.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    forwarded
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|encoding| encoding.as_bytes() != b"identity")
}

/// Whether the service runs on this machine. Then no proxy is used, because a proxy may not reach the service.
fn is_on_this_machine(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// The causes of an error. The text of the error itself contains the URL, which may have secrets.
fn causes(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    if texts.is_empty() { "it has failed".to_owned() } else { redacted(&texts.join(": ")).into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time is paused, so that the test does not wait.
    #[test]
    fn service_that_never_answers_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let error = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let (head, ()) = hyper::Request::get("/late").body(()).unwrap().into_parts();
            RealService::new(&url).unwrap().send(&Received::new(head, Bytes::new())).await.unwrap_err()
        });
        assert_eq!(error, "its response has not ended after 30s");
    }

    #[test]
    fn message_about_an_invalid_url_shows_the_url_without_secrets() {
        for url in ["ftp://ann:s3cret@example.com", "http://example.com/?token=s3cret", "no address"] {
            let error = RealService::new(url).unwrap_err();
            assert!(error.contains("is no URL of a real service") && !error.contains("s3cret"), "{error}");
        }
    }
}
