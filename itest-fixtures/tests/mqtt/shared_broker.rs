//! A broker that nested runs share.

use std::net::SocketAddr;

use itest::Ready;
use itest::prelude::*;
use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, QoS};

/// A broker that is shared by nested runs.
pub(crate) struct SharedBroker {
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
}

impl SharedBroker {
    /// Starts a broker with these further lines of its configuration.
    pub(crate) async fn start(configuration: &str, teardown: &Teardown) -> Result<Self> {
        // The shell adds the port, which the program chooses.
        let start = "printf 'listener %s 127.0.0.1\npersistence false\nuser root\n%s\n' \"$1\" \"$0\" | mosquitto -c /dev/stdin";
        let program = Program::new("/bin/sh")
            .port("PORT")
            .args(["-c", start, configuration, "{port}"])
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/sbin")
            .current_dir("/")
            .ready_when(Ready::port("PORT"))
            .start(teardown)
            .await?;
        let address = program.address("PORT")?;
        Ok(Self { url: format!("mqtt://{address}"), address })
    }

    /// Publishes a retained message as another user of the broker does.
    pub(crate) async fn retain(&self, topic: &str, body: &str) -> Result {
        let options = MqttOptions::new("other", self.address.ip().to_string(), self.address.port());
        let (client, mut connection) = AsyncClient::new(options, 10);
        client.publish(topic, QoS::AtLeastOnce, true, body).await?;
        while !matches!(connection.poll().await?, Event::Incoming(Incoming::PubAck(_))) {}
        Ok(())
    }

    /// The topics of the retained messages.
    pub(crate) async fn retained(&self) -> Result<Vec<String>> {
        let options = MqttOptions::new("reader", self.address.ip().to_string(), self.address.port());
        let (client, mut connection) = AsyncClient::new(options, 10);
        client.subscribe("#", QoS::AtMostOnce).await?;
        while !matches!(connection.poll().await?, Event::Incoming(Incoming::SubAck(_))) {}
        client.publish("end", QoS::AtMostOnce, false, "").await?;
        let mut topics = Vec::new();
        loop {
            if let Event::Incoming(Incoming::Publish(message)) = connection.poll().await? {
                if message.topic == "end" {
                    return Ok(topics);
                }
                topics.push(message.topic);
            }
        }
    }
}
