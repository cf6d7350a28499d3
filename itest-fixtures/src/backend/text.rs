//! What a database said, as people want to read it.

#[cfg(feature = "migrations")]
use sqlx::{ColumnIndex, Decode, Row, Type};

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

/// The cells of a row as text; what is no text is hexadecimal.
#[cfg(feature = "migrations")]
pub(super) fn cells<'r, R: Row>(row: &'r R) -> Result<Vec<Option<String>>, sqlx::Error>
where
    usize: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    let cell = |index: usize| match row.try_get_unchecked::<Option<String>, _>(index) {
        Ok(text) => Ok(text),
        Err(sqlx::Error::ColumnDecode { .. }) => {
            let bytes: Option<Vec<u8>> = row.try_get_unchecked(index)?;
            Ok(bytes.map(|bytes| hexadecimal(&bytes)))
        }
        Err(error) => Err(error),
    };
    (0..row.len()).map(cell).collect()
}

#[cfg(feature = "migrations")]
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
