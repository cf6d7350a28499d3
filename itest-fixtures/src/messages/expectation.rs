//! Waits for messages that the test expects.

use std::fmt::Write as _;
use std::future::IntoFuture;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use itest_runtime::__private::timeout;
use itest_runtime::Error;
use serde_json::Value;

use super::message::Message;
use super::recorder::Messages;
use super::selection::{Condition, Selection};
use crate::shown::redacted_at;

/// How long a test waits for a message by default.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// The most messages that a failed expectation lists.
const MAX_LISTED: usize = 10;

/// A message that the test expects. It is a future: `events.expect("order.paid").await?`.
#[must_use = "an expectation does nothing until it is awaited"]
pub struct Expectation<'b> {
    messages: &'b Messages,
    pub(super) selection: Selection,
    timeout: Duration,
    pub(super) location: &'static Location<'static>,
}

impl<'b> Expectation<'b> {
    pub(super) fn new(messages: &'b Messages, topic: &str, location: &'static Location<'static>) -> Self {
        Self { messages, selection: Selection::on(topic), timeout: TIMEOUT, location }
    }

    /// The JSON body has this value at a pointer (RFC 6901), such as `/order/id`.
    pub fn json(self, pointer: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let text = format!("{pointer} = {}", redacted_at(pointer, &value));
        let pointer = pointer.to_owned();
        self.with(text, move |message| message.at(&pointer) == value)
    }

    /// A header has this value. Names of headers are case-insensitive.
    pub fn header(self, name: &str, value: &str) -> Self {
        let (text, name, value) = (format!("the expected header {name}"), name.to_owned(), value.to_owned());
        self.with(text, move |message| message.header(&name) == Some(&value))
    }

    /// The closure returns true. `what` describes the condition in reports: `"a total of 3"`.
    pub fn matching(self, what: impl Into<String>, holds: impl Fn(&Message) -> bool + Send + Sync + 'static) -> Self {
        self.with(what.into(), holds)
    }

    /// Waits this long for the message, instead of 5 seconds.
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Waits for this many messages. One more fails the test, also if it comes later.
    ///
    /// # Errors
    ///
    /// When fewer messages arrive before the timeout, or when there are already more.
    pub async fn exactly(self, count: usize) -> Result<Vec<Message>, Error> {
        let (mut messages, mut position) = (Vec::with_capacity(count), 0);
        let collect = self.messages.wait_for(|| {
            while messages.len() < count {
                messages.push(self.messages.take(&self.selection, &mut position)?);
            }
            Some(())
        });
        if timeout(self.timeout, collect).await.is_err() {
            return Err(self.missing(&format!("{} of {count} messages", messages.len())));
        }
        self.messages.exclude(self.selection.clone(), self.location);
        match self.messages.remaining(&self.selection).first() {
            None => Ok(messages),
            Some(surplus) => {
                let text =
                    format!("more than {count} messages on {}; the first of the others:\n  {surplus}", self.selection);
                Err(Error::at(text, self.location))
            }
        }
    }

    fn with(mut self, text: String, holds: impl Fn(&Message) -> bool + Send + Sync + 'static) -> Self {
        self.selection.conditions.push(Condition { text, holds: Arc::new(holds) });
        self
    }

    async fn first(self) -> Result<Message, Error> {
        let mut position = 0;
        let first = self.messages.wait_for(|| self.messages.take(&self.selection, &mut position));
        timeout(self.timeout, first).await.map_err(|_| self.missing("no message"))
    }

    /// The error of an expectation that was not met, with the messages that were published last.
    fn missing(&self, what: &str) -> Error {
        let mut text = format!("{what} on {} within {:?}", self.selection, self.timeout);
        let published = self.messages.published();
        if published.is_empty() {
            let _ = write!(text, "; {}", self.messages.protocol().nothing_published());
            return Error::at(text, self.location);
        }
        let listed = published.len().saturating_sub(MAX_LISTED);
        let _ = write!(text, "; published so far ({}):", published.len());
        for message in &published[listed..] {
            let _ = write!(text, "\n  {message}");
        }
        Error::at(text, self.location)
    }
}

impl<'b> IntoFuture for Expectation<'b> {
    type Output = Result<Message, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'b>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.first())
    }
}

impl std::fmt::Debug for Expectation<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Expectation({}, within {:?})", self.selection, self.timeout)
    }
}
