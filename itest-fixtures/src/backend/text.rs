//! What a database said, as people want to read it.

/// An error of sqlx in words: the database's own where it has some, without codes and without lines of its source.
pub(crate) fn describe(error: &sqlx::Error) -> String {
    let sqlx::Error::Database(said) = error else { return chain(error) };
    #[cfg(feature = "postgres")]
    if let Some(said) = said.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        let mut text = said.message().to_owned();
        for more in [said.detail(), said.hint()].into_iter().flatten() {
            text = format!("{}; {}", text.trim_end_matches('.'), more.trim_end_matches('.'));
        }
        return text;
    }
    said.message().to_owned()
}

/// An error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}
