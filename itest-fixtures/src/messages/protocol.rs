//! What differs between the protocols of brokers.

#[cfg(feature = "_tap")]
use std::net::SocketAddr;
use std::pin::Pin;

use itest_runtime::Error;

use super::content::Content;

/// A future that is sent between threads.
pub(crate) type BoxFuture<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// The protocol of a broker.
pub(crate) trait Protocol: Send + Sync + 'static {
    /// The name of the broker in reports.
    fn name(&self) -> &'static str;

    /// Whether a topic matches a pattern, by the rules of the broker.
    fn matches(&self, pattern: &str, topic: &str) -> bool;

    /// Publishes a message of the test, which is no message of the code under test, and returns when the broker has it.
    fn publish<'c>(&'c self, content: &'c Content) -> BoxFuture<'c, Result<(), Error>>;

    /// Closes the connection with which the test publishes.
    fn close(&self);

    /// What the error of an expectation says if the code under test has published nothing.
    fn nothing_published(&self) -> String {
        "the code under test has published nothing through the URL of the fixture".to_owned()
    }
}

/// The protocol of a broker whose messages are seen on the wire.
#[cfg(feature = "_tap")]
pub(crate) trait TappedProtocol: Protocol {
    /// A reader for the frames of a new connection.
    fn reader(&self) -> Box<dyn FrameReader>;

    /// The address of the broker.
    fn address(&self) -> SocketAddr;

    /// Notes that the broker has closed a connection with a [reader](TappedProtocol::reader), so it has processed everything that came through it. A connection
    /// that the broker does not close in time is not noted.
    fn note_closed_connection(&self) {}
}

/// The sender of a frame.
#[cfg(feature = "_tap")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Reads the frames of one connection, in both directions.
#[cfg(feature = "_tap")]
pub(crate) trait FrameReader: Send {
    /// Reads the first frame of these bytes. Each frame is read once, when all its bytes are there.
    fn read(&mut self, sender: Side, bytes: &[u8]) -> Reading;
}

/// The most bytes of a message that passes a tap, which collects all bytes of a message before the message passes.
#[cfg(feature = "_tap")]
pub(crate) const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// The result of reading a frame.
#[cfg(feature = "_tap")]
#[derive(Debug)]
pub(crate) enum Reading {
    /// The frame is not complete.
    Incomplete,
    Frame(Frame),
    /// The bytes belong to another protocol. From now on they pass unread.
    Foreign,
    /// The message has more than [`MAX_MESSAGE_BYTES`].
    TooLong,
}

/// A frame at the beginning of some bytes.
#[cfg(feature = "_tap")]
#[derive(Debug)]
pub(crate) struct Frame {
    /// The length of the frame in bytes.
    pub(crate) length: usize,
    pub(crate) meaning: Meaning,
    /// The bytes that pass instead of the frame, such as one with the credentials of the test.
    pub(crate) replacement: Option<Vec<u8>>,
    /// A frame that the tap sends after this one in the same direction, such as a question whose answer the tap needs.
    pub(crate) followed_by: &'static [u8],
}

#[cfg(feature = "_tap")]
impl Frame {
    pub(crate) fn new(length: usize, meaning: Meaning) -> Self {
        Self { length, meaning, replacement: None, followed_by: &[] }
    }

    /// A frame of a message that does not pass now, but together with the last frame of the message.
    #[cfg(feature = "rabbitmq")]
    pub(crate) fn postponed(length: usize) -> Self {
        Self { replacement: Some(Vec::new()), ..Self::new(length, Meaning::Other) }
    }
}

/// What a frame says.
#[cfg(feature = "_tap")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A client publishes a message. If a message consists of several frames, this is the last one.
    Published(Content),
    /// The broker delivers a message to a client. The tag names the delivery if the client has to acknowledge it.
    Delivered { content: Content, tag: Option<String> },
    /// A client acknowledges or rejects the deliveries with these tags.
    Acknowledged(Vec<String>),
    /// The broker takes the deliveries with these tags back, and delivers their messages again.
    #[cfg_attr(not(feature = "rabbitmq"), expect(dead_code, reason = "only RabbitMQ has channels, which end alone"))]
    Returned(Vec<String>),
    /// The broker has no receiver for a message that a client has published, for this reason.
    #[cfg_attr(not(feature = "rabbitmq"), expect(dead_code, reason = "only RabbitMQ says so"))]
    Unroutable { content: Content, reason: String },
    /// The broker has subscribed a client. `id` names the subscription in this connection.
    Subscribed { id: String, pattern: String },
    /// A client ends a subscription.
    Unsubscribed { id: String },
    /// The answer to a question of the tap, which the receiver must not get, and what the answer says.
    #[cfg_attr(
        not(any(feature = "nats", feature = "rabbitmq")),
        expect(dead_code, reason = "only the taps of NATS and RabbitMQ ask questions")
    )]
    AnswerToTap(Option<Box<Meaning>>),
    /// A frame that confirms or ends several subscriptions, or a delivery that also ends its subscription.
    Several(Vec<Self>),
    /// Nothing that concerns messages.
    Other,
}
