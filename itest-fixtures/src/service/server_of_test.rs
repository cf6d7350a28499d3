//! A server of the run while a test uses it: the test waits until the server is started again, and fails if the server ends.

use std::time::Duration;

use itest_runtime::Error;

use super::address::Address;
use super::retry::retry;

/// How long a server that has ended may take until a test can use it again.
const RETURN_TIMEOUT: Duration = Duration::from_secs(20);

/// The first pause between two attempts to reach a server.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// Reaches a server. While it is started again, the attempts go on.
///
/// # Errors
///
/// The error of the last attempt, with the end of the log of a server that has ended.
pub(crate) async fn reach<T, F>(address: &Address, attempt: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let may_return = |_: &Error| address.is_private() && !address.is_lost();
    let reached = retry(RETURN_TIMEOUT, FIRST_PAUSE, attempt, may_return).await;
    reached.map_err(|error| Error::new(with_log(address, &error)))
}

/// The text of an error, with the end of the log of a server that has ended.
pub(crate) fn with_log(address: &Address, error: &Error) -> String {
    format!("{error}{}", address.end_of_log().unwrap_or_default())
}

/// A server at the beginning of a test.
#[derive(Debug)]
pub(crate) struct ServerOfTest {
    address: Address,
    ends_before: usize,
}

impl ServerOfTest {
    /// Notes how often the server has ended until now.
    pub(crate) fn new(address: &Address) -> Self {
        Self { address: address.clone(), ends_before: address.ends() }
    }

    /// Fails the test if the server has ended since the test began. `unreachable` is the end of the message if the server cannot be reached now:
    /// one that was started again has ended, too.
    ///
    /// # Errors
    ///
    /// When the server has ended. `name` names it.
    pub(crate) fn check(&self, name: &str, unreachable: Option<String>) -> Result<(), Error> {
        let was_started_again = self.address.ends() > self.ends_before;
        let again = || was_started_again.then(|| "; it was started again".to_owned());
        let Some(consequence) = unreachable.or_else(again) else { return Ok(()) };
        Err(Error::new(format!(
            "{name} has ended while the test used it, so the result of the test means nothing{}{consequence}",
            self.address.reason_of_kill(),
        )))
    }
}
