//! The content of a message: what a client publishes and what a broker passes on.

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Content {
    /// The subject, the topic, or the exchange and the routing key.
    pub(crate) topic: String,
    /// The headers in their order. A name may occur several times.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// What the frame said besides, in a form of the protocol, so that a copy of the message says the same. Empty in a message of the test.
    pub(crate) wire_fields: Vec<u8>,
    /// The record, if the broker has logs instead of queues.
    pub(crate) record: Option<Box<Record>>,
}

/// What a message in the log of a broker has besides its content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Record {
    /// The records of a key are in one partition, so their order is that of their publication.
    pub(crate) key: Option<Vec<u8>>,
    /// The partition, or `None` if the broker's rules choose it.
    pub(crate) partition: Option<i32>,
    /// The position in the partition, or `None` if the record is not in the log yet.
    pub(crate) offset: Option<i64>,
    pub(crate) value: RecordValue,
}

/// Whether a record has a value. A compacted log removes the earlier records of a key whose last record has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum RecordValue {
    #[default]
    Present,
    #[cfg_attr(not(feature = "kafka"), expect(dead_code, reason = "only Kafka has records"))]
    Absent,
}
