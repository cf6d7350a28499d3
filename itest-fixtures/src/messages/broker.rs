//! What a test does with the messages of any broker.

use std::panic::Location;

#[cfg(feature = "_tap")]
use itest_runtime::__private::timeout;
use itest_runtime::Error;
#[cfg(feature = "_tap")]
use itest_runtime::Fault;

use super::expectation::Expectation;
use super::message::Message;
#[cfg(feature = "_tap")]
use super::new_injection::NewMessageInjection;
#[cfg(feature = "_tap")]
use super::new_message::NewMessage;
use super::recorder::Messages;
use super::selection::Selection;

/// A fixture that has messages. The trait cannot be named outside of this crate, which seals [`Broker`].
pub trait HasMessages {
    /// The messages of the test.
    #[doc(hidden)]
    fn messages(&self) -> &Messages;
}

/// The messages that the code under test publishes to its broker: all brokers have these methods.
///
/// The fixture sees each message that the code under test publishes, from the moment when the test gets the fixture. Reading takes no message away
/// from the code under test.
///
/// What the test itself publishes is no message of the code under test, so no expectation gets it.
///
/// The trait is implemented by the brokers of itest only.
pub trait Broker: HasMessages {
    /// The next message on a topic that the code under test publishes, or has published. Each message is expected once: a second expectation of the same topic
    /// gets the second message. The topic may be a pattern of the broker.
    #[track_caller]
    fn expect(&self, topic: &str) -> Expectation<'_> {
        Expectation::new(self.messages(), topic, Location::caller())
    }

    /// The code under test publishes no further message on a topic until the test ends: one that comes later fails the test.
    ///
    /// # Panics
    ///
    /// If the code under test has already published such a message and no expectation has got it.
    #[track_caller]
    fn expect_none(&self, topic: &str) {
        let selection = Selection::on(topic);
        let messages = self.messages();
        messages.exclude(selection.clone(), Location::caller());
        let unexpected = messages.remaining(&selection).into_iter().next();
        if let Some(message) = &unexpected {
            assert!(unexpected.is_none(), "a message on {topic} that the test does not expect:\n  {message}");
        }
    }

    /// All messages that the code under test has published so far, in the order in which they passed.
    #[must_use]
    fn published(&self) -> Vec<Message> {
        self.messages().published()
    }

    /// Publishes a message again with its headers, like a producer that has not got a confirmation.
    ///
    /// # Errors
    ///
    /// When the broker cannot be reached, or refuses the message.
    fn publish_again(&self, message: &Message) -> impl Future<Output = Result<(), Error>> + Send {
        let (messages, content) = (self.messages().clone(), message.content().clone());
        async move { messages.protocol().publish(&content).await }
    }

    /// From now on, neither unexpected messages nor faults that are never triggered fail the test.
    fn lenient(&self) {
        self.messages().be_lenient();
    }
}

impl<B: HasMessages> Broker for B {}

/// A fixture whose messages are seen on the wire. The trait cannot be named outside of this crate, which seals [`TappedBroker`].
#[cfg(feature = "_tap")]
pub trait HasTap: HasMessages {}

/// A broker whose URL leads through a tap, which also sees what the code under test gets. All brokers but Kafka have these methods.
///
/// The trait is implemented by the brokers of itest only.
#[cfg(feature = "_tap")]
pub trait TappedBroker: HasTap {
    /// All messages that the code under test has got so far, in the order in which they passed. A message is listed for each consumer, and
    /// for each further delivery.
    #[must_use]
    fn delivered(&self) -> Vec<Message> {
        self.messages().delivered()
    }

    /// The messages that the code under test has got and has to acknowledge, but has not acknowledged so far.
    #[must_use]
    fn unacknowledged(&self) -> Vec<Message> {
        self.messages().unacknowledged()
    }

    /// Begins a message that the test publishes to the code under test.
    fn publish(&self, topic: &str) -> NewMessage<'_> {
        NewMessage::new(self.messages(), topic)
    }

    /// Waits until the code under test has this many subscriptions that get the messages of a topic. A broker may drop messages for which there is
    /// no subscription, so a test waits for the consumer before it publishes.
    ///
    /// # Errors
    ///
    /// When the number of subscriptions is still another one after 5 seconds.
    #[track_caller]
    fn expect_consumers(&self, topic: &str, count: usize) -> impl Future<Output = Result<(), Error>> + Send {
        let (messages, topic, caller) = (self.messages().clone(), topic.to_owned(), Location::caller());
        async move {
            let waiting = messages.wait_for(|| (messages.subscriptions_of(&topic) == count).then_some(()));
            timeout(super::expectation::TIMEOUT, waiting).await.map_err(|_| {
                let actual = messages.subscriptions_of(&topic);
                Error::at(
                    format!("{topic} has {actual} subscriptions of the code under test, expected {count}"),
                    caller,
                )
            })
        }
    }

    /// Begins the injection of a fault into messages. [`NewMessageInjection::on_publication`] and [`NewMessageInjection::on_delivery`] say which
    /// messages get it.
    #[track_caller]
    fn inject(&self, fault: Fault) -> NewMessageInjection<'_> {
        NewMessageInjection::new(self.messages(), fault)
    }
}

#[cfg(feature = "_tap")]
impl<B: HasTap> TappedBroker for B {}
