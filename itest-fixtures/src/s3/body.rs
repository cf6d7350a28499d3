//! Reads the body of an upload, within limits.

use std::sync::atomic::{AtomicU64, Ordering};

use base64ct::{Base64, Encoding as _};
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::body::Bytes;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{Body, S3Error, S3ErrorCode, S3Result, StdError, TrailingHeaders, s3_error};

use super::checksum::Announced;

/// The largest body of one request. Objects that are larger can be uploaded in parts.
pub(super) const MAX_BODY_BYTES: u64 = 256 * 1024 * 1024;

/// How many bytes the clients of a test can upload in total, because the server stores them in memory.
const MAX_UPLOADED_BYTES: u64 = 1024 * 1024 * 1024;

/// Counts the bytes that the clients of a test upload.
#[derive(Debug, Default)]
pub(super) struct UploadedBytes(AtomicU64);

/// A body that was received completely.
#[derive(Debug)]
pub(super) struct ReceivedBody {
    pub(super) bytes: Bytes,
    pub(super) md5: [u8; 16],
    pub(super) checksum: Checksum,
}

/// What a client announces about a body.
#[derive(Debug, Default)]
pub(super) struct Announcement {
    pub(super) content_length: Option<i64>,
    pub(super) content_md5: Option<String>,
    pub(super) checksum: Announced,
    /// The headers that follow the body. They are known when the body was read.
    pub(super) trailers: Option<TrailingHeaders>,
}

impl UploadedBytes {
    /// Counts bytes.
    ///
    /// # Errors
    ///
    /// When the limit is exceeded.
    pub(super) fn add(&self, bytes: usize) -> S3Result<()> {
        let before = self.0.fetch_add(bytes as u64, Ordering::Relaxed);
        if before.saturating_add(bytes as u64) > MAX_UPLOADED_BYTES {
            return Err(s3_error!(
                EntityTooLarge,
                "the clients of this test have uploaded more than {MAX_UPLOADED_BYTES} bytes, and the server stores all of them in memory"
            ));
        }
        Ok(())
    }
}

/// Reads a body, and compares it with what the client has announced.
///
/// # Errors
///
/// When the body is too large or incomplete, or differs from the announcement.
pub(super) async fn receive(
    body: Option<StreamingBlob>,
    announcement: Announcement,
    uploaded: &UploadedBytes,
) -> S3Result<ReceivedBody> {
    let Announcement { content_length, content_md5, checksum, trailers } = announcement;
    if let Some(length) = content_length.and_then(|length| u64::try_from(length).ok()) {
        refuse_too_large(length)?;
    }
    let bytes = match body {
        Some(body) => read(body, uploaded).await?,
        None => Bytes::new(),
    };
    let md5 = md5_of(&bytes);
    if content_md5.is_some_and(|announced| Base64::decode_vec(&announced).ok().as_deref() != Some(&md5)) {
        return Err(s3_error!(BadDigest, "the MD5 of the body is not the one that the client has announced"));
    }
    let checksum = checksum.verify(&bytes, trailers.as_ref())?;
    Ok(ReceivedBody { bytes, md5, checksum })
}

/// Refuses a body that is too large.
///
/// # Errors
///
/// When the length exceeds the limit.
pub(super) fn refuse_too_large(length: u64) -> S3Result<()> {
    if length <= MAX_BODY_BYTES {
        return Ok(());
    }
    Err(s3_error!(
        EntityTooLarge,
        "the request declares a body of {length} bytes, and the limit of this server is {MAX_BODY_BYTES}, because it stores objects in memory"
    ))
}

async fn read(body: StreamingBlob, uploaded: &UploadedBytes) -> S3Result<Bytes> {
    let (mut body, mut parts, mut length) = (Body::from(body), Vec::new(), 0_u64);
    while let Some(frame) = body.frame().await {
        let Ok(part) = frame.map_err(|error| cut_off(&error, length))?.into_data() else { continue };
        length = length.saturating_add(part.len() as u64);
        refuse_too_large(length)?;
        uploaded.add(part.len())?;
        parts.push(part);
    }
    Ok(match parts.len() {
        1 => parts.swap_remove(0),
        _ => parts.concat().into(),
    })
}

/// The answer to a body that could not be read to its end. The types of these errors are private, so only their texts tell them apart.
fn cut_off(error: &StdError, received: u64) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
        let message = "the SHA-256 of the body is not the one that the client has signed";
        let mut error = S3Error::with_message(code, message);
        error.set_status_code(StatusCode::BAD_REQUEST);
        return error;
    }
    if text.contains("SignatureMismatch") {
        return s3_error!(SignatureDoesNotMatch, "the signature of a chunk of the body is wrong");
    }
    s3_error!(IncompleteBody, "the body ended after {received} bytes, before its declared end: {text}")
}

/// The MD5 of bytes.
pub(super) fn md5_of(bytes: &[u8]) -> [u8; 16] {
    let mut md5 = Md5::new();
    md5.update(bytes);
    md5.finalize()
}
