//! Tests of `Rabbit` on real servers, with the client `lapin`, which is not itest's.

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
mod full_disk;
#[path = "../histories/mod.rs"]
mod generated;
mod histories;
mod lost;
mod messages;
#[path = "../nested/mod.rs"]
mod nested;
mod restart;
mod shared;
mod shared_server;
mod topology;
#[path = "../histories/workers.rs"]
mod workers;

itest::main!();
