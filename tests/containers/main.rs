//! Servers in containers, on a stand-in for their engine: it speaks the engine's protocol, and its containers are real servers.

mod engine;
mod lifetimes;
mod mistakes;
mod server;

itest::main!();
