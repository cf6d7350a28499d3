//! The clients of the code under test.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use itest::prelude::*;
use rumqttc::{AsyncClient, ConnectionError, Event, Incoming, MqttOptions, Publish, QoS};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Numbers the clients of this process, because two clients with the same name would disconnect each other.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A client of MQTT 3.1.1, whose connection a task serves. It connects again when its connection is lost.
pub(crate) struct Device {
    pub(crate) client: AsyncClient,
    received: mpsc::UnboundedReceiver<Publish>,
    serving: JoinHandle<()>,
}

impl Device {
    /// A client whose session ends with its connection.
    pub(crate) fn new(events: &Mqtt) -> Self {
        let name = format!("device-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self::with(options(events, &name))
    }

    pub(crate) fn with(options: MqttOptions) -> Self {
        let (client, mut connection) = AsyncClient::new(options, 100);
        let (sender, received) = mpsc::unbounded_channel();
        let serving = tokio::spawn(async move {
            loop {
                match connection.poll().await {
                    Ok(Event::Incoming(Incoming::Publish(message))) => {
                        // The test may have dropped the receiver already.
                        let _ = sender.send(message);
                    }
                    Ok(_) => {}
                    Err(ConnectionError::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => return,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        });
        Self { client, received, serving }
    }

    pub(crate) async fn send(&self, topic: &str, body: &str) -> Result {
        Ok(self.client.publish(topic, QoS::AtLeastOnce, false, body).await?)
    }

    /// Subscribes, and waits until the broker has granted it.
    pub(crate) async fn subscribe(&self, filter: &str, events: &Mqtt, topic: &str) -> Result {
        self.client.subscribe(filter, QoS::AtLeastOnce).await?;
        events.expect_consumers(topic, 1).await?;
        Ok(())
    }

    /// The next message that the client gets.
    pub(crate) async fn next(&mut self) -> Result<Publish> {
        let next = tokio::time::timeout(Duration::from_secs(5), self.received.recv()).await;
        Ok(next.map_err(|_| "no message within 5 seconds")?.ok_or("the client has ended")?)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The options of a client that has no user and no password.
pub(crate) fn options(events: &Mqtt, name: &str) -> MqttOptions {
    let mut options = MqttOptions::new(name, events.address().ip().to_string(), events.address().port());
    options.set_max_packet_size(2_000_000, 2_000_000);
    options
}

#[fixture]
fn device(events: &Mqtt) -> Device {
    Device::new(events)
}
