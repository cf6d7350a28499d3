//! Where a proxy leads to, and the URL that leads through it.

use std::net::SocketAddr;
use std::path::PathBuf;

use itest_runtime::__private::redacted;
use itest_runtime::Error;
use percent_encoding::percent_decode_str;
use url::Url;

/// The service behind a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upstream {
    /// The name of the service in reports: the scheme of its URL.
    pub(super) name: String,
    pub(super) address: UpstreamAddress,
    pub(super) protocol: Protocol,
}

/// The address of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UpstreamAddress {
    /// A host, or an IP address, and a port.
    Tcp(String, u16),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// What a proxy knows about the bytes that pass it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Statements are seen one by one.
    Postgres,
    /// Only connections are seen.
    Opaque,
}

/// The parameters of a database's URL that do not apply to the proxy.
const REPLACED: [&str; 12] = [
    "channel_binding",
    "host",
    "hostaddr",
    "port",
    "socket",
    "ssl-ca",
    "ssl-mode",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
];

/// The ports of services whose URLs often have none.
const DEFAULT_PORTS: [(&str, u16); 10] = [
    ("amqp", 5672),
    ("http", 80),
    ("mariadb", 3306),
    ("mongodb", 27017),
    ("mqtt", 1883),
    ("mysql", 3306),
    ("nats", 4222),
    ("postgres", 5432),
    ("postgresql", 5432),
    ("redis", 6379),
];

impl Upstream {
    /// Parses a URL, or `host:port`. Returns the service, and a function that makes the URL through a proxy.
    ///
    /// # Errors
    ///
    /// When the text is neither, or names no port.
    pub(super) fn parse(text: &str) -> Result<(Self, ThroughProxy), Error> {
        if !text.contains("://") {
            let url = parsed(&format!("tcp://{text}"), text)?;
            let address = UpstreamAddress::Tcp(host(&url, text)?, port(&url, text)?);
            let upstream = Self { name: text.to_owned(), address, protocol: Protocol::Opaque };
            return Ok((upstream, ThroughProxy::Address));
        }
        let mut url = parsed(text, text)?;
        let is_postgres = matches!(url.scheme(), "postgres" | "postgresql");
        let mut parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let socket = socket(&url, &parameters, is_postgres);
        let address = match socket {
            Some(socket) => UpstreamAddress::Unix(socket),
            None => UpstreamAddress::Tcp(
                parameter(&parameters, "host").filter(|_| is_postgres).map_or_else(|| host(&url, text), Ok)?,
                match parameter(&parameters, "port").filter(|_| is_postgres) {
                    Some(given) => given.parse().map_err(|_| refusal(text))?,
                    None => port(&url, text)?,
                },
            ),
        };
        if is_postgres || matches!(url.scheme(), "mysql" | "mariadb") {
            parameters.retain(|(name, _)| !REPLACED.contains(&name.as_str()));
            let disabled = if is_postgres { ("sslmode", "disable") } else { ("ssl-mode", "DISABLED") };
            parameters.push((disabled.0.to_owned(), disabled.1.to_owned()));
            url.set_query(None);
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let protocol = if is_postgres { Protocol::Postgres } else { Protocol::Opaque };
        let name = if is_postgres { "postgres".to_owned() } else { url.scheme().to_owned() };
        Ok((Self { name, address, protocol }, ThroughProxy::Url(Box::new(url))))
    }
}

/// Makes the URL that leads through a proxy.
#[derive(Debug)]
pub(super) enum ThroughProxy {
    /// The address of the proxy.
    Address,
    /// This URL, with the address of the proxy.
    Url(Box<Url>),
}

impl ThroughProxy {
    /// The URL through the proxy for the given URL of the service.
    pub(super) fn url(self, given: &str, proxy: SocketAddr) -> String {
        let Self::Url(mut url) = self else { return proxy.to_string() };
        // The setters refuse only URLs that have no host, and such a URL is refused when it is parsed.
        let user = (url.username().to_owned(), url.password().map(str::to_owned));
        let _ = url.set_host(Some(&proxy.ip().to_string()));
        let _ = url.set_port(Some(proxy.port()));
        let _ = url.set_username(&user.0);
        let _ = url.set_password(user.1.as_deref());
        let through = url.to_string();
        // The parser adds a slash to a URL without a path, and a client that appends `/orders` would then request `//orders`.
        match through.strip_suffix('/') {
            Some(without_slash) if !given.ends_with('/') => without_slash.to_owned(),
            _ => through,
        }
    }
}

fn parsed(url: &str, text: &str) -> Result<Url, Error> {
    // The parser's message is left out, because it may quote the password.
    Url::parse(url).map_err(|_| refusal(text))
}

fn refusal(text: &str) -> Error {
    Error::new(format!(
        "{:?} is no address of a service; it looks like redis://127.0.0.1:6379 or 127.0.0.1:6379",
        redacted(text)
    ))
}

fn host(url: &Url, text: &str) -> Result<String, Error> {
    match url.host_str() {
        Some(host) if !host.is_empty() => Ok(host.trim_matches(['[', ']']).to_owned()),
        _ => Err(refusal(text)),
    }
}

fn port(url: &Url, text: &str) -> Result<u16, Error> {
    let default = || DEFAULT_PORTS.iter().find(|(scheme, _)| *scheme == url.scheme()).map(|(_, port)| *port);
    let without_port = || {
        let scheme = url.scheme();
        Error::new(format!("{:?} names no port, and itest knows none for {scheme}: add it", redacted(text)))
    };
    url.port_or_known_default().or_else(default).ok_or_else(without_port)
}

fn parameter(parameters: &[(String, String)], name: &str) -> Option<String> {
    parameters.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone())
}

/// The path of the Unix socket that a database's URL names.
fn socket(url: &Url, parameters: &[(String, String)], is_postgres: bool) -> Option<PathBuf> {
    if !is_postgres {
        return parameter(parameters, "socket").map(PathBuf::from);
    }
    let in_host = || url.host_str().map(|host| percent_decode_str(host).decode_utf8_lossy().into_owned());
    let folder = parameter(parameters, "host").or_else(in_host).filter(|host| host.starts_with('/'))?;
    let port = parameter(parameters, "port").or_else(|| url.port().map(|port| port.to_string()));
    Some(PathBuf::from(folder).join(format!(".s.PGSQL.{}", port.as_deref().unwrap_or("5432"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(text: &str) -> (Upstream, String) {
        let (upstream, through) = Upstream::parse(text).unwrap();
        (upstream, through.url(text, "127.0.0.1:9".parse().unwrap()))
    }

    #[test]
    fn host_and_port_are_replaced() {
        for (given, address, expected) in [
            ("redis://:pw@cache/0", ("cache", 6379), "redis://:pw@127.0.0.1:9/0"),
            ("amqp://u:p@h:1/vhost", ("h", 1), "amqp://u:p@127.0.0.1:9/vhost"),
            ("127.0.0.1:6379", ("127.0.0.1", 6379), "127.0.0.1:9"),
            ("[::1]:6379", ("::1", 6379), "127.0.0.1:9"),
            ("tcp://h:1", ("h", 1), "tcp://127.0.0.1:9"),
            ("http://h/a?b=c", ("h", 80), "http://127.0.0.1:9/a?b=c"),
            ("http://h:80", ("h", 80), "http://127.0.0.1:9"),
            ("http://h:80/", ("h", 80), "http://127.0.0.1:9/"),
        ] {
            let (upstream, url) = through(given);
            assert_eq!(upstream.address, UpstreamAddress::Tcp(address.0.to_owned(), address.1), "{given}");
            assert_eq!(upstream.protocol, Protocol::Opaque, "{given}");
            assert_eq!(url, expected);
        }
    }

    #[test]
    fn url_of_postgres_leads_to_its_socket_and_asks_for_no_tls() {
        for (given, address, expected) in [
            (
                "postgres:///db?host=/tmp/x&port=1&user=u",
                UpstreamAddress::Unix("/tmp/x/.s.PGSQL.1".into()),
                "postgres://127.0.0.1:9/db?user=u&sslmode=disable",
            ),
            (
                "postgres://u:p%23@h/db?sslmode=require&options=-c%20a%3Db",
                UpstreamAddress::Tcp("h".to_owned(), 5432),
                "postgres://u:p%23@127.0.0.1:9/db?options=-c+a%3Db&sslmode=disable",
            ),
            (
                "postgres://u@%2Ftmp%2Fx:7/db",
                UpstreamAddress::Unix("/tmp/x/.s.PGSQL.7".into()),
                "postgres://u@127.0.0.1:9/db?sslmode=disable",
            ),
            (
                "mysql://root@localhost/db?socket=%2Ftmp%2Fs",
                UpstreamAddress::Unix("/tmp/s".into()),
                "mysql://root@127.0.0.1:9/db?ssl-mode=DISABLED",
            ),
        ] {
            let (upstream, url) = through(given);
            assert_eq!((upstream.address, url.as_str()), (address, expected), "{given}");
        }
    }

    #[test]
    fn text_that_is_no_address_is_refused_without_its_password() {
        for text in ["", "h", "://", "redis://", "tcp://h", "amqp://u:s3cret@:x", "h:99999", "unknown://h"] {
            let message = Upstream::parse(text).unwrap_err().to_string();
            let is_refusal = message.contains("is no address of a service") || message.contains("names no port");
            assert!(is_refusal && !message.contains("s3cret"), "{text}: {message}");
        }
    }
}
