//! The description of a run and its environment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::shard::ShardFacts;

/// How and where a run was started. Records keep this information for later readers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Facts {
    /// The names of the package and of the test target.
    pub suite: String,
    /// An id that differs between builds with different tests.
    pub build: String,
    /// The start of the run, in milliseconds since 1970.
    pub began_unix_ms: u64,
    /// The command-line arguments.
    pub arguments: Vec<String>,
    /// The part of the suite that ran, if only a part of it ran.
    pub shard: Option<ShardFacts>,
    /// The operating system, the commit and the CI job.
    pub environment: BTreeMap<String, String>,
    /// The checksums of the files of `#[files]`, by the names of their cases.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub case_files: BTreeMap<String, String>,
}
