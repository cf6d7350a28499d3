//! The fixture: the MQTT broker of one test.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use itest_runtime::{Error, Teardown, TestInfo};

use super::broker::MqttBroker;
use super::private::LeasedServer;
use super::worker::MqttOfWorker;
use crate::itest::fixture;
use crate::messages::{HasMessages, HasTap, Messages, Publisher, Tap};

/// A clean MQTT broker for one test, and the messages that pass through it.
///
/// Its methods for messages are those of [`Broker`](crate::Broker), which the prelude contains.
///
/// # Examples
///
/// ```no_run
/// use itest::prelude::*;
/// use itest::Mqtt;
/// # struct Shop;
/// # impl Shop {
/// #     async fn start(mqtt: &str) -> Result<Self> { drop(mqtt.to_owned()); Ok(Self) }
/// #     async fn pay(&self, order: u32) -> Result { drop(order); Ok(()) }
/// # }
///
/// #[integration_test]
/// async fn payment_is_announced_once(events: &Mqtt) -> Result<()> {
///     #[arrange]
///     let shop = Shop::start(events.url()).await?;
///
///     #[act]
///     shop.pay(7).await?;
///
///     #[assert]
///     let paid = events.expect("order/paid").exactly(1).await?;
///     paid[0].assert_json("/order", 7);
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub struct Mqtt {
    url: String,
    tap: Tap,
}

impl Mqtt {
    /// The URL with which the code under test connects: `mqtt://127.0.0.1:port`. A client needs no credentials, because the tap logs it in.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address with which the code under test connects.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.tap.address
    }
}

impl HasMessages for Mqtt {
    fn messages(&self) -> &Messages {
        &self.tap.messages
    }
}

impl HasTap for Mqtt {}

impl fmt::Debug for Mqtt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Mqtt({})", self.tap.address)
    }
}

/// A clean server.
#[fixture(crate = crate::itest)]
async fn mqtt(worker: &MqttOfWorker, info: &TestInfo, teardown: &Teardown) -> Result<Mqtt, Error> {
    // Teardown runs in reverse order: the server is cleaned when the code under test has no connection to it any more.
    let LeasedServer { address, traces } = worker.lease(info, teardown).await?;
    let broker = MqttBroker { publisher: Publisher::new(address.resolve().await?, address.login), traces };
    let tap = Tap::open(Arc::new(broker), info, teardown).await?;
    Ok(Mqtt { url: format!("mqtt://{}", tap.address), tap })
}
