//! The address, the configuration and the results of a run's session.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::{Limits, Require};
use super::id::Seed;

/// The identity of a process. The start time tells the process from a later one with the same process id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct ProcessIdentity {
    /// The process id.
    pub pid: u32,
    /// The start time, in ticks of the system's clock.
    pub start: u64,
}

/// The address of a run's session. The session is a folder that is created when it is first needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionAddress {
    /// The folders that may contain sessions, in order of preference. The first usable one is used.
    pub roots: Vec<PathBuf>,
    /// The name of the session's own folder.
    pub name: String,
    /// The process whose end is the end of the run.
    pub owner: ProcessIdentity,
}

/// The configuration of a session server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionConfig {
    /// The process whose end is the end of the run.
    pub owner: ProcessIdentity,
    /// The test binary. A later run of a different binary starts it to give back resources that this run left behind.
    pub binary: PathBuf,
    /// The time limits.
    pub limits: Limits,
    /// The run's seed.
    pub seed: Seed,
    /// What a test does if a service is missing.
    pub require: Require,
    /// The filter for `tracing` events.
    pub log: String,
    /// What the session is for.
    #[serde(default)]
    pub role: SessionRole,
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionRole {
    /// The session belongs to a run, and ends with it.
    Run {
        /// How long a service that is slow to start stays after the run. `None` ends it with the run.
        keep_services: Option<Duration>,
    },
    /// The session keeps a service, which several runs use one after the other. It ends when no run has used the service for a time.
    KeptService {
        /// The key of the session fixture that starts the service.
        fixture: u64,
    },
}

impl Default for SessionRole {
    fn default() -> Self {
        Self::Run { keep_services: None }
    }
}

/// The result of giving back resources that other processes left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecoveryResult {
    /// The number of resources that were given back.
    #[serde(default)]
    pub given_back: usize,
    /// The resources that could not be given back, with the causes.
    #[serde(default)]
    pub problems: Vec<String>,
    /// The number of resources that the next run tries again to give back.
    #[serde(default)]
    pub left: usize,
}

impl RecoveryResult {
    /// Adds the result of another recovery.
    pub(crate) fn add(&mut self, other: Self) {
        self.given_back = self.given_back.saturating_add(other.given_back);
        self.problems.extend(other.problems);
        self.left = self.left.saturating_add(other.left);
    }
}

/// The result of ending a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionEnd {
    /// The recovery on behalf of processes that died.
    pub recovered: RecoveryResult,
    /// The descriptions that session fixtures give of themselves, such as the server that the run used.
    #[serde(default)]
    pub used: Vec<String>,
}

/// The result of cleaning up after earlier sessions that were killed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sweep {
    /// The number of dead sessions.
    pub sessions: usize,
    /// The recovery of their resources.
    pub recovered: RecoveryResult,
}

/// How long a process of the harness may take to respond to a request that it should answer immediately.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
