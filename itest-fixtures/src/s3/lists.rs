//! Operations that list the objects of a bucket.

use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    CommonPrefix, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
    ObjectStorageClass,
};
use s3s::{S3Result, s3_error};

use super::buckets::owner;
use super::contents::StoredObject;
use super::imitation::Imitation;
use super::page::{Page, Selection, page_of};

/// The most entries of a page, which is also the number if a client names none.
const MAX_ENTRIES: i32 = 1000;

/// The characters that a list of keys encodes if the client wants it.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The form of keys in a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyEncoding {
    is_url: bool,
}

impl KeyEncoding {
    pub(super) fn of(encoding: Option<&EncodingType>) -> Self {
        Self { is_url: encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL) }
    }

    pub(super) fn encode(self, key: &str) -> String {
        if self.is_url { utf8_percent_encode(key, ENCODED).to_string() } else { key.to_owned() }
    }

    pub(super) fn encode_all(self, prefixes: &[String]) -> Vec<CommonPrefix> {
        prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(self.encode(prefix)) }).collect()
    }
}

/// The number of entries of a page.
///
/// # Errors
///
/// When a client wants a negative number.
pub(super) fn entries_of_page(wanted: Option<i32>) -> S3Result<(i32, usize)> {
    let wanted = wanted.unwrap_or(MAX_ENTRIES).min(MAX_ENTRIES);
    let entries = usize::try_from(wanted);
    Ok((wanted, entries.map_err(|_| s3_error!(InvalidArgument, "the number of entries is negative"))?))
}

/// Lists objects in the first version of the operation.
pub(super) fn list(s3: &Imitation, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let ListObjectsInput { bucket: name, delimiter, encoding_type, marker, max_keys, prefix, .. } = input;
    let (max_keys, max_entries) = entries_of_page(max_keys)?;
    let selection = Selection {
        prefix: prefix.clone().unwrap_or_default(),
        delimiter: delimiter.clone(),
        after: marker.clone().unwrap_or_default(),
        max_entries,
    };
    let contents = s3.contents();
    let Page { entries, common_prefixes, next } = page_of(&contents.bucket(&name)?.objects, &selection);
    let encoding = KeyEncoding::of(encoding_type.as_ref());
    Ok(ListObjectsOutput {
        contents: Some(objects_of(&entries, encoding, Owners::Listed)),
        common_prefixes: Some(encoding.encode_all(&common_prefixes)),
        is_truncated: Some(next.is_some()),
        next_marker: next.map(|next| encoding.encode(&next)),
        marker: Some(encoding.encode(&marker.unwrap_or_default())),
        delimiter: delimiter.map(|delimiter| encoding.encode(&delimiter)),
        prefix: Some(encoding.encode(&prefix.unwrap_or_default())),
        max_keys: Some(max_keys),
        name: Some(name),
        encoding_type,
        ..ListObjectsOutput::default()
    })
}

/// Lists objects in the second version of the operation.
pub(super) fn list_v2(s3: &Imitation, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let ListObjectsV2Input { bucket: name, continuation_token, delimiter, encoding_type, .. } = input;
    let (max_keys, max_entries) = entries_of_page(input.max_keys)?;
    let after = match &continuation_token {
        Some(token) => position_of(token)?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let prefix = input.prefix.unwrap_or_default();
    let selection = Selection { prefix: prefix.clone(), delimiter: delimiter.clone(), after, max_entries };
    let contents = s3.contents();
    let Page { entries, common_prefixes, next } = page_of(&contents.bucket(&name)?.objects, &selection);
    let encoding = KeyEncoding::of(encoding_type.as_ref());
    let owners = if input.fetch_owner == Some(true) { Owners::Listed } else { Owners::Omitted };
    Ok(ListObjectsV2Output {
        key_count: i32::try_from(entries.len() + common_prefixes.len()).ok(),
        contents: Some(objects_of(&entries, encoding, owners)),
        common_prefixes: Some(encoding.encode_all(&common_prefixes)),
        is_truncated: Some(next.is_some()),
        next_continuation_token: next.map(|next| token_of(&next)),
        continuation_token,
        delimiter: delimiter.map(|delimiter| encoding.encode(&delimiter)),
        prefix: Some(encoding.encode(&prefix)),
        start_after: input.start_after.map(|start| encoding.encode(&start)),
        max_keys: Some(max_keys),
        name: Some(name),
        encoding_type,
        ..ListObjectsV2Output::default()
    })
}

/// Whether a list names the owners of the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owners {
    Listed,
    Omitted,
}

fn objects_of(entries: &[(&str, &Arc<StoredObject>)], encoding: KeyEncoding, owners: Owners) -> Vec<Object> {
    let object = |(key, object): &(&str, &Arc<StoredObject>)| Object {
        key: Some(encoding.encode(key)),
        size: Some(object.size()),
        e_tag: Some(object.e_tag.clone()),
        last_modified: Some(object.last_modified.clone()),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        owner: (owners == Owners::Listed).then(owner),
        ..Object::default()
    };
    entries.iter().map(object).collect()
}

/// The token of a position. A client cannot read it, so no client depends on its form.
fn token_of(position: &str) -> String {
    Base64UrlUnpadded::encode_string(position.as_bytes())
}

fn position_of(token: &str) -> S3Result<String> {
    let bytes = Base64UrlUnpadded::decode_vec(token).ok();
    let position = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    position.ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not one of this server"))
}
