//! Where a run's session is, and whose it is.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::{Limits, Require};
use super::id::Seed;

/// A process, told apart from a later one of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct ProcessIdentity {
    /// Its number.
    pub pid: u32,
    /// When it was started, in ticks of the system's own clock.
    pub start: u64,
}

/// The session of a run: a folder that is made when something needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionAddress {
    /// Folders that may hold sessions; the first one that can be used is.
    pub roots: Vec<PathBuf>,
    /// The name of the session's own folder.
    pub name: String,
    /// With whose end the run is over.
    pub owner: ProcessIdentity,
}

/// What a session's server must know of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionConfig {
    /// With whose end the run is over.
    pub owner: ProcessIdentity,
    /// The binary, so that a later run of another one can give back what this one left.
    pub binary: PathBuf,
    /// Budgets of time.
    pub limits: Limits,
    /// The run's seed.
    pub seed: Seed,
    /// What a missing service means.
    pub require: Require,
    /// Which events of `tracing` are shown.
    pub log: String,
}

/// What came of giving back what others left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recovered {
    /// How many resources were given back.
    #[serde(default)]
    pub given_back: usize,
    /// What could not be given back, and why.
    #[serde(default)]
    pub problems: Vec<String>,
    /// How many of these the next run tries again.
    #[serde(default)]
    pub left: usize,
}

impl Recovered {
    /// Adds what came of another attempt.
    pub(crate) fn add(&mut self, other: Self) {
        self.given_back = self.given_back.saturating_add(other.given_back);
        self.problems.extend(other.problems);
        self.left = self.left.saturating_add(other.left);
    }
}

/// What came of a session's end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionEnd {
    /// What was given back for processes that died.
    pub recovered: Recovered,
    /// What its fixtures say of themselves, such as which server the run used.
    #[serde(default)]
    pub used: Vec<String>,
}

/// What a sweep came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sweep {
    /// Dead sessions that were found.
    pub sessions: usize,
    /// What came of them.
    pub recovered: Recovered,
}

/// How long a process of the harness may take for what should take no time.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
