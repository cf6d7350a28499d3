//! Signs and sends requests.

use std::time::{Duration, SystemTime};

use hyper::body::Bytes;
use itest_runtime::Error;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode};

use super::endpoint::Endpoint;
use super::signature::{Scope, Unsigned, authorization, encode_path, encode_query, sha256};
use super::time::time_of_signature;
use crate::failure::failed_to;

/// How long a server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A request to a service.
#[derive(Debug, Default)]
pub(crate) struct SignedRequest<'a> {
    /// The name of the service, as AWS writes it in signatures: `s3`.
    pub(crate) service: &'a str,
    pub(crate) method: Method,
    /// The path, not encoded.
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct SignedAnswer {
    pub(crate) status: StatusCode,
    #[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "only S3 has answers in headers"))]
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl SignedRequest<'_> {
    /// Sends the request. `action` describes it in errors.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(crate) async fn send(self, http: &Client, endpoint: &Endpoint, action: &str) -> Result<SignedAnswer, Error> {
        let Self { service, method, path, query, headers, body } = self;
        let (path, query) = (encode_path(path), encode_query(query));
        let (body_hash, time) = (sha256(&body), time_of_signature(SystemTime::now()));
        let mut signed = headers;
        for (name, value) in
            [("host", &endpoint.authority), ("x-amz-content-sha256", &body_hash), ("x-amz-date", &time)]
        {
            signed.push((name.to_owned(), value.clone()));
        }
        signed.sort();
        let unsigned = Unsigned {
            method: method.as_str(),
            path: &path,
            query: &query,
            headers: &signed,
            body_hash: &body_hash,
            time: &time,
        };
        let scope = Scope { region: &endpoint.region, service };
        let authorization = authorization(&unsigned, scope, &endpoint.credentials);
        let mut request = http.request(method, format!("{}{path}?{query}", endpoint.url)).timeout(TIMEOUT);
        for (name, value) in signed {
            request = request.header(name, value);
        }
        let failed = |error: reqwest::Error| failed_to(action, &error.without_url());
        let response = request.header("authorization", authorization).body(body).send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(failed)?;
        Ok(SignedAnswer { status, headers, body })
    }
}
