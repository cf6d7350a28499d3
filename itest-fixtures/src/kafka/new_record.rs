//! A record that the test publishes to the code under test.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;

use itest_runtime::Error;
use serde::Serialize;

use crate::messages::{Messages, NewMessage, Record, RecordValue};

/// A record that the test publishes. It is a future: `events.publish("orders").key("7").json(&order).await?`.
#[must_use = "a record is published when it is awaited"]
#[derive(Debug)]
pub struct NewRecord<'b>(NewMessage<'b>);

impl<'b> NewRecord<'b> {
    pub(super) fn new(messages: &'b Messages, topic: &str) -> Self {
        Self(NewMessage::new(messages, topic))
    }

    /// The key. All records of a key are in one partition, which is the one that Java's producer chooses. Records without a key are distributed in turn.
    pub fn key(self, key: impl Into<Vec<u8>>) -> Self {
        let key = key.into();
        self.change(|record| record.key = Some(key))
    }

    /// The number of the partition, counted from 0, instead of the one that the key determines.
    pub fn partition(self, partition: u16) -> Self {
        self.change(|record| record.partition = Some(i32::from(partition)))
    }

    /// Adds a header.
    pub fn header(self, name: &str, value: impl fmt::Display) -> Self {
        Self(self.0.header(name, value))
    }

    /// The value is the JSON of a Rust value. If it cannot be written as JSON, publishing the record returns an error.
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        Self(self.0.json(value))
    }

    /// The value is a text.
    pub fn text(self, value: impl Into<String>) -> Self {
        Self(self.0.text(value))
    }

    /// The value is these bytes.
    pub fn bytes(self, value: impl Into<Vec<u8>>) -> Self {
        Self(self.0.bytes(value))
    }

    /// The record has no value, so that a compacted topic forgets its key.
    pub fn tombstone(self) -> Self {
        self.change(|record| record.value = RecordValue::Absent)
    }

    fn change(self, change: impl FnOnce(&mut Record)) -> Self {
        Self(self.0.change(|content| change(content.record.get_or_insert_default())))
    }
}

impl<'b> IntoFuture for NewRecord<'b> {
    type Output = Result<(), Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'b>>;

    fn into_future(self) -> Self::IntoFuture {
        self.0.into_future()
    }
}
