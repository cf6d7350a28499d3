//! The format of a recording: JSON with a version, which people can read and edit.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::request::RecordedRequest;
use super::response::RecordedResponse;

/// The version of the format that this version of itest writes. It reads this version and all older ones.
const VERSION: u32 = 1;

/// The recording of a test: the answers of one third party, in the order of the requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Recording {
    #[serde(deserialize_with = "readable_version")]
    version: u32,
    /// The name of the third party.
    api: String,
    pub(super) exchanges: Vec<RecordedExchange>,
    /// The fields that this version of itest does not know, such as a comment of a user.
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// A request and its response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RecordedExchange {
    pub(super) request: RecordedRequest,
    pub(super) response: RecordedResponse,
    /// The fields that this version of itest does not know.
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// Why a text is no recording, and the line that shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FormatError {
    pub(super) line: usize,
    pub(super) message: String,
}

impl RecordedExchange {
    pub(super) fn new(request: RecordedRequest, response: RecordedResponse) -> Self {
        Self { request, response, other: Map::new() }
    }
}

impl Recording {
    /// A recording of a third party without exchanges.
    pub(super) fn empty(api: &str) -> Self {
        Self { version: VERSION, api: api.to_owned(), exchanges: Vec::new(), other: Map::new() }
    }

    /// Parses the recording of a third party.
    ///
    /// # Errors
    ///
    /// When the text is damaged, has a newer version, or belongs to another third party.
    pub(super) fn parse(text: &str, api: &str) -> Result<Self, FormatError> {
        let recording: Self = serde_json::from_str(text).map_err(|error| FormatError::of(&error))?;
        if recording.api != api {
            let line = text.lines().position(|line| line.contains("\"api\"")).unwrap_or_default() + 1;
            let message = format!("the recording belongs to {:?} and not to {api:?}", recording.api);
            return Err(FormatError { line, message });
        }
        Ok(recording)
    }

    /// The text of the file.
    ///
    /// # Errors
    ///
    /// When a reader of the text would get another recording, for example because of a number that JSON cannot contain exactly.
    pub(super) fn to_text(&self) -> Result<String, String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())? + "\n";
        match serde_json::from_str::<Self>(&text) {
            Ok(read) if read == *self => Ok(text),
            _ => Err("an exchange contains a number that cannot be written exactly".to_owned()),
        }
    }
}

impl FormatError {
    fn of(error: &serde_json::Error) -> Self {
        let message = error.to_string();
        // The line stands before the message, as in other messages with a place.
        let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message).to_owned();
        Self { line: error.line(), message }
    }
}

fn readable_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let version = u32::deserialize(deserializer)?;
    if version > VERSION {
        let message =
            format!("version {version} is newer than version {VERSION}, which this itest reads; update itest");
        return Err(serde::de::Error::custom(message));
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::StatusCode;
    use hyper::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::super::body::RecordedBody;
    use super::*;

    /// Bodies of every kind, without numbers that JSON cannot hold exactly.
    fn body() -> impl Strategy<Value = Option<RecordedBody>> {
        let json = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            ".*".prop_map(Value::from),
            prop::collection::btree_map(".*", any::<u32>(), 0..4).prop_map(|map| serde_json::json!(map)),
        ];
        let some = prop_oneof![
            json.prop_map(RecordedBody::Json),
            ".*".prop_map(RecordedBody::Form),
            ".*".prop_map(RecordedBody::Text),
            prop::collection::vec(any::<u8>(), 1..20).prop_filter_map("it is text", |bytes| RecordedBody::of(
                &HeaderMap::new(),
                &bytes
            )
            .filter(|body| matches!(body, RecordedBody::Base64(_)))),
        ];
        prop::option::of(some)
    }

    fn exchange() -> impl Strategy<Value = RecordedExchange> {
        let request = ("[A-Z]{1,7}", "/[a-z/%0-9]{0,9}", "[a-z=&]{0,9}", body())
            .prop_map(|(method, path, query, body)| RecordedRequest { method, path, query, body });
        let header = ("x-[a-z]{1,9}", "[!-~]{0,9}").prop_map(|(name, value)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(&value).unwrap())
        });
        let response =
            (200_u16..999, prop::collection::vec(header, 0..4), body()).prop_map(|(status, headers, body)| {
                let response =
                    RecordedResponse::of(StatusCode::from_u16(status).unwrap(), &headers.into_iter().collect(), b"");
                RecordedResponse { body, ..response }
            });
        let other = prop::option::of(".*").prop_map(|comment| {
            comment.map(|comment| ("comment".to_owned(), Value::from(comment))).into_iter().collect()
        });
        (request, response, other).prop_map(|(request, response, other)| RecordedExchange { request, response, other })
    }

    proptest! {
        #[test]
        fn written_recording_is_read_as_the_same_one(exchanges in prop::collection::vec(exchange(), 0..5)) {
            let recording = Recording { exchanges, ..Recording::empty("payments") };
            let text = recording.to_text().unwrap();
            prop_assert_eq!(Recording::parse(&text, "payments"), Ok(recording));
        }
    }

    #[test]
    fn unreadable_recording_is_refused_with_its_line() {
        let head = "{\n  \"version\": 1,\n  \"api\": \"payments\",\n  \"exchanges\": [";
        let request = "{\n\"request\": {\"method\": \"GET\", \"path\": \"/\"},\n\"response\": ";
        for (text, line, message) in [
            (String::new(), 1, "EOF while parsing"),
            ("{\n  \"version\": 2,\n  \"charges\": []\n}".to_owned(), 2, "version 2 is newer than version 1"),
            (format!("{head}]\n}}").replace("payments", "mail"), 3, "belongs to \"mail\" and not to \"payments\""),
            (head.to_owned(), 4, "EOF while parsing"),
            (format!("{head}\n{{}}]}}"), 5, "missing field `request`"),
            (format!("{head}{request}{{\"status\": 99}}}}]}}"), 6, "99 is no status of a response"),
            (format!("{head}{request}{{\"status\": 200, \"headers\": [\"x\"]}}}}]}}"), 6, "a header looks like"),
            (format!("{head}{request}{{\"status\": 200, \"body\": {{\"base64\": \"?\"}}}}}}]}}"), 6, "no valid Base64"),
        ] {
            let error = Recording::parse(&text, "payments").unwrap_err();
            assert!(error.line == line && error.message.contains(message), "{text}\n{error:?}");
        }
    }

    #[test]
    fn recording_that_would_be_read_differently_is_not_written() {
        let mut recording = Recording::empty("payments");
        recording.other.insert("version".to_owned(), Value::from(1));
        assert!(recording.to_text().is_err());
    }
}
