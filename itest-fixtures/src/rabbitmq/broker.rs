//! RabbitMQ as a broker of messages.

use std::net::SocketAddr;

use itest_runtime::Error;

use super::client::Client;
use super::reader::AmqpReader;
use super::topic;
use crate::messages::{BoxFuture, Content, FrameReader, Protocol, Publisher, TappedProtocol};

/// The virtual host of one test, as a broker.
#[derive(Debug)]
pub(super) struct RabbitBroker(pub(super) Publisher<Client>);

impl Protocol for RabbitBroker {
    fn name(&self) -> &'static str {
        "rabbitmq"
    }

    fn matches(&self, pattern: &str, topic: &str) -> bool {
        topic::matches(pattern, topic)
    }

    fn publish<'c>(&'c self, content: &'c Content) -> BoxFuture<'c, Result<(), Error>> {
        Box::pin(self.0.publish(content))
    }

    fn close(&self) {
        self.0.close();
    }
}

impl TappedProtocol for RabbitBroker {
    fn reader(&self) -> Box<dyn FrameReader> {
        Box::new(AmqpReader::default())
    }

    fn address(&self) -> SocketAddr {
        self.0.address()
    }
}
