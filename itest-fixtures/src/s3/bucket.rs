//! The fixture: the bucket of one test.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use itest_runtime::{Error, Teardown, TestInfo};

use super::access::{BucketAccess, InProcessBucket};
use super::credentials::random_bucket_name;
use super::expected::{ExpectedObject, list_of_keys};
use super::imitation::Imitation;
use super::new_object::NewObject;
use super::object::Object;
use super::recorder::Recorder;
use super::remote::{LeftBucket, RemoteBucket, delete_s3_bucket, server_of_variable, unfinished_uploads};
use super::server;
use super::source::BucketSource;
use crate::itest::fixture;
use crate::sigv4::{Credentials, Endpoint};

/// The region of a server in process.
const REGION: &str = "us-east-1";

/// An empty bucket of one test, and the server on which it is.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
/// use itest::s3::Bucket;
/// # struct Shop;
/// # impl Shop {
/// #     fn new(_endpoint: &str, _bucket: &str, _access_key: &str, _secret_key: &str) -> Self { Self }
/// #     async fn pay(&self, _order: u32) -> Result<()> { Ok(()) }
/// # }
///
/// #[fixture]
/// fn shop(receipts: &Bucket) -> Shop {
///     Shop::new(receipts.endpoint(), receipts.name(), receipts.access_key(), receipts.secret_key())
/// }
///
/// #[integration_test]
/// async fn payment_stores_a_receipt(shop: &Shop, receipts: &Bucket) -> Result<()> {
///     #[act]
///     shop.pay(7).await?;
///
///     #[assert]
///     let receipt = receipts.expect("receipts/7.json").await?;
///     receipt.assert_content_type("application/json").assert_json("/order", 7);
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub struct Bucket {
    name: String,
    endpoint: String,
    region: String,
    credentials: Credentials,
    access: BucketAccess,
    recorder: Arc<Recorder>,
}

impl Bucket {
    async fn in_process(info: &TestInfo, teardown: &Teardown) -> Result<Self, Error> {
        let (name, credentials) = (random_bucket_name()?, Credentials::random()?);
        let (s3, recorder) = (Imitation::default(), Arc::new(Recorder::new(info.clone())));
        s3.contents().create_bucket(&name).map_err(|error| Error::new(error.to_string()))?;
        let address = server::start(&s3, &credentials, &recorder, teardown).await?;
        let access = BucketAccess::InProcess(InProcessBucket { s3, bucket: name.clone() });
        let (endpoint, region) = (format!("http://{address}"), REGION.to_owned());
        Ok(Self { name, endpoint, region, credentials, access, recorder })
    }

    async fn remote(info: &TestInfo, teardown: &Teardown) -> Result<Self, Error> {
        let server = server_of_variable()?;
        let endpoint = server.ok_or_else(|| Error::new("the variable ITEST_S3_URL is not set any more"))?.endpoint;
        let (name, recorder) = (random_bucket_name()?, Arc::new(Recorder::new(info.clone())));
        teardown.durable(delete_s3_bucket, LeftBucket { endpoint: endpoint.url.clone(), name: name.clone() })?;
        let bucket = RemoteBucket::new(endpoint.clone(), name.clone());
        bucket.create().await?;
        let (checked, reporter) = (bucket.clone(), Arc::clone(&recorder));
        teardown.defer_with("check the multipart uploads to the bucket", move |outcome| async move {
            let unfinished = unfinished_uploads(&checked).await?;
            reporter.check_uploads(outcome, &unfinished);
            Ok::<(), Error>(())
        });
        let Endpoint { url: endpoint, region, credentials, .. } = endpoint;
        Ok(Self { name, endpoint, region, credentials, access: BucketAccess::Remote(bucket), recorder })
    }

    /// The name of the bucket, `itest-` and random digits.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL of the server: `http://127.0.0.1:PORT`. Clients must use the path style, in which the bucket is the beginning of the path.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The URL of the bucket: the endpoint, and the name of the bucket.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.endpoint, self.name)
    }

    /// The region, for which clients sign.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The access key.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.credentials.access_key
    }

    /// The secret key, with which clients sign.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.credentials.secret_key
    }

    /// The environment variables with which the SDKs of AWS use this server: `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_REGION` and `AWS_DEFAULT_REGION`.
    #[must_use]
    pub fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", self.credentials.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.credentials.secret_key.clone()),
            ("AWS_REGION", self.region.clone()),
            ("AWS_DEFAULT_REGION", self.region.clone()),
        ]
    }

    /// Stores an object: bytes, a text, JSON, or a [`NewObject`] with a content type and metadata.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    #[track_caller]
    pub fn put(&self, key: &str, object: impl Into<NewObject>) -> impl Future<Output = Result<(), Error>> + Send {
        let (location, object) = (Location::caller(), object.into());
        async move { self.access.put(key, object).await.map_err(at(location)) }
    }

    /// Reads an object.
    ///
    /// # Errors
    ///
    /// When there is none. The error lists the keys that exist.
    #[track_caller]
    pub fn get(&self, key: &str) -> impl Future<Output = Result<Object, Error>> + Send {
        let location = Location::caller();
        async move {
            if let Some(object) = self.access.find(key).await.map_err(at(location))? {
                return Ok(object);
            }
            let keys = self.access.keys().await.map_err(at(location))?;
            Err(Error::at(format!("there is no object {key}; {}", list_of_keys(&keys)), location))
        }
    }

    /// The keys of all objects, in order.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    #[track_caller]
    pub fn keys(&self) -> impl Future<Output = Result<Vec<String>, Error>> + Send {
        let location = Location::caller();
        async move { self.access.keys().await.map_err(at(location)) }
    }

    /// Deletes an object. It is no error if there is none.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    #[track_caller]
    pub fn delete(&self, key: &str) -> impl Future<Output = Result<(), Error>> + Send {
        let location = Location::caller();
        async move { self.access.delete(key).await.map_err(at(location)) }
    }

    /// Waits until there is an object with this key, and reads it.
    ///
    /// # Errors
    ///
    /// When there is none within 5 seconds, or within the limit of [`ExpectedObject::within`]. The error lists the keys that exist.
    #[track_caller]
    pub fn expect(&self, key: &str) -> ExpectedObject<'_> {
        ExpectedObject::new(&self.access, key)
    }

    /// Fails if there is an object with this key. It does not wait.
    ///
    /// # Errors
    ///
    /// When there is such an object. The error shows it.
    #[track_caller]
    pub fn expect_none(&self, key: &str) -> impl Future<Output = Result<(), Error>> + Send {
        let location = Location::caller();
        async move {
            match self.access.find(key).await.map_err(at(location))? {
                None => Ok(()),
                Some(object) => Err(Error::at(format!("expected no object {key}, got the {object}"), location)),
            }
        }
    }

    /// From now on, multipart uploads that are neither completed nor aborted do not fail the test.
    pub fn allow_unfinished_uploads(&self) {
        self.recorder.allow_unfinished_uploads();
    }

    /// From now on, refused requests do not fail the test: a wrong signature, a body that is too large or incomplete, and an operation that the
    /// server in process does not have.
    pub fn lenient(&self) {
        self.recorder.be_lenient();
    }
}

/// Adds the place in the test to an error.
fn at(location: &'static Location<'static>) -> impl Fn(Error) -> Error {
    move |error| Error::at(error.to_string(), location)
}

impl fmt::Debug for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret key is left out.
        write!(formatter, "Bucket({}, {})", self.name, self.endpoint)
    }
}

/// A bucket.
#[fixture(crate = crate::itest)]
async fn bucket(source: &BucketSource, info: &TestInfo, teardown: &Teardown) -> Result<Bucket, Error> {
    match source {
        BucketSource::InProcess => Bucket::in_process(info, teardown).await,
        BucketSource::Remote { .. } => Bucket::remote(info, teardown).await,
    }
}
