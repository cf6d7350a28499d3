//! The declaration of a suite's exchanges and queues.

use itest_runtime::Error;

/// The exchanges, queues and bindings that each test begins with.
///
/// They are declared once for each worker, and restored after each test: every queue is empty at the beginning of a test.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
/// use itest::rabbitmq::Topology;
///
/// struct ShopTopology;
///
/// impl Topology for ShopTopology {
///     async fn declare(url: &str) -> Result {
///         // The application's own function, or a few calls of its client.
/// #       async fn declare_queues(_: &str) -> Result { Ok(()) }
///         declare_queues(url).await
///     }
/// }
///
/// type ShopEvents = Rabbit<ShopTopology>;
/// ```
pub trait Topology: Send + Sync + 'static {
    /// Declares everything in the virtual host of the URL, which is empty. Queues that end with their connection do not stay.
    ///
    /// # Errors
    ///
    /// When the broker refuses a declaration. All tests that use the topology then fail with this error.
    fn declare(url: &str) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Each test begins without queues, and without exchanges other than those of the broker.
impl Topology for () {
    async fn declare(_: &str) -> Result<(), Error> {
        Ok(())
    }
}
