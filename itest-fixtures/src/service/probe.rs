//! A probe of a server with a time limit.

use std::time::Duration;

use itest_runtime::Error;
use tokio::time::timeout;

use super::address::Address;
use super::definition::Service;

/// How long one attempt may take. A request that is sent before the server is ready may never be answered.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Checks once whether a server answers.
///
/// # Errors
///
/// The reason why it does not.
pub(crate) async fn probe_once<S: Service>(address: &Address) -> Result<(), Error> {
    let answered = timeout(ATTEMPT_TIMEOUT, S::probe(address)).await;
    answered.unwrap_or_else(|_| Err(Error::new(format!("no answer within {ATTEMPT_TIMEOUT:?}"))))
}
