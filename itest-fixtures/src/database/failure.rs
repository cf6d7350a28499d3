//! Errors of databases in words: what failed, and everything that the error and its causes tell.

use itest_runtime::Error;

/// `cannot {action}: {error}: {cause}`, where a cause whose text its parent repeats already is left out.
pub(crate) fn failed_to(action: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    let mut text = format!("cannot {action}");
    let mut next = Some(error);
    while let Some(error) = next {
        let message = told(error);
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        next = if said_by_server(error).is_some() { None } else { error.source() };
    }
    Error::new(text)
}

/// An error in words. What a server says comes without the line of its own source, which would be taken for one of the statement.
pub(crate) fn told(error: &(dyn std::error::Error + 'static)) -> String {
    said_by_server(error).map_or_else(|| error.to_string(), |said| format!("error returned from database: {said}"))
}

fn said_by_server<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e str> {
    match error.downcast_ref::<sqlx::Error>()? {
        sqlx::Error::Database(said) => Some(said.message()),
        _ => None,
    }
}
