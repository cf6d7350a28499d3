//! The server in process: its contents, which its operations read and change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use s3s::S3Result;
use tokio::sync::Notify;

use super::body::UploadedBytes;
use super::condition::WriteConditions;
use super::contents::{Contents, StoredObject};

/// An imitation of S3: what the buckets of a test contain, and the operations on it. Its clones have the same contents.
#[derive(Debug, Clone, Default)]
pub(super) struct Imitation(Arc<State>);

#[derive(Debug, Default)]
struct State {
    contents: Mutex<Contents>,
    uploaded: UploadedBytes,
    stored: Notify,
}

impl Imitation {
    /// What the server stores.
    pub(super) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes the clients have uploaded.
    pub(super) fn uploaded(&self) -> &UploadedBytes {
        &self.0.uploaded
    }

    /// Notifies a waiting test of each object that is stored.
    pub(super) fn stored(&self) -> &Notify {
        &self.0.stored
    }

    /// An object.
    ///
    /// # Errors
    ///
    /// When there is no such object.
    pub(super) fn object(&self, bucket: &str, key: &str) -> S3Result<Arc<StoredObject>> {
        self.contents().bucket(bucket)?.object(key).cloned()
    }

    /// Stores an object, if the conditions of the client hold.
    ///
    /// # Errors
    ///
    /// When there is no such bucket, or a condition does not hold.
    pub(super) fn store(
        &self,
        bucket: &str,
        key: &str,
        object: StoredObject,
        conditions: &WriteConditions,
    ) -> S3Result<()> {
        self.contents().bucket_mut(bucket)?.store(key, object, conditions)?;
        self.0.stored.notify_waiters();
        Ok(())
    }
}
