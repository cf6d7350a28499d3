//! The body of a recorded request or response.

use base64ct::{Base64, Encoding};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use itest_runtime::__private::{redact_json, redacted};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::super::shown::redacted_pairs;

/// A body without the secrets that itest recognizes, in the most readable form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RecordedBody {
    /// JSON.
    Json(Value),
    /// The fields of an HTML form, as they are sent: `page=2&name=a+b`.
    Form(String),
    /// Any other text.
    Text(String),
    /// Bytes that are no text. itest recognizes no secrets in them.
    Base64(Bytes),
}

/// Bytes, which a recording contains as Base64 (RFC 4648).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bytes(Vec<u8>);

impl RecordedBody {
    /// The body of a request or response with these headers. None if it is empty.
    pub(super) fn of(headers: &HeaderMap, bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        let Ok(text) = str::from_utf8(bytes) else { return Some(Self::Base64(Bytes(bytes.to_vec()))) };
        if is_form(headers) {
            return Some(Self::Form(redacted_pairs(text)));
        }
        let body = match serde_json::from_str::<Value>(text) {
            Ok(mut json) => {
                redact_json(&mut json);
                Self::Json(json)
            }
            Err(_) => Self::Text(redacted(text).into_owned()),
        };
        Some(body)
    }

    /// The bytes that are sent.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Json(json) => json.to_string().into_bytes(),
            Self::Form(text) | Self::Text(text) => text.clone().into_bytes(),
            Self::Base64(Bytes(bytes)) => bytes.clone(),
        }
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64::encode_string(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Base64::decode_vec(&text).map(Self).map_err(|_| serde::de::Error::custom("the body is no valid Base64"))
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_left_out_of_every_readable_form() {
        let form = HeaderMap::from_iter([(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"),
        )]);
        for (headers, bytes, expected) in [
            (HeaderMap::new(), &b""[..], None),
            (
                HeaderMap::new(),
                br#"{"amount": 7, "card": {"token": "s3cret"}}"#,
                Some(RecordedBody::Json(json!({"amount": 7, "card": {"token": "***"}}))),
            ),
            (
                form,
                b"client%5Fsecret=s3cret%20s3cret&page=2",
                Some(RecordedBody::Form("client%5Fsecret=***&page=2".to_owned())),
            ),
            (
                HeaderMap::new(),
                b"Authorization: Bearer s3cret-s3cret",
                Some(RecordedBody::Text("Authorization: Bearer ***".to_owned())),
            ),
            (HeaderMap::new(), b"\xff\x00", Some(RecordedBody::Base64(Bytes(vec![0xff, 0])))),
        ] {
            assert_eq!(RecordedBody::of(&headers, bytes), expected);
        }
    }
}
