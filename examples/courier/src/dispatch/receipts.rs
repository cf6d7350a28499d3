//! The receipts of deliveries, as objects in a store with the interface of S3.

use std::time::Duration;

use reqwest::Client;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use serde_json::json;

use super::StartError;
use crate::defect::Defect;

/// How long the signature of a request is valid.
const VALIDITY: Duration = Duration::from_mins(1);

/// Where receipts are stored.
#[derive(Clone)]
pub struct Store {
    /// The URL of the server.
    pub endpoint: String,
    /// The region of the bucket.
    pub region: String,
    /// The name of the bucket.
    pub bucket: String,
    /// The name of the credentials.
    pub access_key: String,
    /// The secret of the credentials.
    pub secret_key: String,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The credentials are left out.
        let Self { endpoint, bucket, .. } = self;
        formatter.debug_struct("Store").field("endpoint", endpoint).field("bucket", bucket).finish_non_exhaustive()
    }
}

/// A client of the store.
pub(crate) struct Receipts {
    client: Client,
    bucket: Bucket,
    credentials: Credentials,
    defect: Option<Defect>,
}

impl Receipts {
    pub(crate) fn new(store: Store, timeout: Duration, defect: Option<Defect>) -> Result<Self, StartError> {
        let bucket = Bucket::new(store.endpoint.parse()?, UrlStyle::Path, store.bucket, store.region)?;
        let credentials = Credentials::new(store.access_key, store.secret_key);
        let client = Client::builder().timeout(timeout).build().unwrap_or_default();
        Ok(Self { client, bucket, credentials, defect })
    }

    /// Stores the receipt of an order. A second time replaces the object by an equal one.
    pub(crate) async fn store(&self, order: i64, customer: &str, courier: &str) -> Result<(), reqwest::Error> {
        let receipt = json!({ "order": order, "customer": customer, "courier": courier });
        let key = format!("receipts/{order}.json");
        let url = self.bucket.put_object(Some(&self.credentials), &key).sign(VALIDITY);
        let mut request = self.client.put(url).body(receipt.to_string());
        if self.defect != Some(Defect::ReceiptWithoutType) {
            request = request.header("content-type", "application/json");
        }
        request.send().await?.error_for_status()?;
        Ok(())
    }
}
