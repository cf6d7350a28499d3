//! TLS for the endpoints of a test: certificates that code under test can trust, and bad ones.

mod authority;
mod bad_certificate;
#[cfg(feature = "tls")]
mod endpoint;
mod handshake;
mod issuer;

pub use authority::CertificateAuthority;
pub use bad_certificate::BadCertificate;
#[cfg(feature = "tls")]
pub(crate) use endpoint::{EndpointTls, NeverPresented};
pub(crate) use handshake::HandshakeFailure;
#[cfg(feature = "mail")]
pub(crate) use handshake::accept;
#[cfg(feature = "mail")]
pub(crate) use issuer::server_config;
