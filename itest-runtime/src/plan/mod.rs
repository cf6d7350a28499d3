//! Floor 1, pure: which cases run, in which order, and which of them may start now.
//!
//! Nothing here knows a clock, the environment, files, processes or tokio.

mod admission;
mod hand;
mod order;
mod pause;
mod quarantine;
mod queue;
mod rounds;
mod script;
mod shard;
mod sort;
mod tags;

pub(crate) use admission::Admission;
pub(crate) use hand::hand_size;
pub(crate) use order::{longest_first, ordered};
pub(crate) use pause::pause_before;
pub(crate) use quarantine::{ENOUGH_ATTEMPTS, Need, Quarantined, quarantined};
pub(crate) use queue::LockQueue;
pub(crate) use rounds::Rounds;
pub(crate) use script::{Script, lockstep};
pub(crate) use shard::{Past, part_by_hash, parts_by_durations};
pub(crate) use sort::{Named, by_name};
pub(crate) use tags::TagExpression;
