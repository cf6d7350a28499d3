//! The default configuration of a run.

use std::hash::{BuildHasher, RandomState};

use crate::model::{RunConfig, Seed};

/// The defaults, with a new seed. It is short enough to type. The random key of a hasher is the only randomness in the standard library.
pub(super) fn base() -> RunConfig {
    RunConfig { seed: Seed(RandomState::new().hash_one("itest") % 10_000_000_000), ..RunConfig::default() }
}
