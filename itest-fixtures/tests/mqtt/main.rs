//! Tests of `Mqtt` on real brokers, with the client `rumqttc`, which is not itest's.

#[path = "../attacker/mod.rs"]
mod attacker;
mod attacks;
mod bus;
mod cleaning;
#[path = "../attacker/endless_frame.rs"]
mod endless_frame;
mod faults;
#[path = "../attacker/flood.rs"]
mod flood;
mod histories;
mod lost;
mod messages;
#[path = "../nested/mod.rs"]
mod nested;
#[path = "../histories/reuse.rs"]
mod reuse;
mod shared;
mod shared_broker;
#[path = "../attacker/stopped_server.rs"]
mod stopped_server;
#[path = "../histories/workers.rs"]
mod workers;
#[path = "../attacker/wrapped_server.rs"]
mod wrapped_server;

itest::main!();
