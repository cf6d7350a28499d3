//! The handshake of a connection with TLS.

use std::io;
use std::sync::Arc;

use rustls::{AlertDescription, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::transport::Transport;

/// Why a handshake has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HandshakeFailure {
    /// The client does not accept the certificate, or supports none of the server's versions and algorithms.
    RefusedByClient(String),
    /// The client sent bytes that are no handshake.
    Invalid(String),
    /// The connection ended.
    Lost,
}

impl HandshakeFailure {
    fn new(error: &io::Error) -> Self {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        match cause {
            Some(rustls::Error::AlertReceived(alert)) => Self::RefusedByClient(in_words(*alert)),
            Some(error @ rustls::Error::PeerIncompatible(_)) => Self::RefusedByClient(error.to_string()),
            Some(error) => Self::Invalid(error.to_string()),
            None => Self::Lost,
        }
    }
}

/// The names of rustls in words: `UnknownCA` is `unknown ca`.
fn in_words(alert: AlertDescription) -> String {
    let name = format!("{alert:?}");
    let mut words = String::new();
    let mut was_lower = false;
    for character in name.chars() {
        if character.is_uppercase() && was_lower {
            words.push(' ');
        }
        was_lower = character.is_lowercase();
        words.extend(character.to_lowercase());
    }
    words
}

/// Performs the handshake of a server.
pub(crate) async fn accept(stream: TcpStream, config: Arc<ServerConfig>) -> Result<Transport, HandshakeFailure> {
    let accepted = TlsAcceptor::from(config).accept(stream).await;
    match accepted {
        Ok(stream) => Ok(Transport::Tls(Box::new(stream))),
        Err(error) => Err(HandshakeFailure::new(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alert_is_shown_in_words() {
        assert_eq!(in_words(AlertDescription::UnknownCA), "unknown ca");
        assert_eq!(in_words(AlertDescription::CertificateExpired), "certificate expired");
    }
}
