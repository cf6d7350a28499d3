//! The fixture: the NATS server of one test.

use std::fmt;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::Arc;

use itest_runtime::{Error, RunningProgram, Teardown, TestInfo};

use super::broker::NatsBroker;
use super::private::LeasedServer;
use super::worker::NatsOfWorker;
use crate::itest::fixture;
use crate::messages::{HasMessages, HasTap, Messages, Publisher, Tap};

/// A clean NATS server for one test, and the messages that pass through it.
///
/// Its methods for messages are those of [`Broker`](crate::Broker), which the prelude contains.
///
/// # Examples
///
/// ```no_run
/// use itest::prelude::*;
/// use itest::Nats;
/// # struct Shop;
/// # impl Shop {
/// #     async fn start(nats: &str) -> Result<Self> { drop(nats.to_owned()); Ok(Self) }
/// #     async fn pay(&self, order: u32) -> Result { drop(order); Ok(()) }
/// # }
///
/// #[integration_test]
/// async fn payment_is_announced_once(events: &Nats) -> Result<()> {
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
pub struct Nats {
    url: String,
    tap: Tap,
    program: Option<RunningProgram>,
}

impl Nats {
    /// The URL with which the code under test connects: `nats://127.0.0.1:port`. A client needs no credentials, because the tap logs it in.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address with which the code under test connects.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.tap.address
    }

    /// Restarts the private server of the test, as an administrator would, and waits until it answers. Its address stays the same. All connections end, and only what
    /// `JetStream` has stored in files is still there.
    ///
    /// # Errors
    ///
    /// When the server is not one that itest has started from its program, or does not start again.
    #[track_caller]
    pub fn restart(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let (program, caller) = (self.program.clone(), Location::caller());
        async move {
            let Some(program) = program else {
                let text = "a test can restart only a private server of NATS: use the installed program, as with --nats programs";
                return Err(Error::at(text, caller));
            };
            program.restart().await
        }
    }
}

impl HasMessages for Nats {
    fn messages(&self) -> &Messages {
        &self.tap.messages
    }
}

impl HasTap for Nats {}

impl fmt::Debug for Nats {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Nats({})", self.tap.address)
    }
}

/// A clean server.
#[fixture(crate = crate::itest)]
async fn nats(worker: &NatsOfWorker, info: &TestInfo, teardown: &Teardown) -> Result<Nats, Error> {
    // Teardown runs in reverse order: the server is cleaned when the code under test has no connection to it any more.
    let LeasedServer { address, program } = worker.lease(info, teardown).await?;
    let broker = NatsBroker(Publisher::new(address.resolve().await?, address.login));
    let tap = Tap::open(Arc::new(broker), info, teardown).await?;
    Ok(Nats { url: format!("nats://{}", tap.address), tap, program })
}
