//! The definition of a service by a suite.

use std::time::Duration;

use itest_runtime::{Durable, Error, Program};

use super::container::ContainerOptions;
use super::namespace::Namespace;
use super::private::PrivateService;
use super::readiness::Readiness;

/// A service that itest has no fixture for, such as a search engine or another kind of database. A test gets it as a
/// [`ServiceOf`](super::ServiceOf).
///
/// itest finds or starts the service once per run, for all workers. It tries the URL in the variable `<VARIABLE>_URL`, then the installed
/// program, and then a container (feature `containers`). `<VARIABLE>` names the providers to try, and `<VARIABLE>_IMAGE` another image.
/// A URL that does not look like one of a service for tests is refused, unless `ITEST_SERVICE_ALLOW=HOST/NAME` allows it.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
/// use itest::service::{AnyService, ContainerOptions, Readiness, ServiceOf};
///
/// /// The search engine.
/// struct Search;
///
/// impl AnyService for Search {
///     const NAME: &str = "Elasticsearch";
///     const VARIABLE: &str = "TEST_ELASTICSEARCH";
///     const PORT: u16 = 9200;
///     const IMAGE: Option<&str> = Some("elasticsearch:8.15.0");
///
///     fn container(options: ContainerOptions) -> ContainerOptions {
///         options.env("discovery.type", "single-node").env("xpack.security.enabled", "false")
///     }
///
///     fn ready() -> Readiness {
///         Readiness::http("/_cluster/health")
///     }
/// }
///
/// #[integration_test]
/// async fn new_index_is_empty(search: &ServiceOf<Search>) -> Result<()> {
///     let index = format!("{}/{}_products", search.url(), search.namespace());
/// #   drop(index);
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub trait AnyService: Send + Sync + 'static {
    /// The name in messages: `Elasticsearch`.
    const NAME: &'static str;

    /// The variable that names the providers, in capital letters: `TEST_ELASTICSEARCH`. The names of itest's own variables begin with
    /// `ITEST_`.
    const VARIABLE: &'static str;

    /// The port on which the service listens unless it is configured otherwise, as in a container.
    const PORT: u16;

    /// The URL of a service that itest has started, with `{host}`, `{port}` and `{password}` in the place of its parts.
    const URL: &'static str = "http://{host}:{port}";

    /// How long the service may take until it is ready.
    const STARTUP_TIMEOUT: Duration = Duration::from_mins(1);

    /// The name of the program that runs the service. It is searched in the folders of `PATH`, `/usr/sbin` and `/usr/local/bin`.
    const PROGRAM: Option<&'static str> = None;

    /// The image of the service: `elasticsearch:8.15.0`.
    const IMAGE: Option<&'static str> = None;

    /// How the namespace of a test is removed from the service after the test. The function has the attribute `#[teardown]`. On a service at
    /// a URL, it is in the ledger before the test begins, so that it also runs if the worker is killed.
    const CLEAN: Option<fn(Namespace) -> Durable<Namespace>> = None;

    /// Creates the files that the program needs in its folder, such as a configuration. It is called before each start.
    ///
    /// # Errors
    ///
    /// When a file cannot be created. The error is that of every test that uses the service.
    fn initialize(private: &PrivateService) -> Result<(), Error> {
        let _ = private;
        Ok(())
    }

    /// Adds the arguments and the variables of the program. `{port}` stands for the port of 127.0.0.1 on which it must listen.
    fn program(program: Program, private: &PrivateService) -> Program {
        let _ = private;
        program
    }

    /// Adds the variables and the arguments of the container.
    fn container(options: ContainerOptions) -> ContainerOptions {
        options
    }

    /// The condition under which the service is ready (default: it accepts connections).
    #[must_use]
    fn ready() -> Readiness {
        Readiness::port()
    }
}
