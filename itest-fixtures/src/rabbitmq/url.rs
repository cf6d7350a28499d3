//! The URLs of a virtual host.

use super::virtual_host::VirtualHost;

/// The URL with which a client connects at a place, `host:port`. The names and passwords of itest need no encoding.
pub(super) fn url_of(place: &str, virtual_host: &VirtualHost) -> String {
    let (name, password) = (virtual_host.name(), virtual_host.password());
    format!("amqp://{name}:{password}@{place}/{name}")
}

/// The URL of the management API at a place.
pub(super) fn management_url_of(place: &str, virtual_host: &VirtualHost) -> String {
    let (name, password) = (virtual_host.name(), virtual_host.password());
    format!("http://{name}:{password}@{place}")
}
