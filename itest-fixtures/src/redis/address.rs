//! The URLs of a Redis server.

use url::Url;

use itest_runtime::Error;

#[cfg(feature = "containers")]
use crate::service::container::Container;
use crate::service::url::{ENCODE, is_readable, url_of};
use crate::service::{Address, PrivateServer};

/// The schemes of the URLs of Redis.
pub(super) const SCHEMES: &[&str] = &["redis://", "rediss://", "valkey://", "valkeys://"];

/// The port of a URL without one.
const DEFAULT_PORT: u16 = 6379;

/// The user that itest logs in as on a private server. The tests use the user `default`.
pub(super) const ADMINISTRATOR: &str = "itest";

/// The URL of a server, with the password of itest's own connections.
#[derive(Debug, Clone)]
pub(super) struct ServerUrl(Url);

impl ServerUrl {
    /// The URL of the server at an address.
    ///
    /// # Errors
    ///
    /// When the text in the variable is no URL of Redis.
    pub(super) fn of(address: &Address) -> Result<Self, Error> {
        match address {
            Address::Variable(name) => Self::parse(name, &url_of(name)?),
            Address::Private(server) => Self::private(server),
            #[cfg(feature = "containers")]
            Address::Container(Container { host, port, password, .. }) => {
                Self::new(&format!("redis://:{}@{host}:{port}/0", password.expose()))
            }
        }
    }

    fn parse(variable: &str, text: &str) -> Result<Self, Error> {
        let url = Url::parse(text).ok().filter(|url| is_readable(text, SCHEMES) && url.has_host());
        let url = url.map(Self).filter(|url| url.number().is_some());
        url.ok_or_else(|| {
            Error::new(format!(
                "{variable} is no URL of Redis; write it as redis://user:password@localhost:6379/0, where 0 is the number of a database; \
                 {ENCODE}"
            ))
        })
    }

    fn private(server: &PrivateServer) -> Result<Self, Error> {
        let port = server.port().unwrap_or(DEFAULT_PORT);
        Self::new(&format!("redis://{ADMINISTRATOR}:{}@127.0.0.1:{port}/0", server.password()?.expose()))
    }

    /// A URL that itest has composed.
    ///
    /// # Errors
    ///
    /// When the text is no URL.
    pub(super) fn new(text: &str) -> Result<Self, Error> {
        // The error does not contain the text, because the text contains the password.
        Url::parse(text)
            .map(Self)
            .map_err(|error| Error::new(format!("the address of a Redis server is no URL: {error}")))
    }

    /// The number of the database, or `None` if the path of the URL is no number.
    fn number(&self) -> Option<u32> {
        match self.0.path().trim_matches('/') {
            "" => Some(0),
            path => path.parse().ok(),
        }
    }

    /// The host, as a part of a URL.
    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port.
    pub(super) fn port(&self) -> u16 {
        self.0.port().unwrap_or(DEFAULT_PORT)
    }

    /// The number of the database.
    pub(super) fn database(&self) -> u32 {
        self.number().unwrap_or_default()
    }

    /// The user, percent-decoded. `None` for the default user.
    pub(super) fn user(&self) -> Option<String> {
        Some(decode(self.0.username())).filter(|user| !user.is_empty())
    }

    /// The password, percent-decoded.
    pub(super) fn password(&self) -> Option<String> {
        self.0.password().map(decode)
    }

    /// Host and port for a message.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }

    /// The same server with another database.
    pub(super) fn with_database(&self, number: u32) -> Self {
        let mut url = self.0.clone();
        url.set_path(&format!("/{number}"));
        Self(url)
    }

    /// The same server with the user `default` and its password.
    pub(super) fn with_default_user(&self, password: &str) -> Self {
        self.with_user("", password)
    }

    /// The same server with another user and its password.
    pub(super) fn with_user(&self, name: &str, password: &str) -> Self {
        let mut url = self.0.clone();
        // These setters fail only for a URL without a host.
        let _ = url.set_username(name);
        let _ = url.set_password(Some(password));
        Self(url)
    }

    /// The text, with the password.
    pub(super) fn expose(&self) -> &str {
        self.0.as_str()
    }
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_and_user_of_a_url_are_replaced() {
        let url = ServerUrl::parse("V", "redis://ann:s%2Fcret@cache.test:7000/3?protocol=resp3").unwrap();
        assert_eq!((url.host(), url.port(), url.database()), ("cache.test", 7000, 3));
        assert_eq!(url.password().as_deref(), Some("s/cret"));
        assert_eq!(url.with_database(7).expose(), "redis://ann:s%2Fcret@cache.test:7000/7?protocol=resp3");
        let default = ServerUrl::parse("V", "redis://localhost").unwrap().with_default_user("pw");
        assert_eq!(default.with_database(1).expose(), "redis://:pw@localhost/1");
        assert_eq!(default.place(), "localhost:6379");
    }

    #[test]
    fn wrong_url_is_an_error_without_its_password() {
        let wrong = [
            "",
            "localhost:6379",
            "http://h:1",
            "redis://",
            "redis://h/shop",
            "redis://:s3cret/x@h:6379/0",
            "redis://h:99999",
        ];
        for text in wrong {
            let message = ServerUrl::parse("ITEST_REDIS_URL", text).unwrap_err().to_string();
            assert!(message.starts_with("ITEST_REDIS_URL is no URL of Redis; write it as"), "{text}: {message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }
}
