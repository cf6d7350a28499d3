//! Shows the rows that a failed test changed in its database (`--show-data`).

mod contents;
mod difference;

use std::fmt::Display;
use std::io::{Write, stderr};
use std::time::Duration;

pub(crate) use contents::{Contents, contents};
use difference::difference;

/// How long reading the rows may take. The test's teardown waits for it.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Writes the changed rows to the test's standard error, or the reason why they cannot be shown.
pub(crate) async fn show_changes<E: Display>(before: &Contents, after: impl Future<Output = Result<Contents, E>>) {
    let report = match tokio::time::timeout(READ_TIMEOUT, after).await {
        Ok(Ok(after)) => difference(before, &after),
        Ok(Err(error)) => format!("itest: what the test did to its database cannot be shown: {error}\n"),
        Err(_) => format!("itest: what the test did to its database cannot be read within {READ_TIMEOUT:?}\n"),
    };
    // One write, so that no other output comes between the lines. If the standard error is closed, there is no place to report that.
    let _ = stderr().write_all(report.as_bytes());
}
