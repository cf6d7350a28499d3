//! Where a history is: a file, or a database by its URL.

use std::path::Path;

/// A place that can be connected to, and its name for people, which has no secrets in it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    url: String,
    label: String,
    kind: Kind,
}

/// Which database it is.
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
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(byte);
        let encode = |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") };
        let encoded: String = path.as_os_str().as_encoded_bytes().iter().copied().map(encode).collect();
        let kind = Kind::Sqlite;
        Self { url: format!("sqlite://{encoded}?mode=rwc"), label: path.display().to_string(), kind }
    }

    /// Takes a URL.
    ///
    /// # Errors
    ///
    /// What was expected. The URL itself may hold a password, and is not repeated.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let expected = || "expected sqlite:FILE or postgres://USER@HOST/DATABASE".to_owned();
        let (scheme, rest) = url.split_once(':').ok_or_else(expected)?;
        if rest.trim_matches('/').is_empty() {
            return Err(expected());
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
                let rest = rest.strip_prefix("//").ok_or_else(expected)?;
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
            _ => Err(expected()),
        }
    }

    /// For the driver, with everything in it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Which database it is.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// For people: without user, password and parameters.
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
    fn a_file_may_have_any_name() {
        let address = Address::of_file(Path::new("/tmp/a b?#%é/history.sqlite"));
        assert_eq!(address.url(), "sqlite:///tmp/a%20b%3f%23%25%c3%a9/history.sqlite?mode=rwc");
        assert_eq!(address.label(), "/tmp/a b?#%é/history.sqlite");
    }

    #[test]
    fn a_url_keeps_its_secrets() {
        let address = Address::parse("sqlite:target/history.sqlite").unwrap();
        assert_eq!(
            (address.url(), address.label()),
            ("sqlite:target/history.sqlite?mode=rwc", "target/history.sqlite")
        );
        for wrong in ["", "history.sqlite", "mysql://root:secret@host/db", "sqlite:", "postgres://"] {
            let complaint = Address::parse(wrong).unwrap_err();
            assert!(complaint.starts_with("expected sqlite:FILE") && !complaint.contains("secret"), "{complaint}");
        }
    }

    #[cfg(feature = "history-postgres")]
    #[test]
    fn a_server_is_named_without_user_and_password() {
        let address = Address::parse("postgres://team:se@cret@db.example:5433/itest?password=secret").unwrap();
        assert_eq!(address.label(), "postgres://db.example:5433/itest");
        assert!(!format!("{address:?}").contains("cret"));
    }
}
