//! The connection with which a test publishes its own messages.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use itest_runtime::Error;

use super::content::Content;
use crate::service::Login;

/// A client of a broker that publishes messages.
pub(crate) trait PublishingClient: Sized + Send {
    /// Connects, and waits until the broker has accepted the login.
    ///
    /// # Errors
    ///
    /// When there is no such broker at the address, or it refuses the login.
    fn connect(address: SocketAddr, login: Option<&Login>) -> impl Future<Output = Result<Self, Error>> + Send;

    /// Publishes a message, and waits until the broker has it.
    ///
    /// # Errors
    ///
    /// When the broker refuses the message.
    fn publish(&mut self, content: &Content) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Publishes the messages of a test. It connects for the first message.
#[derive(Debug)]
pub(crate) struct Publisher<C> {
    address: SocketAddr,
    login: Option<Login>,
    client: Mutex<Option<C>>,
}

impl<C: PublishingClient> Publisher<C> {
    pub(crate) fn new(address: SocketAddr, login: Option<Login>) -> Self {
        Self { address, login, client: Mutex::new(None) }
    }

    /// The address of the broker.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The login of the tests.
    #[cfg(any(feature = "mqtt", feature = "nats"))]
    pub(crate) fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// Publishes a message, and waits until the broker has it.
    ///
    /// # Errors
    ///
    /// When the broker cannot be reached, or refuses the message.
    pub(crate) async fn publish(&self, content: &Content) -> Result<(), Error> {
        // The client is taken out while it publishes, so another task that publishes at the same time opens a connection of its own.
        let idle = self.client().take();
        let mut client = match idle {
            Some(client) => client,
            None => C::connect(self.address, self.login.as_ref()).await?,
        };
        client.publish(content).await?;
        // A connection on which something failed is not used again.
        *self.client() = Some(client);
        Ok(())
    }

    /// Closes the connection.
    pub(crate) fn close(&self) {
        *self.client() = None;
    }

    fn client(&self) -> MutexGuard<'_, Option<C>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
