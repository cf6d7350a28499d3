//! A recorded response.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{StatusCode, body};
use itest_runtime::__private::redacted_value;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::reply::FixedReply;
use super::body::RecordedBody;

/// Headers that belong to one connection or to the length of one body. A stand-in never passes them on.
const OF_CONNECTION: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that differ each time and that the code under test does not need. They would make each new recording differ from the last one.
const VOLATILE: [&str; 20] = [
    "age",
    "alt-svc",
    "cf-ray",
    "date",
    "nel",
    "report-to",
    "request-id",
    "server-timing",
    "traceparent",
    "tracestate",
    "via",
    "x-amz-cf-id",
    "x-amz-request-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-request-id",
    "x-runtime",
    "x-trace-id",
];

/// A response as a recording contains it: without secrets, and without headers that differ each time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RecordedResponse {
    pub(super) status: Status,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) headers: Vec<RecordedHeader>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<RecordedBody>,
}

/// The status of a complete response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status(pub(super) StatusCode);

/// A header, which a recording contains in one line: `content-type: application/json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordedHeader {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
}

impl RecordedResponse {
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, bytes: &[u8]) -> Self {
        let kept = headers.iter().filter(|(name, _)| !is_of_connection(name) && !is_volatile(name));
        let mut recorded: Vec<_> =
            kept.filter_map(|(name, value)| RecordedHeader::without_secrets(name, value)).collect();
        // Values of the same name keep their order, because the sort is stable.
        recorded.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        Self { status: Status(status), headers: recorded, body: RecordedBody::of(headers, bytes) }
    }

    pub(super) fn to_reply(&self) -> FixedReply {
        let headers = self.headers.iter().map(|header| (header.name.clone(), header.value.clone()));
        let bytes = self.body.as_ref().map(RecordedBody::to_bytes).unwrap_or_default();
        reply_of(self.status.0, headers, bytes.into())
    }
}

/// A reply with these headers, except for those of the connection.
pub(super) fn reply_of(
    status: StatusCode,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    body: body::Bytes,
) -> FixedReply {
    let chunks = if body.is_empty() { Vec::new() } else { vec![body] };
    let mut reply = FixedReply::new(status, chunks);
    for (name, value) in headers {
        if !is_of_connection(&name) {
            reply.headers.append(name, value);
        }
    }
    reply
}

pub(super) fn is_of_connection(name: &HeaderName) -> bool {
    OF_CONNECTION.contains(&name.as_str())
}

fn is_volatile(name: &HeaderName) -> bool {
    VOLATILE.contains(&name.as_str()) || name.as_str().starts_with("x-b3-")
}

impl RecordedHeader {
    /// The header without its secrets. A cookie keeps its name and its attributes. `None` if the rest is no valid value.
    fn without_secrets(name: &HeaderName, value: &HeaderValue) -> Option<Self> {
        let text = String::from_utf8_lossy(value.as_bytes());
        let shown = if name == hyper::header::SET_COOKIE {
            without_value_of_cookie(&text)
        } else {
            redacted_value(name.as_str(), &text).into_owned()
        };
        Some(Self { name: name.clone(), value: HeaderValue::from_str(&shown).ok()? })
    }
}

/// `session=***; Path=/` for `session=s3cret; Path=/`.
fn without_value_of_cookie(text: &str) -> String {
    let (pair, attributes) = text.find(';').map_or((text, ""), |end| text.split_at(end));
    match pair.split_once('=') {
        Some((name, value)) if !value.is_empty() => format!("{name}=***{attributes}"),
        _ => text.to_owned(),
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.0.as_u16())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let status = u16::deserialize(deserializer)?;
        let complete = StatusCode::from_u16(status).ok().filter(|status| !status.is_informational());
        complete.map(Self).ok_or_else(|| serde::de::Error::custom(format!("{status} is no status of a response")))
    }
}

impl Serialize for RecordedHeader {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}: {}", self.name, String::from_utf8_lossy(self.value.as_bytes())))
    }
}

impl<'de> Deserialize<'de> for RecordedHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let header = text.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            Some(Self { name, value: HeaderValue::from_str(value.trim()).ok()? })
        });
        header.ok_or_else(|| serde::de::Error::custom("a header looks like `content-type: application/json`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_what_differs_each_time_are_not_recorded() {
        let headers = [
            ("date", "Mon, 30 Nov 2026 02:00:00 GMT"),
            ("x-request-id", "8f14e45f"),
            ("x-b3-traceid", "80f198ee56343ba8"),
            ("content-length", "2"),
            ("connection", "keep-alive"),
            ("set-cookie", "session=s3cret; Path=/; HttpOnly"),
            ("set-cookie", "gone=; Max-Age=0"),
            ("x-api-key", "s3cret"),
            ("location", "https://ann:s3cret@example.com/charges/7"),
            ("etag", "\"a1\""),
        ];
        let headers: HeaderMap = headers
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let recorded = RecordedResponse::of(StatusCode::OK, &headers, b"{}");
        let lines = serde_json::to_value(&recorded.headers).unwrap();
        let expected = serde_json::json!([
            "etag: \"a1\"",
            "location: https://ann:***@example.com/charges/7",
            "set-cookie: session=***; Path=/; HttpOnly",
            "set-cookie: gone=; Max-Age=0",
            "x-api-key: ***",
        ]);
        assert_eq!(lines, expected);
    }
}
