//! The host and the port of a server, and the login of the tests, for services whose URLs need neither a path nor parameters.

use std::net::{Ipv4Addr, SocketAddr};

use itest_runtime::Error;
use tokio::net::lookup_host;
use url::Url;

use super::address::Address;
use super::definition::Service;
use super::login::Login;
use super::url::{ENCODE, is_readable, url_of};
use crate::failure::{failed_to, with_action};

/// The host and the port of a server, and the login of the tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerAddress {
    host: String,
    port: u16,
    pub(crate) login: Option<Login>,
}

impl ServerAddress {
    /// The address of a server. `user` is the one that logs in on a server that itest has started.
    ///
    /// # Errors
    ///
    /// When the text in the variable is no URL of the service, or the password of a private server cannot be read.
    pub(crate) fn of<S: Service>(address: &Address, user: &str) -> Result<Self, Error> {
        let login = |password: &str| Some(Login { user: user.to_owned(), password: Some(password.to_owned()) });
        match address {
            Address::Variable(name) => parse(&url_of(name)?, S::URL_SCHEMES, S::PORT).ok_or_else(|| {
                let (name_of_service, port) = (S::NAME, S::PORT);
                let scheme = S::URL_SCHEMES.first().copied().unwrap_or_default();
                Error::new(format!(
                    "{name} is no URL of {name_of_service}; write it as {scheme}user:password@localhost:{port}; servers with TLS cannot be \
                     used; {ENCODE}"
                ))
            }),
            Address::Private(server) => {
                let (host, port) = (Ipv4Addr::LOCALHOST.to_string(), server.port().unwrap_or(S::PORT));
                Ok(Self { host, port, login: login(server.password()?.expose()) })
            }
            #[cfg(feature = "containers")]
            Address::Container(container) => {
                let login = login(container.password.expose());
                Ok(Self { host: container.host.clone(), port: container.port, login })
            }
        }
    }

    /// The host, as a part of a URL.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[cfg(feature = "any-service")]
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Host and port for a message.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The address, with the host's name resolved.
    ///
    /// # Errors
    ///
    /// When the name has no address.
    pub(crate) async fn resolve(&self) -> Result<SocketAddr, Error> {
        let action = format!("find the address of {}", self.host);
        let addresses = lookup_host((self.host.as_str(), self.port)).await;
        let mut addresses = addresses.map_err(|error| failed_to(&action, &error))?;
        addresses.next().ok_or_else(|| with_action(&action, "the name has no address"))
    }
}

#[cfg(any(feature = "_api-server", feature = "any-service"))]
impl ServerAddress {
    /// The same host and login at another port.
    #[cfg(feature = "_api-server")]
    pub(crate) fn at_port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// The same place with this login, unless it has one.
    #[cfg(feature = "_api-server")]
    pub(crate) fn or_login(self, login: Option<Login>) -> Self {
        Self { login: self.login.or(login), ..self }
    }

    /// The address that a URL names, or `None` if the text is no URL of one of these schemes.
    pub(crate) fn parse(text: &str, schemes: &[&str], default_port: u16) -> Option<Self> {
        parse(text, schemes, default_port)
    }
}

/// The address that a URL names, or `None` if the text is no URL of one of these schemes.
fn parse(text: &str, schemes: &[&str], default_port: u16) -> Option<ServerAddress> {
    let url = Url::parse(text).ok().filter(|url| is_readable(text, schemes) && url.has_host())?;
    let login = match (url.username(), url.password()) {
        ("", None) => None,
        (user, password) => Some(Login::decode(user, password)),
    };
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    Some(ServerAddress { host, port: url.port().unwrap_or(default_port), login })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_and_login_are_read_from_the_url() {
        let login = |user: &str, password: Option<&str>| {
            Some(Login { user: user.to_owned(), password: password.map(str::to_owned) })
        };
        for (given, place, login) in [
            ("a://localhost", "localhost:7", None),
            ("a://u@h:1", "h:1", login("u", None)),
            ("a://u:p%40@h:1", "h:1", login("u", Some("p@"))),
            ("a://[::1]:1", "::1:1", None),
        ] {
            let address = parse(given, &["a://"], 7).unwrap();
            assert_eq!((address.place().as_str(), address.login), (place, login), "{given}");
        }
    }

    #[test]
    fn text_that_is_no_url_of_the_service_is_refused() {
        for text in ["", "localhost:7", "b://h", "a://", "a://u:s3cret/x@h"] {
            assert_eq!(parse(text, &["a://"], 7), None, "{text}");
        }
    }
}
