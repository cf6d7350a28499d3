//! How a test reads and writes its bucket.

use std::pin::pin;

use itest_runtime::Error;
use s3s::dto::ETag;

use super::body::md5_of;
use super::condition::WriteConditions;
use super::contents::{Attributes, DEFAULT_CONTENT_TYPE, StoredObject, now};
use super::imitation::Imitation;
use super::new_object::NewObject;
use super::object::Object;
use super::remote::RemoteBucket;
use crate::failure::with_action;
use crate::sigv4::hex;

/// How a test reads and writes its bucket.
#[derive(Debug)]
pub(super) enum BucketAccess {
    InProcess(InProcessBucket),
    Remote(RemoteBucket),
}

/// A bucket on a server in this process.
#[derive(Debug)]
pub(super) struct InProcessBucket {
    pub(super) s3: Imitation,
    pub(super) bucket: String,
}

impl BucketAccess {
    /// Stores an object.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub(super) async fn put(&self, key: &str, object: NewObject) -> Result<(), Error> {
        match self {
            Self::InProcess(bucket) => bucket.put(key, object),
            Self::Remote(bucket) => bucket.put(key, object).await,
        }
    }

    /// Reads an object, if there is one.
    ///
    /// # Errors
    ///
    /// When the bucket was deleted, or the server does not answer.
    pub(super) async fn find(&self, key: &str) -> Result<Option<Object>, Error> {
        match self {
            Self::InProcess(bucket) => bucket.find(key),
            Self::Remote(bucket) => bucket.find(key).await,
        }
    }

    /// The keys of all objects, in order.
    ///
    /// # Errors
    ///
    /// When the bucket was deleted, or the server does not answer.
    pub(super) async fn keys(&self) -> Result<Vec<String>, Error> {
        match self {
            Self::InProcess(bucket) => bucket.keys(),
            Self::Remote(bucket) => bucket.keys().await,
        }
    }

    /// Deletes an object. It is no error if there is none.
    ///
    /// # Errors
    ///
    /// When the bucket was deleted, or the server does not answer.
    pub(super) async fn delete(&self, key: &str) -> Result<(), Error> {
        match self {
            Self::InProcess(bucket) => bucket.delete(key),
            Self::Remote(bucket) => bucket.delete(key).await,
        }
    }

    /// Waits until there is an object with this key, and reads it.
    ///
    /// # Errors
    ///
    /// When the bucket was deleted, or the server does not answer.
    pub(super) async fn wait_for(&self, key: &str) -> Result<Object, Error> {
        match self {
            Self::InProcess(bucket) => bucket.wait_for(key).await,
            Self::Remote(bucket) => bucket.wait_for(key).await,
        }
    }
}

impl InProcessBucket {
    fn put(&self, key: &str, object: NewObject) -> Result<(), Error> {
        let NewObject { bytes, content_type, metadata } = object;
        let e_tag = ETag::Strong(hex(&md5_of(&bytes)));
        let attributes = Attributes { content_type, metadata, ..Attributes::default() };
        let (bytes, last_modified) = (bytes.into(), now());
        let object =
            StoredObject { bytes, e_tag, last_modified, checksum: <_>::default(), attributes, tags: Vec::new() };
        let stored = self.s3.store(&self.bucket, key, object, &WriteConditions::default());
        stored.map_err(|error| refused(&format!("store the object {key}"), &error))
    }

    fn find(&self, key: &str) -> Result<Option<Object>, Error> {
        let contents = self.s3.contents();
        let bucket =
            contents.bucket(&self.bucket).map_err(|error| refused(&format!("read the object {key}"), &error))?;
        Ok(bucket.objects.get(key).map(|object| Object {
            key: key.to_owned(),
            bytes: object.bytes.clone(),
            e_tag: object.e_tag.value().to_owned(),
            content_type: object.attributes.content_type.as_deref().unwrap_or(DEFAULT_CONTENT_TYPE).to_owned(),
            metadata: object.attributes.metadata.clone(),
        }))
    }

    fn keys(&self) -> Result<Vec<String>, Error> {
        let contents = self.s3.contents();
        let bucket = contents.bucket(&self.bucket).map_err(|error| refused("list the objects of the test", &error))?;
        Ok(bucket.objects.keys().cloned().collect())
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        let mut contents = self.s3.contents();
        let bucket =
            contents.bucket_mut(&self.bucket).map_err(|error| refused(&format!("delete the object {key}"), &error))?;
        bucket.objects.remove(key);
        Ok(())
    }

    async fn wait_for(&self, key: &str) -> Result<Object, Error> {
        loop {
            let mut stored = pin!(self.s3.stored().notified());
            // From now on, an object is noticed even if it is stored before the task waits.
            stored.as_mut().enable();
            if let Some(object) = self.find(key)? {
                return Ok(object);
            }
            stored.await;
        }
    }
}

fn refused(action: &str, error: &s3s::S3Error) -> Error {
    with_action(action, error.message().unwrap_or(error.code().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> BucketAccess {
        let s3 = Imitation::default();
        s3.contents().create_bucket("photos").unwrap();
        BucketAccess::InProcess(InProcessBucket { s3, bucket: "photos".to_owned() })
    }

    #[tokio::test]
    async fn objects_of_the_test_are_stored_listed_read_and_deleted() {
        let access = access();
        access.put("b", NewObject::new("text").content_type("text/plain").metadata("Author", "ada")).await.unwrap();
        access.put("a", NewObject::new("")).await.unwrap();
        assert_eq!(access.keys().await.unwrap(), ["a", "b"]);
        let object = access.find("b").await.unwrap().unwrap();
        object.assert_text("text").assert_content_type("text/plain").assert_metadata("author", "ada");
        access.delete("b").await.unwrap();
        assert_eq!(access.find("b").await.unwrap(), None);
    }
}
