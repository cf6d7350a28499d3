//! What is known of a run's surroundings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::shard::ShardFacts;

/// What a run was started with and where: what somebody asks who looks at it later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Facts {
    /// The package and the test target.
    pub suite: String,
    /// Differs between builds with different tests.
    pub build: String,
    /// When it began, in milliseconds since 1970.
    pub began_unix_ms: u64,
    /// The arguments as they were given.
    pub arguments: Vec<String>,
    /// The part of the suite that it is about, if it is not about all of it.
    pub shard: Option<ShardFacts>,
    /// The system, the commit, the CI job.
    pub environment: BTreeMap<String, String>,
}
