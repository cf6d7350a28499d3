//! NATS for tests: a clean server for each test, and the messages that pass through it.

mod account;
mod broker;
mod client;
mod configuration;
mod fixture;
mod login;
mod private;
mod programs;
mod service;
mod subject;
mod subscriptions;
mod wire;
mod worker;

pub use fixture::Nats;
