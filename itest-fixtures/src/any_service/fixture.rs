//! The fixture of a test.

use std::fmt;
use std::marker::PhantomData;

use itest_runtime::{Durable, Error, Teardown};
use tokio::runtime::Handle;

use super::adapter::Adapter;
use super::check::accepts_connections;
use super::definition::AnyService;
use super::endpoint::Endpoint;
use super::namespace::Namespace;
use crate::failure::failed_to;
use crate::itest::fixture;
use crate::service::{RunServer, ServerOfTest, reach, with_log};

/// A service that the suite defines, and a namespace that only this test uses.
///
/// All tests of the run share the service. A test names what it creates there after its [namespace](ServiceOf::namespace).
///
/// See [`AnyService`] for an example.
pub struct ServiceOf<S: AnyService> {
    url: String,
    host: String,
    port: u16,
    namespace: Namespace,
    service: PhantomData<fn() -> S>,
}

impl<S: AnyService> ServiceOf<S> {
    /// The URL of the service: the one in the variable, or the template of the definition with its parts filled in.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The name of this test's namespace: `itest_` and 16 characters of `0-9` and `a-f`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.namespace.name()
    }

    /// The URL of the service through a proxy, which injects faults between the code under test and the service.
    ///
    /// # Errors
    ///
    /// When the proxy leads to another service already.
    #[cfg(feature = "proxy")]
    pub fn through(&self, proxy: &crate::Proxy) -> Result<String, Error> {
        proxy.to(self.url())
    }
}

impl<S: AnyService> fmt::Debug for ServiceOf<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL is left out, because it may contain a password.
        let (place, namespace) = (format!("{}:{}", self.host, self.port), self.namespace());
        formatter.debug_struct(S::NAME).field("place", &place).field("namespace", &namespace).finish_non_exhaustive()
    }
}

/// The service, with a namespace for one test, which is removed afterwards.
#[fixture(crate = crate::itest)]
async fn service_of<S: AnyService>(server: &RunServer<Adapter<S>>, teardown: &Teardown) -> Result<ServiceOf<S>, Error> {
    let address = server.address();
    // A service that is being started again has no password at first.
    let endpoint = reach(address, async || {
        let endpoint = Endpoint::of::<Adapter<S>>(address, S::URL)?;
        accepts_connections(endpoint.server()).await.map(|()| endpoint)
    })
    .await?;
    let namespace = Namespace::new(address, endpoint.url());
    if let Some(clean) = S::CLEAN {
        if address.is_private() {
            let cleaned = namespace.clone();
            teardown.defer(format!("clean {}", S::NAME), async move { run_on_one_thread(clean, cleaned).await });
        } else {
            teardown.durable(clean, namespace.clone())?;
        }
    }
    let (address, used, server) = (address.clone(), ServerOfTest::new(address), endpoint.server().clone());
    teardown.defer(format!("check {}", S::NAME), async move {
        let error = accepts_connections(&server).await.err();
        used.check(S::NAME, error.map(|error| format!(": {}", with_log(&address, &error))))
    });
    let (url, host, port) = (endpoint.url().to_owned(), endpoint.host().to_owned(), endpoint.port());
    Ok(ServiceOf { url, host, port, namespace, service: PhantomData })
}

/// Runs a function whose future cannot be sent between threads.
async fn run_on_one_thread(clean: fn(Namespace) -> Durable<Namespace>, namespace: Namespace) -> Result<(), Error> {
    let runtime = Handle::current();
    let cleaned = tokio::task::spawn_blocking(move || runtime.block_on(clean(namespace).into_future())).await;
    cleaned.map_err(|error| failed_to("clean the service", &error))?
}
