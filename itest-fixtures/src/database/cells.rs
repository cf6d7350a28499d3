//! Converts the rows of any database to text.

use sqlx::{ColumnIndex, Decode, Row, Type};

/// The cells of a row as text. A value that is not valid text becomes hexadecimal digits after `0x`.
pub(crate) fn cells<'r, R: Row>(row: &'r R) -> Result<Vec<Option<String>>, sqlx::Error>
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

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
