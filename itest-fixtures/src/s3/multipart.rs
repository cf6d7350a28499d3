//! Operations on multipart uploads.

use std::collections::BTreeMap;

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CopyPartResult, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput,
    ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput, MultipartUpload, Part, Range, UploadPartCopyInput,
    UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Result, s3_error};

use super::assembly::{Assembled, assemble};
use super::body::{Announcement, ReceivedBody, md5_of, receive};
use super::buckets::owner;
use super::checksum::{Announced, checksum_of, set_checksum};
use super::condition::{ReadConditions, WriteConditions};
use super::contents::{StoredObject, Upload, UploadedPart, now};
use super::credentials::random_id;
use super::imitation::Imitation;
use super::lists::{KeyEncoding, entries_of_page};
use super::objects::{attributes_of, source_of};
use super::options::refuse_options;
use super::page::{Page, Selection, page_of};
use super::tags::parse_tags;
use crate::sigv4::hex;

/// The highest number of a part.
const MAX_PART_NUMBER: i32 = 10_000;

/// Begins an upload.
pub(super) fn create(s3: &Imitation, mut input: CreateMultipartUploadInput) -> S3Result<CreateMultipartUploadOutput> {
    refuse_options!(
        input,
        object_lock_legal_hold_status,
        object_lock_mode,
        object_lock_retain_until_date,
        sse_customer_key,
        website_redirect_location,
    );
    let id = random_id().map_err(|error| s3_error!(InternalError, "{error}"))?;
    let upload = Upload {
        key: input.key.clone(),
        initiated: now(),
        attributes: attributes_of!(input),
        tags: parse_tags(input.tagging.as_deref())?,
        parts: BTreeMap::new(),
    };
    s3.contents().bucket_mut(&input.bucket)?.uploads.insert(id.clone(), upload);
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        ..CreateMultipartUploadOutput::default()
    })
}

/// Stores a part of an upload.
pub(super) async fn upload_part(s3: &Imitation, request: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
    let S3Request { mut input, trailing_headers: trailers, .. } = request;
    refuse_options!(input, sse_customer_key);
    // An upload that does not exist is reported before the body is read.
    s3.contents().bucket(&input.bucket)?.upload(&input.key, &input.upload_id)?;
    check_number(input.part_number)?;
    let checksum = Announced { checksum: checksum_of!(input), algorithm: input.checksum_algorithm.take() };
    let (content_length, content_md5) = (input.content_length, input.content_md5.take());
    let announcement = Announcement { content_length, content_md5, checksum, trailers };
    let ReceivedBody { bytes, md5, checksum } = receive(input.body.take(), announcement, s3.uploaded()).await?;
    let mut output = UploadPartOutput { e_tag: Some(ETag::Strong(hex(&md5))), ..UploadPartOutput::default() };
    set_checksum!(output, checksum);
    let part = UploadedPart { bytes, md5, last_modified: now(), checksum };
    let mut contents = s3.contents();
    let upload = contents.bucket_mut(&input.bucket)?.upload_mut(&input.key, &input.upload_id)?;
    upload.parts.insert(input.part_number, part);
    Ok(output)
}

/// Makes a part of an upload from an object.
pub(super) fn copy_part(s3: &Imitation, mut input: UploadPartCopyInput) -> S3Result<UploadPartCopyOutput> {
    refuse_options!(input, copy_source_sse_customer_key, sse_customer_key);
    check_number(input.part_number)?;
    let source = source_of(s3, &input.copy_source)?;
    let conditions = ReadConditions {
        e_tag: input.copy_source_if_match.take(),
        not_e_tag: input.copy_source_if_none_match.take(),
        modified_since: input.copy_source_if_modified_since.take(),
        unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    conditions.check_copy(&source.e_tag, &source.last_modified)?;
    let bytes = match &input.copy_source_range {
        None => source.bytes.clone(),
        Some(header) => {
            let range =
                Range::parse(header).map_err(|error| s3_error!(error, InvalidArgument, "{header} is no range"))?;
            let range = range.check(source.bytes.len() as u64)?;
            let index = |position: u64| usize::try_from(position).unwrap_or_default();
            source.bytes.slice(index(range.start)..index(range.end))
        }
    };
    let (md5, last_modified) = (md5_of(&bytes), now());
    let part = UploadedPart { bytes, md5, last_modified: last_modified.clone(), checksum: <_>::default() };
    let mut contents = s3.contents();
    let upload = contents.bucket_mut(&input.bucket)?.upload_mut(&input.key, &input.upload_id)?;
    upload.parts.insert(input.part_number, part);
    let e_tag = Some(ETag::Strong(hex(&md5)));
    let result = CopyPartResult { e_tag, last_modified: Some(last_modified), ..CopyPartResult::default() };
    Ok(UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() })
}

fn check_number(number: i32) -> S3Result<()> {
    if (1..=MAX_PART_NUMBER).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "the number of a part is from 1 to {MAX_PART_NUMBER}, and not {number}"))
}

/// Makes an object from the parts of an upload.
pub(super) fn complete(
    s3: &Imitation,
    mut input: CompleteMultipartUploadInput,
) -> S3Result<CompleteMultipartUploadOutput> {
    let parts = input.multipart_upload.take().and_then(|upload| upload.parts).unwrap_or_default();
    let conditions = WriteConditions { e_tag: input.if_match.take(), not_e_tag: input.if_none_match.take() };
    let e_tag = {
        // The upload and the object change together, so that no client can complete an upload twice.
        let mut contents = s3.contents();
        let upload = contents.bucket(&input.bucket)?.upload(&input.key, &input.upload_id)?;
        let Assembled { bytes, e_tag } = assemble(upload, &parts)?;
        let object = StoredObject {
            bytes,
            e_tag: e_tag.clone(),
            last_modified: now(),
            checksum: <_>::default(),
            attributes: upload.attributes.clone(),
            tags: upload.tags.clone(),
        };
        let bucket = contents.bucket_mut(&input.bucket)?;
        bucket.store(&input.key, object, &conditions)?;
        bucket.uploads.remove(&input.upload_id);
        Some(e_tag)
    };
    s3.stored().notify_waiters();
    Ok(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag,
        ..CompleteMultipartUploadOutput::default()
    })
}

/// Ends an upload without an object.
pub(super) fn abort(s3: &Imitation, input: &AbortMultipartUploadInput) -> S3Result<AbortMultipartUploadOutput> {
    let mut contents = s3.contents();
    let bucket = contents.bucket_mut(&input.bucket)?;
    bucket.upload(&input.key, &input.upload_id)?;
    bucket.uploads.remove(&input.upload_id);
    Ok(AbortMultipartUploadOutput::default())
}

/// Lists the parts of an upload.
pub(super) fn list_parts(s3: &Imitation, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let (max_parts, max_entries) = entries_of_page(input.max_parts)?;
    let marker = input.part_number_marker.unwrap_or_default();
    let contents = s3.contents();
    let upload = contents.bucket(&input.bucket)?.upload(&input.key, &input.upload_id)?;
    let mut following = upload.parts.range(marker.saturating_add(1)..);
    let parts: Vec<Part> = following.by_ref().take(max_entries).map(|(number, part)| part_of(*number, part)).collect();
    let is_truncated = max_entries > 0 && following.next().is_some();
    Ok(ListPartsOutput {
        next_part_number_marker: parts.last().filter(|_| is_truncated).and_then(|part| part.part_number),
        is_truncated: Some(is_truncated),
        parts: Some(parts),
        max_parts: Some(max_parts),
        part_number_marker: input.part_number_marker,
        owner: Some(owner()),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        ..ListPartsOutput::default()
    })
}

fn part_of(number: i32, part: &UploadedPart) -> Part {
    let mut listed = Part {
        part_number: Some(number),
        e_tag: Some(ETag::Strong(hex(&part.md5))),
        size: i64::try_from(part.bytes.len()).ok(),
        last_modified: Some(part.last_modified.clone()),
        ..Part::default()
    };
    set_checksum!(listed, part.checksum);
    listed
}

/// Lists the uploads of a bucket, by their keys.
pub(super) fn list(s3: &Imitation, input: ListMultipartUploadsInput) -> S3Result<ListMultipartUploadsOutput> {
    let (max_uploads, max_entries) = entries_of_page(input.max_uploads)?;
    let prefix = input.prefix.unwrap_or_default();
    // The position of an upload is its key and its id. No key contains this separator in practice, and an id contains none.
    let position = |key: &str, id: &str| format!("{key}\0{id}");
    let after = match (&input.key_marker, &input.upload_id_marker) {
        (None, _) => String::new(),
        (Some(key), Some(id)) => position(key, id),
        (Some(key), None) => position(key, "\u{10ffff}"),
    };
    let contents = s3.contents();
    let bucket = contents.bucket(&input.bucket)?;
    let by_position: BTreeMap<String, (&String, &Upload)> =
        bucket.uploads.iter().map(|(id, upload)| (position(&upload.key, id), (id, upload))).collect();
    let selection = Selection { prefix: prefix.clone(), delimiter: input.delimiter.clone(), after, max_entries };
    let Page { entries, common_prefixes, next } = page_of(&by_position, &selection);
    let encoding = KeyEncoding::of(input.encoding_type.as_ref());
    let listed = |(_, (id, upload)): &(&str, &(&String, &Upload))| MultipartUpload {
        key: Some(encoding.encode(&upload.key)),
        upload_id: Some((*id).clone()),
        initiated: Some(upload.initiated.clone()),
        owner: Some(owner()),
        ..MultipartUpload::default()
    };
    let (next_key, next_id) = match next.as_deref().map(|next| next.split_once('\0').unwrap_or((next, ""))) {
        Some((key, id)) => (Some(encoding.encode(key)), Some(id.to_owned())),
        None => (None, None),
    };
    Ok(ListMultipartUploadsOutput {
        uploads: Some(entries.iter().map(listed).collect()),
        common_prefixes: Some(encoding.encode_all(&common_prefixes)),
        is_truncated: Some(next_key.is_some()),
        next_key_marker: next_key,
        next_upload_id_marker: next_id,
        key_marker: input.key_marker,
        upload_id_marker: input.upload_id_marker,
        max_uploads: Some(max_uploads),
        prefix: Some(prefix),
        delimiter: input.delimiter,
        bucket: Some(input.bucket),
        encoding_type: input.encoding_type,
        ..ListMultipartUploadsOutput::default()
    })
}
