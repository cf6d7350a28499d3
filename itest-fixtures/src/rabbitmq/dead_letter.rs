//! Dead letters: messages that a queue has given up.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use serde_json::Value;

use super::topic::topic_of;
use crate::messages::{Content, Message, Messages};

/// A message that a queue has given up, and that is now in another queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    message: Message,
    queue: String,
    reason: String,
}

impl DeadLetter {
    /// The message.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The queue that has given up the message first.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// Why: `rejected`, `expired`, `maxlen` or `delivery_limit`.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Reads a message as the management API writes it. `None` if it is no dead letter.
    pub(super) fn read(answer: &Value, messages: &Messages) -> Option<Self> {
        let properties = &answer["properties"];
        let headers = &properties["headers"];
        let of_first = |name: &str| headers[name].as_str().map(str::to_owned);
        let (queue, reason) = (of_first("x-first-death-queue")?, of_first("x-first-death-reason")?);
        let body = answer["payload"].as_str().unwrap_or_default();
        let body = match answer["payload_encoding"].as_str() {
            Some("base64") => Base64::decode_vec(body).unwrap_or_default(),
            _ => body.as_bytes().to_vec(),
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        // The API names the properties with underscores, and AMQP with hyphens.
        let properties = properties.as_object().into_iter().flatten().filter(|(name, _)| *name != "headers");
        let properties = properties.map(|(name, value)| (name.replace('_', "-"), text(value)));
        // The headers that the broker has added say what this type says.
        let headers = headers.as_object().into_iter().flatten().filter(|(name, _)| !is_of_broker(name));
        let topic = topic_of(
            answer["exchange"].as_str().unwrap_or_default(),
            answer["routing_key"].as_str().unwrap_or_default(),
        );
        let headers = properties.chain(headers.map(|(name, value)| (name.clone(), text(value)))).collect();
        let content = Content { topic, headers, body, ..Content::default() };
        Some(Self { message: messages.message(content), queue, reason })
    }
}

/// Whether the broker adds a header when it gives up a message.
fn is_of_broker(name: &str) -> bool {
    name == "x-death" || ["x-first-death-", "x-last-death-"].iter().any(|prefix| name.starts_with(prefix))
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, queue, reason } = self;
        write!(formatter, "{message} (given up by the queue {queue}: {reason})")
    }
}
