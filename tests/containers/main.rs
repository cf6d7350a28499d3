//! Tests of servers in containers, on a real container engine, and on a stand-in for what an engine cannot be made to do. The containers of the
//! stand-in are real servers.

mod compose;
mod compose_mistakes;
mod docker;
mod engine;
mod engine_end;
mod lifetimes;
mod mistakes;
mod real_engine;
mod server;

itest::main!();
