//! Tests of the Redis fixture on a real server: the one that `ITEST_REDIS_URL` names, or a private one of each worker.

#[path = "../attacker/mod.rs"]
mod attacker;
mod attacks;
mod bad_input;
#[path = "../histories/mod.rs"]
mod generated;
mod histories;
mod keys;
mod lost;
#[path = "../nested/mod.rs"]
mod nested;
mod private;
#[path = "../histories/reuse.rs"]
mod reuse;
mod shared;
mod shared_server;
mod snapshot;
mod statements;
#[path = "../attacker/stopped_server.rs"]
mod stopped_server;
#[path = "../histories/workers.rs"]
mod workers;

itest::main!();
