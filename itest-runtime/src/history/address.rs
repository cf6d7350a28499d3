//! The address of a history: a file, or the URL of a database.

use std::path::Path;

/// The URL of the history's database, and a label without secrets that can be shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    url: String,
    label: String,
    kind: Kind,
}

/// The database system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    #[cfg(feature = "history-postgres")]
    Postgres,
}

impl Address {
    /// The history in a file.
    #[must_use]
    pub(crate) fn of_file(path: &Path) -> Self {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(byte);
        let encode = |byte: u8| if is_plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") };
        let encoded: String = path.as_os_str().as_encoded_bytes().iter().copied().map(encode).collect();
        let kind = Kind::Sqlite;
        Self { url: format!("sqlite://{encoded}?mode=rwc"), label: path.display().to_string(), kind }
    }

    /// Parses a URL.
    ///
    /// # Errors
    ///
    /// When the URL is not supported. The message says what was expected; it does not repeat the URL, which may contain
    /// a password.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let expectation = || "expected sqlite:FILE or postgres://USER@HOST/DATABASE".to_owned();
        let (scheme, rest) = url.split_once(':').ok_or_else(expectation)?;
        if rest.trim_matches('/').is_empty() {
            return Err(expectation());
        }
        match scheme {
            "sqlite" => {
                let label = rest.split('?').next().unwrap_or_default().trim_start_matches("//").to_owned();
                let separator = if rest.contains('?') { '&' } else { '?' };
                let mode = if rest.contains("mode=") { String::new() } else { format!("{separator}mode=rwc") };
                Ok(Self { url: format!("{url}{mode}"), label, kind: Kind::Sqlite })
            }
            #[cfg(feature = "history-postgres")]
            "postgres" | "postgresql" => {
                let rest = rest.strip_prefix("//").ok_or_else(expectation)?;
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                let host = authority.rsplit('@').next().unwrap_or_default();
                let database = path.split('?').next().unwrap_or_default();
                let label = format!("postgres://{host}/{database}");
                Ok(Self { url: url.to_owned(), label, kind: Kind::Postgres })
            }
            #[cfg(not(feature = "history-postgres"))]
            "postgres" | "postgresql" => {
                Err("PostgreSQL needs the feature `history-postgres` of itest in this suite's Cargo.toml".to_owned())
            }
            _ => Err(expectation()),
        }
    }

    /// The URL for the database driver, including user and password.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The database system.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The address without user, password and parameters.
    #[must_use]
    pub(crate) fn label(&self) -> &str {
        &self.label
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Address").field(&self.label).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_with_special_characters_is_encoded_in_the_url() {
        let address = Address::of_file(Path::new("/tmp/a b?#%é/history.sqlite"));
        assert_eq!(address.url(), "sqlite:///tmp/a%20b%3f%23%25%c3%a9/history.sqlite?mode=rwc");
        assert_eq!(address.label(), "/tmp/a b?#%é/history.sqlite");
    }

    #[test]
    fn error_for_a_wrong_url_does_not_repeat_the_url() {
        let address = Address::parse("sqlite:target/history.sqlite").unwrap();
        assert_eq!(
            (address.url(), address.label()),
            ("sqlite:target/history.sqlite?mode=rwc", "target/history.sqlite")
        );
        for wrong in ["", "history.sqlite", "mysql://root:secret@host/db", "sqlite:", "postgres://"] {
            let error = Address::parse(wrong).unwrap_err();
            assert!(error.starts_with("expected sqlite:FILE") && !error.contains("secret"), "{error}");
        }
    }

    #[cfg(feature = "history-postgres")]
    #[test]
    fn label_of_a_server_has_no_user_and_no_password() {
        let address = Address::parse("postgres://team:se@cret@db.example:5433/itest?password=secret").unwrap();
        assert_eq!(address.label(), "postgres://db.example:5433/itest");
        assert!(!format!("{address:?}").contains("cret"));
    }
}
