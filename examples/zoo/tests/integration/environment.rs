//! Tests that fail in their setup, because a service is never or not always available.

use std::hash::{BuildHasher, RandomState};
use std::net::TcpStream;
use std::time::Instant;

use itest::prelude::*;

/// A message broker that does not run.
struct Broker {
    connection: TcpStream,
}

impl Broker {
    fn connect() -> Result<Self> {
        // No server uses port 1.
        let connection = TcpStream::connect(("127.0.0.1", 1));
        let connection = connection.map_err(|error| format!("cannot reach the broker at 127.0.0.1:1: {error}"))?;
        Ok(Self { connection })
    }

    fn is_connected(&self) -> bool {
        self.connection.peer_addr().is_ok()
    }
}

#[fixture]
fn broker() -> Result<Broker> {
    Broker::connect()
}

#[integration_test]
fn a_message_is_published(broker: &Broker) {
    assert!(broker.is_connected());
}

#[integration_test]
fn a_message_is_received(broker: &Broker) {
    assert!(broker.is_connected());
}

#[integration_test]
fn a_topic_is_created(broker: Broker) {
    assert!(broker.is_connected());
}

/// Connects in its arrange phase.
#[integration_test]
fn a_subscription_is_made() -> Result<()> {
    #[arrange]
    let broker = Broker::connect()?;
    #[act]
    let is_connected = broker.is_connected();
    #[assert]
    assert!(is_connected);
    Ok(())
}

#[integration_test]
fn a_subscription_is_ended() -> Result<()> {
    #[arrange]
    let broker = Broker::connect()?;
    #[act]
    let is_connected = broker.is_connected();
    #[assert]
    assert!(is_connected);
    Ok(())
}

/// One of a few licences, which other users need, too.
struct Licence {
    number: u64,
}

#[fixture]
fn licence() -> Result<Licence> {
    // All licences are in use with a probability of 30 %.
    match RandomState::new().hash_one(Instant::now()) % 10 {
        0..3 => Err("all licences are in use".into()),
        number => Ok(Licence { number }),
    }
}

#[integration_test]
fn a_drawing_is_opened(licence: &Licence) {
    assert!(licence.number > 2);
}

#[integration_test]
fn a_drawing_is_printed(licence: Licence) {
    assert!(licence.number < 10);
}
