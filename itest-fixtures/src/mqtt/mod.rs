//! MQTT for tests: a clean broker for each test, and the messages that pass through it.

mod broker;
mod client;
mod connect;
mod fields;
mod fixture;
mod packet;
mod private;
mod programs;
mod properties;
mod publish;
mod reader;
mod service;
mod topic;
mod traces;
mod worker;

pub use fixture::Mqtt;
