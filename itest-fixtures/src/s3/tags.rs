//! Operations on the tags of objects.

use s3s::dto::{
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, GetObjectTaggingInput, GetObjectTaggingOutput,
    PutObjectTaggingInput, PutObjectTaggingOutput, Tag,
};
use s3s::{S3Result, s3_error};
use url::form_urlencoded;

use super::contents::StoredObject;
use super::imitation::Imitation;

/// The most tags that an object has.
const MAX_TAGS: usize = 10;

/// The tags of a header, such as `a=1&b=2`.
///
/// # Errors
///
/// When there are too many of them.
pub(super) fn parse_tags(header: Option<&str>) -> S3Result<Vec<Tag>> {
    let pairs = form_urlencoded::parse(header.unwrap_or_default().as_bytes());
    checked(pairs.map(|(key, value)| Tag { key: Some(key.into_owned()), value: Some(value.into_owned()) }).collect())
}

fn checked(tags: Vec<Tag>) -> S3Result<Vec<Tag>> {
    if tags.len() > MAX_TAGS {
        return Err(s3_error!(InvalidTag, "an object has at most {MAX_TAGS} tags"));
    }
    Ok(tags)
}

/// Reads the tags of an object.
pub(super) fn get(s3: &Imitation, input: &GetObjectTaggingInput) -> S3Result<GetObjectTaggingOutput> {
    let tag_set = s3.object(&input.bucket, &input.key)?.tags.clone();
    Ok(GetObjectTaggingOutput { tag_set, version_id: None })
}

/// Replaces the tags of an object.
pub(super) fn put(s3: &Imitation, input: PutObjectTaggingInput) -> S3Result<PutObjectTaggingOutput> {
    set(s3, &input.bucket, &input.key, checked(input.tagging.tag_set)?)?;
    Ok(PutObjectTaggingOutput::default())
}

/// Removes the tags of an object.
pub(super) fn delete(s3: &Imitation, input: &DeleteObjectTaggingInput) -> S3Result<DeleteObjectTaggingOutput> {
    set(s3, &input.bucket, &input.key, Vec::new())?;
    Ok(DeleteObjectTaggingOutput::default())
}

fn set(s3: &Imitation, bucket: &str, key: &str, tags: Vec<Tag>) -> S3Result<()> {
    let mut contents = s3.contents();
    let bucket = contents.bucket_mut(bucket)?;
    let object = StoredObject::clone(bucket.object(key)?);
    bucket.objects.insert(key.to_owned(), StoredObject { tags, ..object }.into());
    Ok(())
}
