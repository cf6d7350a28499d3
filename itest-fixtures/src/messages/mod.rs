//! Messages of any broker: how they are seen, the expectations of a test, and faults of messages.

mod broker;
mod by_key;
mod content;
mod direction;
mod exchange;
mod expectation;
#[cfg(any(feature = "kafka", feature = "mqtt", feature = "rabbitmq"))]
#[cfg_attr(
    not(any(feature = "mqtt", feature = "rabbitmq")),
    expect(dead_code, reason = "Kafka does not ask whether there is another field")
)]
mod fields;
mod injected;
mod message;
#[cfg(feature = "_tap")]
mod new_injection;
#[cfg_attr(not(feature = "_tap"), expect(unreachable_pub, reason = "Kafka has a type of its own for new records"))]
mod new_message;
mod problem;
mod protocol;
#[cfg(feature = "_tap")]
mod publisher;
#[cfg_attr(not(feature = "_tap"), expect(dead_code, reason = "only a tap sees deliveries and subscriptions"))]
mod recorder;
mod selection;
mod subscriptions;
#[cfg(feature = "_tap")]
mod tap;
mod unacknowledged;
mod volume;

pub use broker::Broker;
pub(crate) use broker::HasMessages;
#[cfg(feature = "_tap")]
pub(crate) use broker::HasTap;
#[cfg(feature = "_tap")]
pub use broker::TappedBroker;
pub use by_key::ExpectationByKey;
pub(crate) use content::Content;
#[cfg(feature = "kafka")]
pub(crate) use content::{Record, RecordValue};
pub use expectation::Expectation;
#[cfg(any(feature = "kafka", feature = "mqtt", feature = "rabbitmq"))]
pub(crate) use fields::Fields;
pub use message::Message;
#[cfg(feature = "_tap")]
pub use new_injection::NewMessageInjection;
#[cfg(feature = "_tap")]
pub use new_message::NewMessage;
#[cfg(not(feature = "_tap"))]
pub(crate) use new_message::NewMessage;
#[cfg(any(feature = "nats", feature = "rabbitmq"))]
pub(crate) use protocol::MAX_MESSAGE_BYTES;
pub(crate) use protocol::{BoxFuture, Protocol};
#[cfg(feature = "_tap")]
pub(crate) use protocol::{Frame, FrameReader, Meaning, Reading, Side, TappedProtocol};
#[cfg(feature = "_tap")]
pub(crate) use publisher::{Publisher, PublishingClient};
pub(crate) use recorder::Messages;
#[cfg(feature = "_tap")]
pub(crate) use tap::Tap;
