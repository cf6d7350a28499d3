use itest::prelude::*;

struct Broker;

#[fixture(scope = "worker")]
fn broker() -> Broker {
    Broker
}

struct Queue(Broker);

#[fixture]
fn queue(broker: Broker) -> Queue {
    Queue(broker)
}

fn main() {}
