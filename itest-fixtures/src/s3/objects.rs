//! Operations on objects: put, get, head, copy and delete.

use std::sync::Arc;

use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag, GetObjectInput, GetObjectOutput, HeadObjectInput,
    HeadObjectOutput, MetadataDirective, PutObjectInput, PutObjectOutput, Range, StreamingBlob, TaggingDirective,
};
use s3s::{Body, S3Request, S3Result, s3_error};

use super::body::{Announcement, ReceivedBody, receive};
use super::checksum::{Announced, checksum_of, set_checksum};
use super::condition::{ReadConditions, WriteConditions};
use super::contents::{Attributes, DEFAULT_CONTENT_TYPE, StoredObject, now};
use super::imitation::Imitation;
use super::options::refuse_options;
use super::tags::parse_tags;
use crate::sigv4::hex;

/// The headers of an object in the input of an operation. Several inputs have the same fields.
macro_rules! attributes_of {
    ($input:expr) => {
        $crate::s3::contents::Attributes {
            content_type: $input.content_type.take(),
            content_encoding: $input.content_encoding.take(),
            content_disposition: $input.content_disposition.take(),
            content_language: $input.content_language.take(),
            cache_control: $input.cache_control.take(),
            expires: $input.expires.take(),
            metadata: $input.metadata.take().into_iter().flatten().collect(),
        }
    };
}
pub(super) use attributes_of;

/// Sets the headers of an object in the output of an operation.
macro_rules! set_attributes {
    ($output:expr, $object:expr) => {{
        let Attributes {
            content_type,
            content_encoding,
            content_disposition,
            content_language,
            cache_control,
            expires,
            metadata,
        } = $object.attributes.clone();
        $output.content_type = Some(content_type.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned()));
        $output.content_encoding = content_encoding;
        $output.content_disposition = content_disposition;
        $output.content_language = content_language;
        $output.cache_control = cache_control;
        $output.expires = expires;
        $output.metadata = Some(metadata.into_iter().collect());
        $output.accept_ranges = Some("bytes".to_owned());
        $output.e_tag = Some($object.e_tag.clone());
        $output.last_modified = Some($object.last_modified.clone());
    }};
}

/// The conditions of a read in the input of an operation.
macro_rules! read_conditions_of {
    ($input:expr) => {
        ReadConditions {
            e_tag: $input.if_match.take(),
            not_e_tag: $input.if_none_match.take(),
            modified_since: $input.if_modified_since.take(),
            unmodified_since: $input.if_unmodified_since.take(),
        }
    };
}

/// Stores an object.
pub(super) async fn put(s3: &Imitation, request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    let S3Request { mut input, trailing_headers: trailers, .. } = request;
    refuse_options!(
        input,
        object_lock_legal_hold_status,
        object_lock_mode,
        object_lock_retain_until_date,
        sse_customer_key,
        website_redirect_location,
        write_offset_bytes,
    );
    // A bucket that does not exist is reported before the body is read.
    s3.contents().bucket(&input.bucket)?;
    let checksum = Announced { checksum: checksum_of!(input), algorithm: input.checksum_algorithm.take() };
    let (content_length, content_md5) = (input.content_length, input.content_md5.take());
    let announcement = Announcement { content_length, content_md5, checksum, trailers };
    let ReceivedBody { bytes, md5, checksum } = receive(input.body.take(), announcement, s3.uploaded()).await?;
    let object = StoredObject {
        bytes,
        e_tag: ETag::Strong(hex(&md5)),
        last_modified: now(),
        checksum,
        attributes: attributes_of!(input),
        tags: parse_tags(input.tagging.as_deref())?,
    };
    let mut output = PutObjectOutput { e_tag: Some(object.e_tag.clone()), ..PutObjectOutput::default() };
    set_checksum!(output, object.checksum);
    let conditions = WriteConditions { e_tag: input.if_match.take(), not_e_tag: input.if_none_match.take() };
    s3.store(&input.bucket, &input.key, object, &conditions)?;
    Ok(output)
}

/// Reads an object, or a range of it.
pub(super) fn get(s3: &Imitation, mut input: GetObjectInput) -> S3Result<GetObjectOutput> {
    refuse_options!(input, part_number, response_expires, sse_customer_key, version_id);
    let object = s3.object(&input.bucket, &input.key)?;
    read_conditions_of!(input).check_read(&object.e_tag, &object.last_modified)?;
    let mut output = GetObjectOutput::default();
    set_attributes!(output, object);
    let bytes = if let Some((range, content_range)) = range_of(input.range, &object)? {
        output.content_range = Some(content_range);
        object.bytes.slice(range)
    } else {
        // The checksums are those of the whole object.
        set_checksum!(output, object.checksum);
        object.bytes.clone()
    };
    output.tag_count = i32::try_from(object.tags.len()).ok().filter(|count| *count > 0);
    output.content_length = i64::try_from(bytes.len()).ok();
    output.body = Some(StreamingBlob::from(Body::from(bytes)));
    // A presigned URL can say how a browser presents the object.
    output.content_type = input.response_content_type.or(output.content_type);
    output.content_disposition = input.response_content_disposition.or(output.content_disposition);
    output.content_encoding = input.response_content_encoding.or(output.content_encoding);
    output.content_language = input.response_content_language.or(output.content_language);
    output.cache_control = input.response_cache_control.or(output.cache_control);
    Ok(output)
}

/// Reads the headers of an object.
pub(super) fn head(s3: &Imitation, mut input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
    refuse_options!(input, part_number, response_expires, sse_customer_key, version_id);
    let object = s3.object(&input.bucket, &input.key)?;
    read_conditions_of!(input).check_read(&object.e_tag, &object.last_modified)?;
    let mut output = HeadObjectOutput { content_length: Some(object.size()), ..HeadObjectOutput::default() };
    set_attributes!(output, object);
    if let Some((range, _)) = range_of(input.range, &object)? {
        output.content_length = i64::try_from(range.len()).ok();
    } else {
        set_checksum!(output, object.checksum);
    }
    Ok(output)
}

/// The bytes that a request selects, and the header that names them.
fn range_of(range: Option<Range>, object: &StoredObject) -> S3Result<Option<(std::ops::Range<usize>, String)>> {
    let Some(range) = range else { return Ok(None) };
    let size = object.bytes.len();
    let range = range.check(size as u64)?;
    let header = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
    let index = |position: u64| usize::try_from(position).unwrap_or(size).min(size);
    Ok(Some((index(range.start)..index(range.end), header)))
}

/// Copies an object within the server.
pub(super) fn copy(s3: &Imitation, mut input: CopyObjectInput) -> S3Result<CopyObjectOutput> {
    refuse_options!(
        input,
        copy_source_sse_customer_key,
        object_lock_legal_hold_status,
        object_lock_mode,
        object_lock_retain_until_date,
        sse_customer_key,
        website_redirect_location,
    );
    let source = source_of(s3, &input.copy_source)?;
    let conditions = ReadConditions {
        e_tag: input.copy_source_if_match.take(),
        not_e_tag: input.copy_source_if_none_match.take(),
        modified_since: input.copy_source_if_modified_since.take(),
        unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    conditions.check_copy(&source.e_tag, &source.last_modified)?;
    let replaces = |directive: Option<&str>| directive == Some("REPLACE");
    let replaces_attributes = replaces(input.metadata_directive.as_ref().map(MetadataDirective::as_str));
    let replaces_tags = replaces(input.tagging_directive.as_ref().map(TaggingDirective::as_str));
    let is_same = matches!(&input.copy_source, CopySource::Bucket { bucket, key, .. } if **bucket == *input.bucket && **key == *input.key);
    if is_same && !replaces_attributes && !replaces_tags {
        return Err(s3_error!(InvalidRequest, "a copy of an object to itself must replace its metadata or its tags"));
    }
    let mut object = StoredObject { last_modified: now(), ..StoredObject::clone(&source) };
    if replaces_attributes {
        object.attributes = attributes_of!(input);
    }
    if replaces_tags {
        object.tags = parse_tags(input.tagging.as_deref())?;
    }
    let result = CopyObjectResult {
        e_tag: Some(object.e_tag.clone()),
        last_modified: Some(object.last_modified.clone()),
        ..CopyObjectResult::default()
    };
    s3.store(&input.bucket, &input.key, object, &WriteConditions::default())?;
    Ok(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() })
}

/// The object that a copy reads.
///
/// # Errors
///
/// When there is no such object, or the source is an access point or a version.
pub(super) fn source_of(s3: &Imitation, source: &CopySource) -> S3Result<Arc<StoredObject>> {
    match source {
        CopySource::Bucket { bucket, key, version_id: None } => s3.object(bucket, key),
        CopySource::Bucket { .. } => Err(s3_error!(NotImplemented, "versions of objects are not implemented")),
        CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => {
            Err(s3_error!(NotImplemented, "access points are not implemented"))
        }
    }
}

/// Deletes an object. It is no error if there is none.
pub(super) fn delete(s3: &Imitation, input: &DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
    refuse_options!(input, if_match, if_match_last_modified_time, if_match_size, mfa, version_id);
    s3.contents().bucket_mut(&input.bucket)?.objects.remove(&input.key);
    Ok(DeleteObjectOutput::default())
}

/// Deletes several objects.
pub(super) fn delete_many(s3: &Imitation, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
    refuse_options!(input, mfa);
    let mut contents = s3.contents();
    let bucket = contents.bucket_mut(&input.bucket)?;
    let mut deleted = Vec::new();
    for object in input.delete.objects {
        refuse_options!(object, e_tag, last_modified_time, size, version_id);
        bucket.objects.remove(&object.key);
        deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() });
    }
    let deleted = (input.delete.quiet != Some(true)).then_some(deleted);
    Ok(DeleteObjectsOutput { deleted, ..DeleteObjectsOutput::default() })
}
