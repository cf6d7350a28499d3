//! Functions for the URLs of databases.

use std::fmt::Write;

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

/// Percent-encodes a text for a path or for a value in a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => encoded.push(byte as char),
            byte => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
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
