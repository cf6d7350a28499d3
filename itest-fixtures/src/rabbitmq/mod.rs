//! RabbitMQ for tests: a clean virtual host for each test, and the messages that pass through it.

mod broker;
mod channel;
mod client;
mod dead_letter;
mod fields;
mod fixture;
mod frame;
mod management;
mod method;
mod programs;
mod properties;
mod reader;
mod restartable;
mod service;
mod topic;
mod topology;
mod url;
mod virtual_host;
mod worker;

pub use dead_letter::DeadLetter;
pub use fixture::Rabbit;
pub use restartable::RestartableRabbit;
pub use topology::Topology;
