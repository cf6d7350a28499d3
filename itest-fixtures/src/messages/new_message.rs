//! A message that the test publishes to the code under test.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;

use itest_runtime::Error;
use serde::Serialize;

use super::content::Content;
use super::recorder::Messages;
use crate::failure::with_action;

/// A message that the test publishes. It is a future: `events.publish("order.created").json(&order).await?`.
#[must_use = "a message is published when it is awaited"]
pub struct NewMessage<'b> {
    messages: &'b Messages,
    content: Result<Content, Error>,
}

impl<'b> NewMessage<'b> {
    pub(crate) fn new(messages: &'b Messages, topic: &str) -> Self {
        Self { messages, content: Ok(Content { topic: topic.to_owned(), ..Content::default() }) }
    }

    /// Adds a header.
    pub fn header(self, name: &str, value: impl fmt::Display) -> Self {
        let header = (name.to_owned(), value.to_string());
        self.change(|content| content.headers.push(header))
    }

    /// The body is the JSON of a value. If the value cannot be written as JSON, publishing the message returns an error.
    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => self.bytes(body),
            Err(error) => {
                let content = Err(with_action("write the message as JSON", &error.to_string()));
                Self { content, ..self }
            }
        }
    }

    /// The body is a text.
    pub fn text(self, body: impl Into<String>) -> Self {
        self.bytes(body.into().into_bytes())
    }

    /// The body is these bytes.
    pub fn bytes(self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        self.change(|content| content.body = body)
    }

    /// Changes the content, unless it has an error already.
    pub(crate) fn change(self, change: impl FnOnce(&mut Content)) -> Self {
        let content = self.content.map(|mut content| {
            change(&mut content);
            content
        });
        Self { content, ..self }
    }
}

impl<'b> IntoFuture for NewMessage<'b> {
    type Output = Result<(), Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'b>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.messages.protocol().publish(&self.content?).await })
    }
}

impl fmt::Debug for NewMessage<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The content is left out, because it may contain secrets.
        formatter.debug_struct("NewMessage").finish_non_exhaustive()
    }
}
