//! An endpoint that accepts connections with TLS and without, at the same port.

use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use itest_runtime::Error;
use rustls::ServerConfig;
use tokio::net::TcpStream;

use super::bad_certificate::BadCertificate;
use super::handshake::{HandshakeFailure, accept};
use super::issuer::ProcessIssuer;
use crate::transport::Transport;

/// The first byte of a handshake (RFC 8446, section 5.1). No request of HTTP begins with it.
const HANDSHAKE: u8 = 0x16;

/// The TLS of an endpoint. It is off until a test enables it. From then on, the first byte of a connection decides whether the connection uses
/// TLS.
#[derive(Debug, Default)]
pub(crate) struct EndpointTls {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    config: Option<Arc<ServerConfig>>,
    bad: Option<PresentedCertificate>,
}

/// A bad certificate that an endpoint presents.
#[derive(Debug)]
struct PresentedCertificate {
    bad: BadCertificate,
    location: &'static Location<'static>,
    handshakes: usize,
}

/// A bad certificate that no client has seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NeverPresented {
    pub(crate) bad: BadCertificate,
    pub(crate) location: &'static Location<'static>,
}

impl EndpointTls {
    /// Accepts TLS from now on, with a good certificate, unless the endpoint accepts it already.
    pub(crate) fn enable(&self) -> Result<(), Error> {
        let mut state = self.lock();
        if state.config.is_none() {
            state.config = Some(ProcessIssuer::get()?.good_config()?);
        }
        Ok(())
    }

    /// Accepts TLS from now on, with a bad certificate.
    pub(crate) fn present(&self, bad: BadCertificate, location: &'static Location<'static>) -> Result<(), Error> {
        let config = ProcessIssuer::get()?.bad_config(bad)?;
        let bad = Some(PresentedCertificate { bad, location, handshakes: 0 });
        *self.lock() = State { config: Some(config), bad };
        Ok(())
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.lock().config.is_some()
    }

    /// The bad certificate that the endpoint presents, if no client has begun a handshake with it.
    pub(crate) fn never_presented(&self) -> Option<NeverPresented> {
        let state = self.lock();
        let unseen = state.bad.as_ref().filter(|presented| presented.handshakes == 0);
        unseen.map(|presented| NeverPresented { bad: presented.bad, location: presented.location })
    }

    /// Accepts a connection, with TLS if the client begins a handshake and TLS is enabled.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<Transport, HandshakeFailure> {
        if !self.is_enabled() {
            return Ok(Transport::Plain(stream));
        }
        let mut first = [0];
        let peeked = stream.peek(&mut first).await;
        // If the connection has failed or ended, the next read reports that.
        if peeked.is_err() || first != [HANDSHAKE] {
            return Ok(Transport::Plain(stream));
        }
        match self.begin_handshake() {
            Some(config) => accept(stream, config).await,
            None => Ok(Transport::Plain(stream)),
        }
    }

    fn begin_handshake(&self) -> Option<Arc<ServerConfig>> {
        let mut state = self.lock();
        if let Some(bad) = &mut state.bad {
            bad.handshakes += 1;
        }
        state.config.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
