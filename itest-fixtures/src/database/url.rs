//! Functions for the URLs of databases.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The URL of a database, and its parts for clients that are not configured by a URL.
#[cfg(feature = "_database-server")]
#[derive(Clone)]
pub(crate) struct DatabaseUrl {
    /// The URL, which may contain a password.
    pub(crate) url: String,
    /// The name or the address of the host, or the folder of a socket of PostgreSQL.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The socket of a MariaDB or MySQL server.
    #[cfg_attr(
        not(feature = "mysql"),
        expect(dead_code, reason = "for PostgreSQL, the host is the folder of the socket")
    )]
    pub(crate) socket: Option<std::path::PathBuf>,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) database: String,
}

#[cfg(feature = "_database-server")]
impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL and the password are left out.
        formatter.debug_struct("DatabaseUrl").field("database", &self.database).finish_non_exhaustive()
    }
}

/// The password in a URL: in front of the host, or as a parameter.
#[cfg(feature = "_database-server")]
pub(crate) fn password_of(url: &str) -> Option<String> {
    let (url, query) = url.split_once('?').unwrap_or((url, ""));
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let account = authority.rsplit_once('@').map(|(account, _)| account);
    let in_account = account.and_then(|account| account.split_once(':')).map(|(_, password)| password);
    let in_query = query.split('&').find_map(|pair| pair.strip_prefix("password="));
    let password = in_query.or(in_account)?;
    Some(percent_encoding::percent_decode_str(password).decode_utf8_lossy().into_owned())
}

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
    fn password_in_a_url_is_decoded() {
        for (url, password) in [
            ("postgres://u:p%40%3A@h:1/d", Some("p@:")),
            ("postgres:///d?user=u&password=p%20q", Some("p q")),
            ("mysql://u:@h/d", Some("")),
            ("mysql://u@h:3306/d?socket=/a:b@c", None),
        ] {
            assert_eq!(password_of(url).as_deref(), password, "{url}");
        }
    }

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
