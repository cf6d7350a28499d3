//! A client of another project: rusty-s3 makes and signs the requests, and reqwest sends them.

use std::time::Duration;

use itest::prelude::*;
use itest::s3::Bucket;
use reqwest::{Method, Response};
use rusty_s3::{Credentials, S3Action, UrlStyle};

/// How long a signature is valid.
const VALIDITY: Duration = Duration::from_mins(1);

/// A client for a bucket, with an access key and a secret key.
pub(crate) struct SigningClient {
    pub(crate) bucket: rusty_s3::Bucket,
    pub(crate) credentials: Credentials,
    http: reqwest::Client,
}

impl SigningClient {
    pub(crate) fn new(bucket: &Bucket) -> Result<Self> {
        Self::with_style(bucket, bucket.endpoint(), UrlStyle::Path)
    }

    /// A client that uses a style of URLs at an endpoint.
    pub(crate) fn with_style(bucket: &Bucket, endpoint: &str, style: UrlStyle) -> Result<Self> {
        let (name, region) = (bucket.name().to_owned(), bucket.region().to_owned());
        let described = rusty_s3::Bucket::new(endpoint.parse()?, style, name, region)?;
        let credentials = Credentials::new(bucket.access_key(), bucket.secret_key());
        // Not every system resolves names below `localhost`.
        let address = bucket.endpoint().trim_start_matches("http://").parse()?;
        let http = reqwest::Client::builder().resolve(&format!("{}.localhost", bucket.name()), address).build()?;
        Ok(Self { bucket: described, credentials, http })
    }

    /// Sends an action with a body.
    pub(crate) async fn send<'a>(
        &self,
        action: &impl S3Action<'a>,
        body: impl Into<reqwest::Body>,
    ) -> Result<Response> {
        self.send_with(action, &[], body).await
    }

    /// Sends an action with headers, which are not signed, and a body.
    pub(crate) async fn send_with<'a, A: S3Action<'a>>(
        &self,
        action: &A,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Result<Response> {
        let method = match A::METHOD {
            rusty_s3::Method::Head => Method::HEAD,
            rusty_s3::Method::Get => Method::GET,
            rusty_s3::Method::Post => Method::POST,
            rusty_s3::Method::Put => Method::PUT,
            rusty_s3::Method::Delete => Method::DELETE,
        };
        let mut request = self.http.request(method, action.sign(VALIDITY)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(request.send().await?)
    }

    /// Stores an object.
    pub(crate) async fn put(&self, key: &str, body: impl Into<reqwest::Body>) -> Result<Response> {
        self.send(&self.bucket.put_object(Some(&self.credentials), key), body).await
    }

    /// Stores an object in another bucket.
    pub(crate) async fn put_into(&self, bucket: &str, key: &str, body: Vec<u8>) -> Result<Response> {
        let endpoint = self.bucket.base_url().join("/")?;
        let other =
            rusty_s3::Bucket::new(endpoint, UrlStyle::Path, bucket.to_owned(), self.bucket.region().to_owned())?;
        self.send(&other.put_object(Some(&self.credentials), key), body).await
    }

    /// Reads an object.
    pub(crate) async fn get(&self, key: &str) -> Result<Response> {
        self.send(&self.bucket.get_object(Some(&self.credentials), key), "").await
    }
}
