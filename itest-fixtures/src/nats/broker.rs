//! NATS as a broker of messages.

use std::net::SocketAddr;

use itest_runtime::Error;

use super::client::Client;
use super::subject;
use super::wire::NatsReader;
use crate::messages::{BoxFuture, Content, FrameReader, Protocol, Publisher, TappedProtocol};

/// The server of one test, as a broker.
#[derive(Debug)]
pub(super) struct NatsBroker(pub(super) Publisher<Client>);

impl Protocol for NatsBroker {
    fn name(&self) -> &'static str {
        "nats"
    }

    fn matches(&self, pattern: &str, topic: &str) -> bool {
        subject::matches(pattern, topic)
    }

    fn publish<'c>(&'c self, content: &'c Content) -> BoxFuture<'c, Result<(), Error>> {
        Box::pin(async move {
            subject::check(content)?;
            self.0.publish(content).await
        })
    }

    fn close(&self) {
        self.0.close();
    }
}

impl TappedProtocol for NatsBroker {
    fn reader(&self) -> Box<dyn FrameReader> {
        Box::new(NatsReader::new(self.0.login().cloned()))
    }

    fn address(&self) -> SocketAddr {
        self.0.address()
    }
}
