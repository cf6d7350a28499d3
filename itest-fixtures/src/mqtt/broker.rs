//! MQTT as a broker of messages.

use std::net::SocketAddr;
use std::sync::Arc;

use itest_runtime::Error;

use super::client::Client;
use super::reader::MqttReader;
use super::topic;
use super::traces::Traces;
use crate::messages::{BoxFuture, Content, FrameReader, Protocol, Publisher, TappedProtocol};

/// The server of one test, as a broker.
#[derive(Debug)]
pub(super) struct MqttBroker {
    pub(super) publisher: Publisher<Client>,
    pub(super) traces: Arc<Traces>,
}

impl Protocol for MqttBroker {
    fn name(&self) -> &'static str {
        "mqtt"
    }

    fn matches(&self, pattern: &str, topic: &str) -> bool {
        topic::matches(pattern, topic)
    }

    fn publish<'c>(&'c self, content: &'c Content) -> BoxFuture<'c, Result<(), Error>> {
        Box::pin(async move {
            topic::check(content)?;
            self.publisher.publish(content).await
        })
    }

    fn close(&self) {
        self.publisher.close();
    }
}

impl TappedProtocol for MqttBroker {
    fn reader(&self) -> Box<dyn FrameReader> {
        Box::new(MqttReader::new(self.publisher.login().cloned(), Arc::clone(&self.traces)))
    }

    fn address(&self) -> SocketAddr {
        self.publisher.address()
    }

    fn note_closed_connection(&self) {
        self.traces.note_closed_connection();
    }
}
