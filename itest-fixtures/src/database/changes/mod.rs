//! Shows the rows that a failed test changed in its database (`--show-data`).

mod contents;
mod difference;

use std::fmt::Display;
use std::time::Duration;

pub(crate) use contents::{Contents, contents};
use difference::difference;
use itest_runtime::TestInfo;

/// How long reading the rows may take. The test's teardown waits for it.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The heading under which reports show the changed rows.
const TITLE: &str = "rows that the test changed";

/// Adds a note about the changed rows to the test's report, or the reason why they cannot be shown.
pub(crate) async fn note_changes<E: Display>(
    info: &TestInfo,
    before: &Contents,
    after: impl Future<Output = Result<Contents, E>>,
) {
    let text = match tokio::time::timeout(READ_TIMEOUT, after).await {
        Ok(Ok(after)) => difference(before, &after),
        Ok(Err(error)) => format!("they cannot be shown: {error}"),
        Err(_) => format!("they cannot be read within {READ_TIMEOUT:?}"),
    };
    info.add_note(TITLE, text);
}
