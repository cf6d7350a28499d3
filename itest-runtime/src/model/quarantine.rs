//! Tests whose failures are known, and do not fail a run for a while.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::date::Date;

/// Whose a known failure is, why it is borne, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Quarantine {
    /// Who looks after it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The last day on which it holds, in UTC.
    pub until: Date,
}

impl fmt::Display for Quarantine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, reason, until } = self;
        write!(formatter, "until {until}, owner {}: {}", owner.escape_debug(), reason.escape_debug())
    }
}

/// An entry of the quarantine, as the configuration file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuarantineEntry {
    /// The name of a test or case, or `name::*` for all cases of a test.
    pub test: String,
    /// The suite that it is about, if that is said; else each.
    pub suite: Option<String>,
    /// The rest.
    pub quarantine: Quarantine,
    /// The file and line.
    pub place: String,
}

impl QuarantineEntry {
    /// Whether it is about this suite.
    #[must_use]
    pub(crate) fn is_of(&self, suite: &str) -> bool {
        self.suite.as_ref().is_none_or(|own| own == suite)
    }

    /// Whether it is about this case.
    #[must_use]
    pub(crate) fn covers(&self, name: &str) -> bool {
        match self.test.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == self.test,
        }
    }
}

/// What the quarantine means for a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum QuarantinePolicy {
    /// Failures of its tests are told and do not fail the run.
    #[default]
    Apply,
    /// Nothing.
    Ignore,
}
