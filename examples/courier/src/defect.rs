//! Defects on purpose, which are off by default: each of them must turn a test of the suite red.

use serde::de::IntoDeserializer;
use serde::de::value::Error;
use serde::{Deserialize, Serialize};

/// A mistake of a kind that real services have. `defects.toml` names the test that reveals it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Defect {
    /// Each attempt to charge a card has another idempotency key.
    NewKeyForEachCharge,
    /// A declined card counts as a payment.
    DeclinedCardIsAccepted,
    /// A call of the payment provider has no limit of time.
    ChargeWithoutTimeLimit,
    /// The payment is announced before it is committed.
    AnnouncedBeforeCommit,
    /// An event counts as published before the broker has confirmed it.
    PublishedWithoutConfirmation,
    /// A paid order can be cancelled, although a courier delivers it.
    PaidOrderIsCancelled,
    /// The event that arrives last decides the status of an order.
    LateEventWins,
    /// An event about an unknown order is dropped.
    UnknownOrderIsIgnored,
    /// The list of orders reads each order by a query of its own.
    QueryForEachOrder,
    /// The log contains the token of the card.
    CardInLog,
    /// Requests that are running at SIGTERM get no answer.
    RunningRequestsAreDropped,
    /// Background tasks go on after the service was stopped.
    TaskOutlivesService,
    /// The queue is declared with other arguments than the other service uses.
    OtherQueueArguments,
    /// An event is handled again when it is delivered again.
    NoInbox,
    /// An event is acknowledged before it was handled.
    AcknowledgedTooEarly,
    /// An unreadable event goes back to its queue, for ever.
    PoisonIsRequeued,
    /// A courier is chosen without a lock.
    CourierWithoutLock,
    /// A changed delivery stays in the cache.
    StaleCache,
    /// Without the cache, there is no answer.
    CacheIsRequired,
    /// Entries of the cache never expire.
    CacheNeverExpires,
    /// The mail is sent before the receipt is stored, and again with each attempt to store it.
    MailBeforeReceipt,
    /// A mail server that is busy gets no second attempt.
    BusyMailServerIsFinal,
    /// A receipt has no content type.
    ReceiptWithoutType,
    /// A delivery is counted in a transaction of its own, before it is recorded.
    CountedSeparately,
}

impl Defect {
    /// The defect with a name in kebab-case.
    ///
    /// # Errors
    ///
    /// When there is no such defect. The error lists all names.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Self::deserialize(name.into_deserializer())
    }
}
