use itest::prelude::*;

struct Broker;

#[fixture(scope = "worker")]
fn broker() -> Broker {
    Broker
}

#[integration_test]
async fn a_broker_can_be_stopped(broker: Broker) {
    drop(broker);
}

fn main() {}
