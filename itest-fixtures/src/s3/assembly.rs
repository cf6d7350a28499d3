//! How the parts of a multipart upload become an object.

use hyper::body::Bytes;
use s3s::dto::{CompletedPart, ETag};
use s3s::{S3Result, s3_error};

use super::body::md5_of;
use super::contents::{Upload, UploadedPart};
use crate::sigv4::hex;

/// The smallest part of an upload, except for the last one.
const MIN_PART_BYTES: usize = 5 * 1024 * 1024;

/// The object that an upload makes.
#[derive(Debug)]
pub(super) struct Assembled {
    pub(super) bytes: Bytes,
    /// The MD5 of the MD5s of all parts, and their number, as S3 makes it.
    pub(super) e_tag: ETag,
}

/// Puts the parts together that a client names.
///
/// # Errors
///
/// When the client names a part that was not uploaded, or no part, or an order that does not ascend, or when a part is too small.
pub(super) fn assemble(upload: &Upload, named: &[CompletedPart]) -> S3Result<Assembled> {
    if named.is_empty() {
        return Err(s3_error!(MalformedXML, "an upload is completed with at least one part"));
    }
    let mut parts: Vec<&UploadedPart> = Vec::new();
    let mut last = 0;
    for part in named {
        let number = part.part_number.unwrap_or_default();
        if number <= last {
            return Err(s3_error!(InvalidPartOrder, "part {number} follows part {last}, and the numbers must ascend"));
        }
        last = number;
        let uploaded = upload.parts.get(&number);
        let uploaded = uploaded.ok_or_else(|| s3_error!(InvalidPart, "part {number} was not uploaded"))?;
        let named = part.e_tag.as_ref().map(ETag::value);
        if named.is_some_and(|named| named != hex(&uploaded.md5)) {
            return Err(s3_error!(InvalidPart, "the entity tag of part {number} is not the one of the uploaded part"));
        }
        parts.push(uploaded);
    }
    for (number, part) in named.iter().zip(&parts).take(parts.len() - 1) {
        if part.bytes.len() < MIN_PART_BYTES {
            let (number, size) = (number.part_number.unwrap_or_default(), part.bytes.len());
            return Err(s3_error!(
                EntityTooSmall,
                "part {number} has {size} bytes, and only the last part may have less than {MIN_PART_BYTES}"
            ));
        }
    }
    let digests: Vec<u8> = parts.iter().flat_map(|part| part.md5).collect();
    let e_tag = ETag::Strong(format!("{}-{}", hex(&md5_of(&digests)), parts.len()));
    let bytes = match parts.as_slice() {
        [only] => only.bytes.clone(),
        _ => parts.iter().map(|part| &part.bytes[..]).collect::<Vec<_>>().concat().into(),
    };
    Ok(Assembled { bytes, e_tag })
}
