//! A flood of messages, all of which pass the tap.

use std::time::Duration;

use itest::prelude::*;

/// The number of messages of a flood. With the test's first message, they are the most that itest records.
pub(crate) const FLOOD_MESSAGES: usize = 99_999;

/// How long the messages of a flood may take to pass.
const FLOOD_TIMEOUT: Duration = Duration::from_secs(30);

/// Waits until all messages of a flood have passed, besides the test's first message. `published` returns how many messages the tap has seen.
pub(crate) async fn assert_flood_passes(published: impl Fn() -> usize) -> Result<()> {
    eventually(async || published()).within(FLOOD_TIMEOUT).equals(FLOOD_MESSAGES + 1).await?;
    Ok(())
}
