//! The addresses of a cluster's brokers, and the login of its clients.

use std::fmt;

use itest_runtime::Error;

use crate::service::Login;
use crate::service::url::ENCODE;

/// The port of a broker whose address names none.
const DEFAULT_PORT: u16 = 9092;

/// The scheme of the URLs of Kafka.
pub(super) const SCHEME: &str = "kafka://";

/// The host and the port of a broker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) port: u16,
}

/// The brokers that a client asks for the other brokers of a cluster, and its login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bootstrap {
    pub(super) servers: Vec<Endpoint>,
    pub(super) login: Option<Login>,
}

impl Endpoint {
    /// Reads `host:port`, `[IPv6]:port` or `host`.
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                (host, rest.strip_prefix(':'))
            }
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(DEFAULT_PORT), str::parse).ok()?;
        let is_host = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
        is_host.then(|| Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(formatter, "[{host}]:{port}") } else { write!(formatter, "{host}:{port}") }
    }
}

impl Bootstrap {
    /// The cluster at these addresses, separated by commas, without a login.
    #[cfg(feature = "kafka-mock")]
    pub(super) fn at(servers: &str) -> Option<Self> {
        Self::parse(&format!("{SCHEME}{servers}"))
    }

    /// The cluster of the URL in a variable.
    ///
    /// # Errors
    ///
    /// When the text is no URL of Kafka. The error does not contain the text, which may have a password.
    pub(super) fn of_url(variable: &str, url: &str) -> Result<Self, Error> {
        Self::parse(url).ok_or_else(|| {
            Error::new(format!(
                "{variable} is no URL of Kafka; write it as {SCHEME}host:port, or {SCHEME}user:password@host:port,host:port; brokers with \
                 TLS cannot be used; {ENCODE}"
            ))
        })
    }

    fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix(SCHEME)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, servers) = match rest.rsplit_once('@') {
            None => (None, rest),
            Some((login, servers)) => {
                let (user, password) = login.split_once(':')?;
                // A password that is not encoded would otherwise be read as something else.
                let is_encoded = !login.contains(['/', '?', '#', '@', ',']);
                is_encoded.then_some((Some(Login::decode(user, Some(password))), servers))?
            }
        };
        let servers: Option<Vec<_>> = servers.split(',').map(|server| Endpoint::parse(server.trim())).collect();
        Some(Self { servers: servers?, login })
    }

    /// The addresses for clients, separated by commas.
    pub(super) fn addresses(&self) -> String {
        self.servers.iter().map(Endpoint::to_string).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_names_several_brokers_and_one_login() {
        for (url, addresses, user) in [
            ("kafka://localhost", "localhost:9092", None),
            ("kafka://a:1,b:2/", "a:1,b:2", None),
            ("kafka://[::1]:1, b", "[::1]:1,b:9092", None),
            ("kafka://ann:p%40s@a:1,b:2", "a:1,b:2", Some(("ann", "p@s"))),
        ] {
            let bootstrap = Bootstrap::parse(url).unwrap();
            assert_eq!(bootstrap.addresses(), addresses, "{url}");
            let login =
                bootstrap.login.as_ref().and_then(|login| Some((login.user.as_str(), login.password.as_deref()?)));
            assert_eq!(login, user, "{url}");
        }
    }

    #[test]
    fn text_that_is_no_url_of_kafka_is_refused_and_not_shown() {
        for url in [
            "",
            "localhost:9092",
            "kafka://",
            "kafka://a:b",
            "kafka://a,",
            "kafka://a/b",
            "kafka://u:s3/cret@a",
            "kafka://u@a",
        ] {
            let error = Bootstrap::of_url("ITEST_KAFKA_URL", url).unwrap_err().to_string();
            assert!(
                error.starts_with("ITEST_KAFKA_URL is no URL of Kafka; write it as kafka://") && !error.contains("s3"),
                "{url}"
            );
        }
    }
}
