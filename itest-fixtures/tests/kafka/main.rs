//! Tests of `Kafka` on librdkafka's mock cluster, with the client `rdkafka`, which is not itest's.

mod bus;
mod gateway;
#[path = "../histories/mod.rs"]
mod generated;
mod groups;
mod histories;
mod isolation;
mod messages;
#[path = "../nested/mod.rs"]
mod nested;
mod shared;
mod transactions;

itest::main!();
