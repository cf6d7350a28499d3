//! What a test changed in its database, for a person who looks at its failure: `--show-data`.

mod contents;
mod difference;

use std::fmt::Display;
use std::io::{Write, stderr};
use std::time::Duration;

pub(crate) use contents::{Contents, contents};
use difference::difference;

/// So long reading may take: the database is to be given back.
const LIMIT: Duration = Duration::from_secs(5);

/// Shows on the test's standard error what is there now and was not, and the other way round; or why that cannot be shown.
pub(crate) async fn show_changes<E: Display>(before: &Contents, after: impl Future<Output = Result<Contents, E>>) {
    let told = match tokio::time::timeout(LIMIT, after).await {
        Ok(Ok(after)) => difference(before, &after),
        Ok(Err(error)) => format!("itest: what the test did to its database cannot be shown: {error}\n"),
        Err(_) => format!("itest: what the test did to its database cannot be read within {LIMIT:?}\n"),
    };
    // At once, so that nothing comes between two lines of it. Nobody can be told that the standard error is closed.
    let _ = stderr().write_all(told.as_bytes());
}
