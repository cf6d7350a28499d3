//! Quarantine: tests whose known failures do not fail a run until a given date.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::date::Date;

/// The owner of a known failure, the reason for the quarantine, and its last day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Quarantine {
    /// The person or team that is responsible for the failure.
    pub owner: String,
    /// The reason for the quarantine.
    pub reason: String,
    /// The last day of the quarantine, in UTC.
    pub until: Date,
}

impl fmt::Display for Quarantine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, reason, until } = self;
        write!(formatter, "until {until}, owner {}: {}", owner.escape_debug(), reason.escape_debug())
    }
}

/// A quarantine entry of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuarantineEntry {
    /// The name of a test or case, or `name::*` for all cases of a test.
    pub test: String,
    /// The suite of the test. If it is `None`, the entry applies to every suite.
    pub suite: Option<String>,
    /// The owner, the reason and the last day.
    pub quarantine: Quarantine,
    /// The file and line of the entry.
    pub place: String,
}

impl QuarantineEntry {
    /// Whether the entry applies to this suite.
    #[must_use]
    pub(crate) fn is_of(&self, suite: &str) -> bool {
        self.suite.as_ref().is_none_or(|own| own == suite)
    }

    /// Whether the entry applies to this case.
    #[must_use]
    pub(crate) fn covers(&self, name: &str) -> bool {
        match self.test.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == self.test,
        }
    }
}

/// The effect of the quarantine on a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum QuarantinePolicy {
    /// Failures of quarantined tests are reported and do not fail the run.
    #[default]
    Apply,
    /// The quarantine has no effect.
    Ignore,
}
