//! Errors of databases in words: what failed, and everything that the error and its causes tell.

use itest_runtime::Error;

/// `cannot {action}: {error}: {cause}`, where a cause whose text its parent repeats already is left out.
pub(crate) fn failed_to(action: &str, error: &dyn std::error::Error) -> Error {
    let mut text = format!("cannot {action}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    Error::new(text)
}
