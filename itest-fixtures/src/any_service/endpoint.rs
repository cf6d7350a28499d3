//! Where a service is: its host, its port, its password, and its URL.

use itest_runtime::Error;
use url::Url;

use crate::service::url::{ENCODE, url_of};
use crate::service::{Address, ServerAddress, Service};

/// Where a service is.
#[derive(Debug)]
pub(super) struct Endpoint {
    server: ServerAddress,
    url: String,
}

impl Endpoint {
    /// The place of a service at an address. `template` is the URL of a service that itest has started, with `{host}`, `{port}` and `{password}`
    /// in the place of its parts.
    ///
    /// # Errors
    ///
    /// When the text in the variable is no URL, or the service has ended.
    pub(super) fn of<S: Service>(address: &Address, template: &str) -> Result<Self, Error> {
        if let Address::Variable(name) = address {
            let url = url_of(name)?;
            let server = parse(&url, S::PORT).ok_or_else(|| {
                Error::new(format!(
                    "{name} is no URL of {}; write it as {}; {ENCODE}",
                    S::NAME,
                    with_parts(template, "localhost", S::PORT, "password")
                ))
            })?;
            return Ok(Self { server, url });
        }
        let server = ServerAddress::of::<S>(address, "")?;
        let url = with_parts(template, server.host(), server.port(), password(&server));
        Ok(Self { server, url })
    }

    /// Its URL, with the password.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Its host.
    pub(super) fn host(&self) -> &str {
        self.server.host()
    }

    /// Its port.
    pub(super) fn port(&self) -> u16 {
        self.server.port()
    }

    /// Host and port for a message.
    pub(super) fn place(&self) -> String {
        self.server.place()
    }

    /// Its address for connections.
    pub(super) fn server(&self) -> &ServerAddress {
        &self.server
    }

    /// A text with the host, the port and the password in the place of `{host}`, `{port}` and `{password}`.
    pub(super) fn fill_in(&self, text: &str) -> String {
        with_parts(text, self.host(), self.port(), password(&self.server))
    }

    /// The same for a command in the container of the service, where it listens on its own port.
    #[cfg(feature = "containers")]
    pub(super) fn fill_in_inside(&self, text: &str, port: u16) -> String {
        with_parts(text, "127.0.0.1", port, password(&self.server))
    }
}

fn password(server: &ServerAddress) -> &str {
    server.login.as_ref().and_then(|login| login.password.as_deref()).unwrap_or_default()
}

fn with_parts(text: &str, host: &str, port: u16, password: &str) -> String {
    text.replace("{host}", host).replace("{port}", &port.to_string()).replace("{password}", password)
}

/// The server that a URL with any scheme names.
fn parse(text: &str, default_port: u16) -> Option<ServerAddress> {
    let url = Url::parse(text).ok()?;
    let scheme = format!("{}://", url.scheme());
    ServerAddress::parse(text, &[&scheme], url.port_or_known_default().unwrap_or(default_port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_port_is_that_of_the_scheme_or_of_the_service() {
        let place = |text| parse(text, 9200).map(|server| server.place());
        assert_eq!(place("mongodb://u:p@localhost/db").as_deref(), Some("localhost:9200"));
        assert_eq!(place("http://localhost").as_deref(), Some("localhost:80"));
        assert_eq!(place("http://localhost:9201/x?y=z").as_deref(), Some("localhost:9201"));
        assert_eq!(place("localhost:9200"), None);
        assert_eq!(place("http://u:p/w@localhost"), None);
    }

    #[test]
    fn parts_are_filled_in() {
        assert_eq!(with_parts("a://:{password}@{host}:{port}/{x}", "h", 7, "p"), "a://:p@h:7/{x}");
    }
}
