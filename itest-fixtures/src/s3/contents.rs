//! What a server in process stores: buckets, objects, and multipart uploads. It is in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::body::Bytes;
use s3s::dto::{Checksum, ETag, Tag, Timestamp};
use s3s::{S3Result, s3_error};

use super::condition::WriteConditions;

/// All buckets of a server, by name.
#[derive(Debug, Default)]
pub(super) struct Contents {
    buckets: BTreeMap<String, BucketContents>,
}

/// A bucket.
#[derive(Debug)]
pub(super) struct BucketContents {
    pub(super) created: Timestamp,
    pub(super) objects: BTreeMap<String, Arc<StoredObject>>,
    /// The multipart uploads that are neither completed nor aborted, by their id.
    pub(super) uploads: BTreeMap<String, Upload>,
}

/// An object. It is never changed, only replaced.
#[derive(Debug, Clone)]
pub(super) struct StoredObject {
    pub(super) bytes: Bytes,
    pub(super) e_tag: ETag,
    pub(super) last_modified: Timestamp,
    pub(super) checksum: Checksum,
    pub(super) attributes: Attributes,
    pub(super) tags: Vec<Tag>,
}

/// The headers that a client sends with an object, and gets back with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) expires: Option<Timestamp>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// The content type of an object that was stored without one.
pub(super) const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// A multipart upload that is neither completed nor aborted.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) initiated: Timestamp,
    pub(super) attributes: Attributes,
    pub(super) tags: Vec<Tag>,
    pub(super) parts: BTreeMap<i32, UploadedPart>,
}

/// A part of a multipart upload.
#[derive(Debug, Clone)]
pub(super) struct UploadedPart {
    pub(super) bytes: Bytes,
    pub(super) md5: [u8; 16],
    pub(super) last_modified: Timestamp,
    pub(super) checksum: Checksum,
}

impl Contents {
    /// Makes an empty bucket.
    ///
    /// # Errors
    ///
    /// When there is a bucket of this name.
    pub(super) fn create_bucket(&mut self, name: &str) -> S3Result<()> {
        if self.buckets.contains_key(name) {
            return Err(s3_error!(BucketAlreadyOwnedByYou, "there is a bucket {name} already"));
        }
        self.buckets.insert(name.to_owned(), BucketContents::new());
        Ok(())
    }

    /// Removes a bucket without objects.
    ///
    /// # Errors
    ///
    /// When there is no such bucket, or it contains an object.
    pub(super) fn delete_bucket(&mut self, name: &str) -> S3Result<()> {
        if !self.bucket(name)?.objects.is_empty() {
            return Err(s3_error!(BucketNotEmpty, "the bucket {name} contains objects"));
        }
        self.buckets.remove(name);
        Ok(())
    }

    /// A bucket.
    ///
    /// # Errors
    ///
    /// When there is no bucket of this name.
    pub(super) fn bucket(&self, name: &str) -> S3Result<&BucketContents> {
        self.buckets.get(name).ok_or_else(|| s3_error!(NoSuchBucket, "there is no bucket {name}"))
    }

    /// A bucket, to change it.
    ///
    /// # Errors
    ///
    /// When there is no bucket of this name.
    pub(super) fn bucket_mut(&mut self, name: &str) -> S3Result<&mut BucketContents> {
        self.buckets.get_mut(name).ok_or_else(|| s3_error!(NoSuchBucket, "there is no bucket {name}"))
    }

    /// All buckets with their names, in order.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (&str, &BucketContents)> {
        self.buckets.iter().map(|(name, bucket)| (name.as_str(), bucket))
    }
}

impl BucketContents {
    fn new() -> Self {
        Self { created: now(), objects: BTreeMap::new(), uploads: BTreeMap::new() }
    }

    /// An object.
    ///
    /// # Errors
    ///
    /// When there is no object with this key.
    pub(super) fn object(&self, key: &str) -> S3Result<&Arc<StoredObject>> {
        self.objects.get(key).ok_or_else(|| s3_error!(NoSuchKey, "the bucket contains no object {key}"))
    }

    /// Stores an object, if the conditions of the client hold.
    ///
    /// # Errors
    ///
    /// When a condition does not hold.
    pub(super) fn store(&mut self, key: &str, object: StoredObject, conditions: &WriteConditions) -> S3Result<()> {
        conditions.check(self.objects.get(key).map(|existing| &existing.e_tag))?;
        self.objects.insert(key.to_owned(), object.into());
        Ok(())
    }

    /// A multipart upload of an object.
    ///
    /// # Errors
    ///
    /// When there is no such upload, or it was completed or aborted.
    pub(super) fn upload(&self, key: &str, id: &str) -> S3Result<&Upload> {
        self.uploads.get(id).filter(|upload| upload.key == key).ok_or_else(no_such_upload)
    }

    /// A multipart upload of an object, to change it.
    ///
    /// # Errors
    ///
    /// When there is no such upload, or it was completed or aborted.
    pub(super) fn upload_mut(&mut self, key: &str, id: &str) -> S3Result<&mut Upload> {
        self.uploads.get_mut(id).filter(|upload| upload.key == key).ok_or_else(no_such_upload)
    }
}

fn no_such_upload() -> s3s::S3Error {
    s3_error!(NoSuchUpload, "there is no such multipart upload; it may have been completed or aborted")
}

impl StoredObject {
    /// The number of bytes.
    pub(super) fn size(&self) -> i64 {
        i64::try_from(self.bytes.len()).unwrap_or(i64::MAX)
    }
}

/// The current time in whole seconds, because HTTP's dates are not more precise, and conditions compare with them.
pub(super) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from(UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs()))
}
