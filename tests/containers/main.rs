//! Tests of servers in containers, with a stand-in for the container engine, whose containers are real servers.

mod engine;
mod lifetimes;
mod mistakes;
mod server;

itest::main!();
