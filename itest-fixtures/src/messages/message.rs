//! A message that the tap has seen.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use itest_runtime::__private::redacted;
use itest_runtime::{Error, Phase};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::content::Content;
use crate::failure::with_action;
use crate::shown::{redacted_at, shown_body};

/// The maximum number of characters of a body in the text of a message.
const MAX_SHOWN_CHARS: usize = 256;

/// A message that passed the broker.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    content: Arc<Content>,
    phase: Phase,
    at: Duration,
}

impl Message {
    pub(super) fn new(content: Arc<Content>, phase: Phase, at: Duration) -> Self {
        Self { content, phase, at }
    }

    pub(crate) fn content(&self) -> &Arc<Content> {
        &self.content
    }

    /// The topic: the subject of NATS, the topic of MQTT, the routing key of RabbitMQ, the name that the test uses for a topic of Kafka.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.content.topic
    }

    /// The first value of a header. Names of headers are case-insensitive.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.content.headers.iter();
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All headers in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.content.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.content.body
    }

    /// The body as text. Bytes that are no UTF-8 become `U+FFFD`.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.content.body)
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// When the body is no JSON, or no JSON of a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let action = || format!("read the message on {} as JSON", self.topic());
        serde_json::from_slice(self.bytes()).map_err(|error| with_action(&action(), &format!("{error}\n{self}")))
    }

    /// The value at a JSON pointer (RFC 6901), such as `/items/0/price`; `null` if there is none, or if the body is no JSON.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Value {
        let body = serde_json::from_slice::<Value>(self.bytes()).ok();
        body.and_then(|body| body.pointer(pointer).cloned()).unwrap_or_default()
    }

    /// The phase in which the message passed.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The time from the beginning of the attempt until the message passed.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.at
    }

    /// Fails unless the JSON body has this value at a pointer.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the message.
    #[track_caller]
    pub fn assert_json(&self, pointer: &str, expected: impl Into<Value>) -> &Self {
        let (expected, actual) = (expected.into(), self.at(pointer));
        assert!(
            actual == expected,
            "{pointer} is {}, expected {}\n{self}",
            redacted_at(pointer, &actual),
            redacted_at(pointer, &expected)
        );
        self
    }

    /// Fails unless the message has a header with this value.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the message.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "the assertion is the effect")]
    pub fn assert_header(&self, name: &str, expected: &str) -> &Self {
        assert!(
            self.header(name) == Some(expected),
            "the header {name} is missing, or differs from the expected one\n{self}"
        );
        self
    }
}

impl fmt::Display for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = shown_body(self.bytes(), MAX_SHOWN_CHARS).0;
        let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(formatter, "+{}ms {} {line}", self.at.as_millis(), redacted(self.topic()))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Message({self})")
    }
}
