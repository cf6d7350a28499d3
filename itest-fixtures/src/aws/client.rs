//! A client of the few operations that itest needs.

use itest_runtime::Error;
use reqwest::{Client, Method};
use serde_json::Value;

use super::location::of_service;
use crate::failure::with_action;
use crate::sigv4::{Credentials, Endpoint, SignedAnswer, SignedRequest};
use crate::xml::texts_of;

/// The version of the interface of SNS.
const SNS_VERSION: &str = "2010-03-31";

/// The version of the interface of STS.
const STS_VERSION: &str = "2011-06-15";

/// A client with the credentials of one test, or of the run.
#[derive(Debug, Clone)]
pub(super) struct AwsClient {
    endpoint: Endpoint,
    http: Client,
}

/// A request to S3.
#[derive(Debug, Default)]
pub(super) struct S3Request<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) query: &'a [(&'a str, &'a str)],
}

/// The answer that refuses a request.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The code of AWS, such as `NoSuchBucket`.
    pub(super) code: String,
    error: Error,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { code: String::new(), error }
    }
}

impl AwsClient {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, http: Client::new() }
    }

    /// The same client with other credentials.
    pub(super) fn with_credentials(&self, credentials: Credentials) -> Self {
        Self { endpoint: Endpoint { credentials, ..self.endpoint.clone() }, http: self.http.clone() }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Calls an operation of SQS.
    ///
    /// # Errors
    ///
    /// When the server refuses it, or does not answer.
    pub(super) async fn sqs(&self, operation: &str, input: &Value) -> Result<Value, Refusal> {
        let headers =
            [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", &format!("AmazonSQS.{operation}"))];
        let request = SignedRequest {
            service: "sqs",
            method: Method::POST,
            path: "/",
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: input.to_string().into_bytes(),
            query: &[],
        };
        let answer = self.send(request, operation).await?;
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Calls an operation of SNS, and returns the XML of its answer.
    ///
    /// # Errors
    ///
    /// When the server refuses it, or does not answer.
    pub(super) async fn sns(&self, operation: &str, parameters: &[(&str, &str)]) -> Result<String, Refusal> {
        self.query("sns", SNS_VERSION, operation, parameters).await
    }

    /// Calls an operation of STS, and returns the XML of its answer.
    ///
    /// # Errors
    ///
    /// When the server refuses it, or does not answer.
    pub(super) async fn sts(&self, operation: &str, parameters: &[(&str, &str)]) -> Result<String, Refusal> {
        self.query("sts", STS_VERSION, operation, parameters).await
    }

    /// Calls an operation of S3, and returns the XML of its answer.
    ///
    /// # Errors
    ///
    /// When the server refuses it, or does not answer.
    pub(super) async fn s3(&self, request: S3Request<'_>, action: &str) -> Result<String, Refusal> {
        let S3Request { method, path, query } = request;
        let request = SignedRequest { service: "s3", method, path, query, ..SignedRequest::default() };
        self.send(request, action).await.map(|answer| text_of(&answer))
    }

    /// The account of the credentials.
    ///
    /// # Errors
    ///
    /// When the server refuses them, or does not answer.
    pub(super) async fn account(&self) -> Result<String, Error> {
        let xml = self.sts("GetCallerIdentity", &[]).await?;
        texts_of(&xml, "Account").pop().ok_or_else(|| self.failed("GetCallerIdentity", "the answer names no account"))
    }

    /// Whether the server is moto, which makes an account when a client requests its credentials.
    pub(super) async fn is_moto(&self) -> bool {
        let answer = self.http.get(format!("{}/moto-api/config", self.endpoint.url)).send().await;
        let Ok(answer) = answer.and_then(reqwest::Response::error_for_status) else { return false };
        answer.bytes().await.is_ok_and(|body| serde_json::from_slice::<Value>(&body).is_ok_and(|json| json.is_object()))
    }

    async fn query(
        &self,
        service: &str,
        version: &str,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, Refusal> {
        let fixed = [("Action", operation), ("Version", version)];
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fixed).extend_pairs(parameters).finish();
        let content_type = "application/x-www-form-urlencoded; charset=utf-8";
        let request = SignedRequest {
            service,
            method: Method::POST,
            path: "/",
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into_bytes(),
            query: &[],
        };
        self.send(request, operation).await.map(|answer| text_of(&answer))
    }

    async fn send(&self, request: SignedRequest<'_>, operation: &str) -> Result<SignedAnswer, Refusal> {
        let endpoint = of_service(&self.endpoint, request.service);
        let action = format!("call {operation} at {}", endpoint.authority);
        let answer = request.send(&self.http, &endpoint, &action).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let (code, message) = refusal_of(&answer);
        let text = format!("the server answered {} {code} {message}", answer.status);
        Err(Refusal { code, error: with_action(&action, text.trim_end()) })
    }

    fn failed(&self, operation: &str, reason: &str) -> Error {
        with_action(&format!("call {operation} at {}", self.endpoint.authority), reason)
    }
}

fn text_of(answer: &SignedAnswer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// The code and the message of a refusal, in JSON or in XML.
fn refusal_of(answer: &SignedAnswer) -> (String, String) {
    if let Ok(json) = serde_json::from_slice::<Value>(&answer.body) {
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        // `com.amazonaws.sqs#QueueDoesNotExist`
        let code = text("__type").rsplit('#').next().unwrap_or_default().to_owned();
        return (code, text("message"));
    }
    let xml = text_of(answer);
    let first = |name: &str| texts_of(&xml, name).into_iter().next().unwrap_or_default();
    (first("Code"), first("Message"))
}
