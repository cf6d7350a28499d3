//! The definition of a compose file by a suite.

use std::time::Duration;

/// A compose file whose services the tests need. A test gets them as a [`Compose`](super::Compose).
///
/// itest starts the services once per run, as a project with a name of its own, and waits until they are ready. It publishes their ports on free
/// ports of 127.0.0.1, so that several runs can use the file at the same time. The file itself is not changed.
///
/// # Examples
///
/// ```
/// use itest::compose::{Compose, Stack};
/// use itest::prelude::*;
///
/// /// The services of `compose.yaml`, beside the `Cargo.toml` of the suite.
/// struct Shop;
///
/// impl Stack for Shop {
///     const FILE: &str = "compose.yaml";
/// }
///
/// #[integration_test]
/// async fn shop_has_no_orders_at_first(shop: &Compose<Shop>) -> Result<()> {
///     let orders = format!("{}/orders", shop.url("api", 8080)?);
/// #   drop(orders);
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub trait Stack: Send + Sync + 'static {
    /// The path of the compose file, relative to the folder of the package.
    const FILE: &'static str;

    /// How long the services may take until they are ready. A longer time also needs a longer `--setup-timeout`.
    const STARTUP_TIMEOUT: Duration = Duration::from_secs(45);

    /// Adds variables, profiles, services, one-shot services and ports.
    fn options(options: StackOptions) -> StackOptions {
        options
    }
}

/// What a suite adds to a compose file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "the services get the options that `Stack::options` returns"]
pub struct StackOptions {
    pub(super) variables: Vec<(String, String)>,
    pub(super) profiles: Vec<String>,
    pub(super) services: Vec<String>,
    pub(super) one_shots: Vec<String>,
    pub(super) ports: Vec<(String, u16)>,
}

impl StackOptions {
    /// Sets a variable that the file uses, such as `${TAG}`. It has precedence over the environment and over `.env`.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Starts the services of a profile, too.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profiles.push(name.into());
        self
    }

    /// Starts only this service, the others that are named in this way, and those that they depend on. Without it, all services are started.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.services.push(name.into());
        self
    }

    /// Waits until this service has ended with exit code 0, because it runs once, for example to create tables. A service that another one
    /// depends on with the condition `service_completed_successfully` is waited for without this.
    pub fn one_shot(mut self, service: impl Into<String>) -> Self {
        self.one_shots.push(service.into());
        self
    }

    /// Publishes a port of a service that the file does not publish.
    pub fn port(mut self, service: impl Into<String>, port: u16) -> Self {
        self.ports.push((service.into(), port));
        self
    }
}
