//! A server of RabbitMQ that only one test uses, so that the test may restart it.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;

use itest_runtime::__private::unavailable;
use itest_runtime::{Error, RunningProgram, Teardown, TestInfo};

use super::fixture::{Rabbit, open};
use super::programs::Installation;
use super::service::RabbitService;
use super::topology::Topology;
use super::virtual_host::VirtualHost;
use super::worker::VirtualHosts;
use crate::itest::fixture;
use crate::service::{Programs as _, RunningServer, Service as _};

/// A [`Rabbit`] on a private server that only this test uses, so that the test may restart the server: durable queues and their persistent messages must survive it.
///
/// Such a server needs some seconds to start, and as many to restart, so a suite has few tests with this fixture. It needs the installed program.
///
/// # Examples
///
/// ```no_run
/// use itest::prelude::*;
/// use itest::rabbitmq::RestartableRabbit;
/// # struct Shop;
/// # impl Shop {
/// #     async fn start(amqp: &str) -> Result<Self> { drop(amqp.to_owned()); Ok(Self) }
/// #     async fn pay(&self, order: u32) -> Result { drop(order); Ok(()) }
/// #     async fn invoices(&self) -> Result<u32> { Ok(1) }
/// # }
///
/// #[integration_test]
/// async fn paid_order_is_invoiced_after_a_restart_of_the_broker(events: &RestartableRabbit) -> Result<()> {
///     #[arrange]
///     Shop::start(events.url()).await?.pay(7).await?;
///
///     #[act]
///     events.restart().await?;
///
///     #[assert]
///     assert_eq!(Shop::start(events.url()).await?.invoices().await?, 1);
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub struct RestartableRabbit<T: Topology = ()> {
    rabbit: Rabbit<T>,
    program: RunningProgram,
}

impl<T: Topology> RestartableRabbit<T> {
    /// Restarts the server, as an administrator would, and waits until it answers. Its address stays the same, and all connections end.
    ///
    /// # Errors
    ///
    /// When the server does not start again.
    #[track_caller]
    pub fn restart(&self) -> impl Future<Output = Result<(), Error>> + Send + use<T> {
        let (program, caller) = (self.program.clone(), Location::caller());
        async move { program.restart().await.map_err(|error| Error::at(error.to_string(), caller)) }
    }
}

impl<T: Topology> Deref for RestartableRabbit<T> {
    type Target = Rabbit<T>;

    fn deref(&self) -> &Rabbit<T> {
        &self.rabbit
    }
}

impl<T: Topology> fmt::Debug for RestartableRabbit<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Restartable{:?}", self.rabbit)
    }
}

/// A virtual host on a server of its own, which ends with the test.
#[fixture(crate = crate::itest)]
async fn restartable_rabbit<T: Topology>(info: &TestInfo, teardown: &Teardown) -> Result<RestartableRabbit<T>, Error> {
    let Some(programs) = Installation::find() else {
        unavailable(RabbitService::NAME, RabbitService::INSTALLATION);
    };
    let server = RunningServer::<RabbitService>::start(&programs, teardown).await?;
    let (program, address, test) = (server.program(), server.address(), info.clone());
    teardown.defer("check that the private RabbitMQ server runs", async move {
        if let Some(loss) = server.loss() {
            test.fail(loss);
        }
    });
    let virtual_host = VirtualHosts::<T>::on(address, VirtualHost::new_prefix())?.take().await?;
    Ok(RestartableRabbit { rabbit: open(virtual_host, info, teardown).await?, program })
}
