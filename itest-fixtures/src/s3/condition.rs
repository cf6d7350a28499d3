//! The conditions of requests (RFC 9110, section 13): on the entity tag of an object, and on the time of its last change.

use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3Result, s3_error};

/// The conditions of a request that reads an object.
#[derive(Debug, Default)]
pub(super) struct ReadConditions {
    pub(super) e_tag: Option<ETagCondition>,
    pub(super) not_e_tag: Option<ETagCondition>,
    pub(super) modified_since: Option<Timestamp>,
    pub(super) unmodified_since: Option<Timestamp>,
}

/// The conditions of a request that writes an object.
#[derive(Debug, Default)]
pub(super) struct WriteConditions {
    pub(super) e_tag: Option<ETagCondition>,
    pub(super) not_e_tag: Option<ETagCondition>,
}

impl ReadConditions {
    /// Checks the conditions of a read. A condition on the entity tag takes precedence over one on the time.
    ///
    /// # Errors
    ///
    /// `PreconditionFailed`, or `NotModified`, which is no failure for the client.
    pub(super) fn check_read(&self, e_tag: &ETag, last_modified: &Timestamp) -> S3Result<()> {
        self.check(e_tag, last_modified, || s3_error!(NotModified))
    }

    /// Checks the conditions of a copy, which is never answered with `NotModified`.
    ///
    /// # Errors
    ///
    /// `PreconditionFailed`.
    pub(super) fn check_copy(&self, e_tag: &ETag, last_modified: &Timestamp) -> S3Result<()> {
        self.check(e_tag, last_modified, failed)
    }

    fn check(&self, e_tag: &ETag, last_modified: &Timestamp, unchanged: impl Fn() -> S3Error) -> S3Result<()> {
        match (&self.e_tag, &self.unmodified_since) {
            (Some(condition), _) if !matches(condition, e_tag) => return Err(failed()),
            (None, Some(limit)) if last_modified > limit => return Err(failed()),
            _ => {}
        }
        match (&self.not_e_tag, &self.modified_since) {
            (Some(condition), _) if matches(condition, e_tag) => Err(unchanged()),
            (None, Some(limit)) if last_modified <= limit => Err(unchanged()),
            _ => Ok(()),
        }
    }
}

impl WriteConditions {
    /// Checks the conditions of a write. `existing` is the entity tag of the object with the same key.
    ///
    /// # Errors
    ///
    /// `PreconditionFailed`, or `NoSuchKey` if a condition requires an object and there is none.
    pub(super) fn check(&self, existing: Option<&ETag>) -> S3Result<()> {
        if let Some(condition) = &self.e_tag {
            let existing = existing.ok_or_else(|| s3_error!(NoSuchKey, "there is no object that could match"))?;
            if !matches(condition, existing) {
                return Err(failed());
            }
        }
        let exists = |condition: &ETagCondition| existing.is_some_and(|existing| matches(condition, existing));
        if self.not_e_tag.as_ref().is_some_and(exists) { Err(failed()) } else { Ok(()) }
    }
}

fn matches(condition: &ETagCondition, e_tag: &ETag) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(expected) => expected.value() == e_tag.value(),
    }
}

fn failed() -> S3Error {
    s3_error!(PreconditionFailed, "a condition of the request does not hold")
}
