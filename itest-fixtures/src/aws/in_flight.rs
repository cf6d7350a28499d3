//! The messages that were received, and neither deleted nor returned, when a test ends.

use itest_runtime::{Error, TestInfo};

use super::client::AwsClient;
use super::namespace::Namespace;
use super::queue::counts_of;
use super::resources::{name_of_url, queues};

/// Warns of each queue with messages in flight. A consumer has received them, and has not deleted them.
///
/// # Errors
///
/// When the server does not answer.
pub(super) async fn warn_of_messages_in_flight(
    client: &AwsClient,
    namespace: &Namespace,
    info: &TestInfo,
) -> Result<(), Error> {
    for url in queues(client, namespace).await? {
        // The code under test may delete a queue meanwhile.
        let Ok(counts) = counts_of(client, &url).await else { continue };
        if counts.in_flight > 0 {
            let (messages, were) = if counts.in_flight == 1 { ("message", "was") } else { ("messages", "were") };
            info.warn(format!(
                "{} {messages} of the queue {} {were} received, and neither deleted nor returned to the queue",
                counts.in_flight,
                name_of_url(&url)
            ));
        }
    }
    Ok(())
}
