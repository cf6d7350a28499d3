//! The fixture of a test.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use itest_runtime::__private::{Problem, timeout};
use itest_runtime::{Error, Outcome, Teardown, TestInfo};

use super::broker::RabbitBroker;
use super::dead_letter::DeadLetter;
use super::service::{amqp_address, management_of};
use super::topology::Topology;
use super::url::{management_url_of, url_of};
use super::worker::{LeasedVirtualHost, VirtualHosts};
use crate::itest::fixture;
use crate::messages::{HasMessages, HasTap, Message, Messages, Publisher, Tap};

/// How long a test waits for a dead letter.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The pause between two searches for a dead letter.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A clean virtual host of RabbitMQ for one test, and the messages that pass through it.
///
/// Its methods for messages are those of [`Broker`](crate::Broker), which the prelude contains. The topic of a message is its exchange and its routing key,
/// `shop/order.paid`, or the name of the queue for the default exchange. A pattern without an exchange means all exchanges; `*` stands for a word of the routing
/// key, and `#` for any number of words.
///
/// A message that no queue gets fails the test, unless the test has [expected](crate::Broker::expect) it. A dead letter fails the test, unless the test has
/// [expected](Rabbit::expect_dead_letter) that one.
///
/// # Examples
///
/// ```no_run
/// use itest::prelude::*;
/// # struct Shop;
/// # impl Shop {
/// #     async fn start(amqp: &str) -> Result<Self> { drop(amqp.to_owned()); Ok(Self) }
/// #     async fn pay(&self, order: u32) -> Result { drop(order); Ok(()) }
/// # }
///
/// #[integration_test]
/// async fn payment_is_announced_once(events: &Rabbit) -> Result<()> {
///     #[arrange]
///     let shop = Shop::start(events.url()).await?;
///
///     #[act]
///     shop.pay(7).await?;
///
///     #[assert]
///     let paid = events.expect("order.paid").exactly(1).await?;
///     paid[0].assert_json("/order", 7);
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub struct Rabbit<T: Topology = ()> {
    url: String,
    management_url: String,
    tap: Tap,
    dead_letters: DeadLetters,
    topology: PhantomData<fn() -> T>,
}

/// The dead letters of a test.
#[derive(Clone)]
struct DeadLetters {
    virtual_host: LeasedVirtualHost,
    messages: Messages,
    /// How many of them the test has expected, by the queue that has given them up.
    expected: Arc<Mutex<HashMap<String, usize>>>,
}

impl<T: Topology> Rabbit<T> {
    /// The URL with which the code under test connects: `amqp://user:password@127.0.0.1:port/virtual-host`. The user may do everything in this virtual host,
    /// and nothing elsewhere.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address with which the code under test connects.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.tap.address
    }

    /// The URL of the management API with the user and the password, `http://user:password@127.0.0.1:port`, for what AMQP cannot do: the user may define policies of
    /// its virtual host. It does not lead through the tap.
    #[must_use]
    pub fn management_url(&self) -> &str {
        &self.management_url
    }

    /// The name of the virtual host, and of its user.
    #[must_use]
    pub fn virtual_host(&self) -> &str {
        self.dead_letters.virtual_host.virtual_host().name()
    }

    /// The password of the user.
    #[must_use]
    pub fn password(&self) -> &str {
        self.dead_letters.virtual_host.virtual_host().password()
    }

    /// The messages of the code under test that no queue has got so far.
    #[must_use]
    pub fn unroutable(&self) -> Vec<Message> {
        self.tap.messages.unroutable()
    }

    /// From now on, a message on a topic that no queue gets does not fail the test. The topic may be a pattern.
    pub fn allow_unroutable(&self, topic: &str) {
        self.tap.messages.allow_unroutable(topic);
    }

    /// The dead letters that are in queues now, at most 1,000 of each queue. They stay there; their flag `redelivered` is set.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, Error> {
        self.dead_letters.read().await
    }

    /// Waits until a queue has given up a message, and returns the next one that no earlier call has returned.
    ///
    /// # Errors
    ///
    /// When there is none within 5 seconds.
    #[track_caller]
    pub fn expect_dead_letter(&self, queue: &str) -> impl Future<Output = Result<DeadLetter, Error>> + Send {
        let (dead_letters, queue, caller) = (self.dead_letters.clone(), queue.to_owned(), Location::caller());
        async move {
            let waiting = timeout(TIMEOUT, dead_letters.next_of(&queue)).await;
            waiting.unwrap_or_else(|_| {
                Err(Error::at(format!("the queue {queue} has given up no message within {TIMEOUT:?}"), caller))
            })
        }
    }
}

impl DeadLetters {
    async fn read(&self) -> Result<Vec<DeadLetter>, Error> {
        let answers = self.virtual_host.possible_dead_letters().await?;
        Ok(answers.iter().filter_map(|answer| DeadLetter::read(answer, &self.messages)).collect())
    }

    /// The next dead letter of a queue. A queue gives up its messages one after the other, so their number says which ones are expected.
    async fn next_of(&self, queue: &str) -> Result<DeadLetter, Error> {
        loop {
            let of_queue = self.read().await?.into_iter().filter(|letter| letter.queue() == queue);
            let expected = self.expected_of(queue);
            if let Some(letter) = of_queue.into_iter().nth(expected) {
                self.expected().insert(queue.to_owned(), expected + 1);
                return Ok(letter);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Fails the test for each dead letter that it has not expected.
    async fn check(&self, info: &TestInfo) -> Result<(), Error> {
        if self.messages.tolerates_everything() {
            return Ok(());
        }
        let mut numbers: HashMap<String, usize> = HashMap::new();
        for letter in self.read().await? {
            let of_queue = numbers.entry(letter.queue().to_owned()).or_default();
            *of_queue += 1;
            if *of_queue > self.expected_of(letter.queue()) {
                info.fail_with(Problem::new(format!("a dead letter that the test does not expect:\n  {letter}")));
            }
        }
        Ok(())
    }

    fn expected_of(&self, queue: &str) -> usize {
        self.expected().get(queue).copied().unwrap_or_default()
    }

    fn expected(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Topology> HasMessages for Rabbit<T> {
    fn messages(&self) -> &Messages {
        &self.tap.messages
    }
}

impl<T: Topology> HasTap for Rabbit<T> {}

impl<T: Topology> fmt::Debug for Rabbit<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Rabbit({})", self.tap.address)
    }
}

/// A clean virtual host.
#[fixture(crate = crate::itest)]
async fn rabbit<T: Topology>(
    worker: &VirtualHosts<T>,
    info: &TestInfo,
    teardown: &Teardown,
) -> Result<Rabbit<T>, Error> {
    // Teardown runs in reverse order: when the code under test has no connection any more, the dead letters are read, and then the virtual host is
    // cleaned.
    let virtual_host = worker.lease(info, teardown).await?;
    open(virtual_host, info, teardown).await
}

/// Opens the tap to a virtual host that a test has.
///
/// # Errors
///
/// When the tap cannot be opened.
pub(super) async fn open<T: Topology>(
    virtual_host: LeasedVirtualHost,
    info: &TestInfo,
    teardown: &Teardown,
) -> Result<Rabbit<T>, Error> {
    let checked: Arc<OnceLock<DeadLetters>> = Arc::default();
    let (at_end, test) = (Arc::clone(&checked), info.clone());
    teardown.defer_with("check the dead letters of RabbitMQ", move |outcome| async move {
        match at_end.get() {
            // After an earlier failure, the code under test may not have consumed its dead letters yet.
            Some(dead_letters) if outcome == Outcome::Passed => dead_letters.check(&test).await,
            _ => Ok(()),
        }
    });
    let (checked_server, test) = (virtual_host.clone(), info.clone());
    teardown.defer_with("check the alarms of RabbitMQ", move |outcome| async move {
        // Only a test that has failed needs the reason, so that the others do not wait for the answer.
        if !outcome.is_success()
            && let Some(alarm) = checked_server.alarm().await
        {
            test.fail(format!("RabbitMQ is full: {alarm}"));
        }
        Ok::<(), Error>(())
    });
    let server = amqp_address(virtual_host.server())?.resolve().await?;
    let login = virtual_host.virtual_host().login();
    let broker = RabbitBroker(Publisher::new(server, Some(login)));
    let tap = Tap::open(Arc::new(broker), info, teardown).await?;
    let url = url_of(&tap.address.to_string(), virtual_host.virtual_host());
    let management = management_of(virtual_host.server())?;
    let management_url = management_url_of(&management.place(), virtual_host.virtual_host());
    let dead_letters = DeadLetters { virtual_host, messages: tap.messages.clone(), expected: Arc::default() };
    let _ = checked.set(dead_letters.clone());
    Ok(Rabbit { url, management_url, tap, dead_letters, topology: PhantomData })
}
