//! Functions for the URLs of databases.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Replaces the database in a URL.
#[cfg(feature = "_database-server")]
pub(crate) fn with_database(url: &str, database: &str) -> String {
    let (url, query) = url.split_once('?').map_or((url, None), |(url, query)| (url, Some(query)));
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split('/').next().unwrap_or_default();
    // A `dbname` in the query would override the name in the path.
    let kept: Vec<_> =
        query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.starts_with("dbname=")).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("{scheme}://{authority}/{}{query}", encoded(database))
}

/// The characters that are encoded in a path or in a value of a query.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'/');

/// Percent-encodes a text for a path or for a value in a query.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(all(test, feature = "_database-server"))]
mod tests {
    use super::*;

    #[test]
    fn database_in_a_url_is_replaced() {
        let cases = [
            ("postgres://u:p@h:1/dev", "postgres://u:p@h:1/x"),
            ("postgres://h", "postgres://h/x"),
            ("postgresql:///dev?host=/tmp&user=u&dbname=dev", "postgresql:///x?host=/tmp&user=u"),
        ];
        for (given, expected) in cases {
            assert_eq!(with_database(given, "x"), expected);
        }
        assert_eq!(with_database("postgres://h/dev", "a b?c#d%"), "postgres://h/a%20b%3Fc%23d%25");
    }
}
