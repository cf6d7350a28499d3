//! Layer 1, pure: which cases run, in which order, and which of them may start now.
//!
//! This module does not use a clock, the environment, files, processes or tokio.

mod admission;
mod batch;

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
pub(crate) use batch::batch_size;
pub(crate) use order::{longest_first, ordered};
pub(crate) use pause::pause_before;
pub(crate) use quarantine::{QuarantineReview, QuarantineStatus, REQUIRED_PASSES, quarantine_status};
pub(crate) use queue::LockQueue;
pub(crate) use rounds::Rounds;
pub(crate) use script::{Script, lockstep, one_lane_each};
pub(crate) use shard::{TimedTest, shard_by_hash, shards_by_durations};
pub(crate) use sort::{NamedCase, by_name};
pub(crate) use tags::TagExpression;
