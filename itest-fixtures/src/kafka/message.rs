//! What a message of Kafka has in addition to those of other brokers.

use crate::messages::{Message, RecordValue};

/// What a [`Message`] of Kafka has in addition to those of other brokers. The prelude contains this trait.
///
/// The trait is implemented by [`Message`] only.
pub trait KafkaMessage: sealed::Sealed {
    /// The key, or `None` if the record has none.
    fn key(&self) -> Option<&[u8]>;

    /// The key as text, or `None` if the record has none, or if the key is no UTF-8.
    fn key_text(&self) -> Option<&str> {
        self.key().and_then(|key| std::str::from_utf8(key).ok())
    }

    /// The number of the partition, counted from 0. A message of another broker has none.
    fn partition(&self) -> Option<i32>;

    /// The position in the partition, counted from 0. A message of another broker has none.
    fn offset(&self) -> Option<i64>;

    /// Whether the record has a key but no value, so that a compacted topic forgets the key.
    fn is_tombstone(&self) -> bool;
}

impl KafkaMessage for Message {
    fn key(&self) -> Option<&[u8]> {
        self.content().record.as_ref()?.key.as_deref()
    }

    fn partition(&self) -> Option<i32> {
        self.content().record.as_ref()?.partition
    }

    fn offset(&self) -> Option<i64> {
        self.content().record.as_ref()?.offset
    }

    fn is_tombstone(&self) -> bool {
        self.content().record.as_ref().is_some_and(|record| record.value == RecordValue::Absent)
    }
}

mod sealed {
    use crate::messages::Message;

    /// Only this crate implements [`super::KafkaMessage`].
    pub trait Sealed {}

    impl Sealed for Message {}
}
