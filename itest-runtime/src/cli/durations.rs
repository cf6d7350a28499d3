//! How long tests took in the past: by a record that was named, or by the last ones of this suite.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use super::call::Call;
use super::records;
use crate::inject::Candidate;
use crate::model::{RunConfig, UsageError};
use crate::report::Record;

/// Lengths by name.
#[derive(Debug, Default)]
pub(super) struct Durations {
    lengths: HashMap<String, Duration>,
    /// Differs between files.
    pub(super) basis: Option<String>,
}

impl Durations {
    /// What a file says.
    ///
    /// # Errors
    ///
    /// When it is no record of this suite.
    pub(super) fn of_file(path: &Path, call: &Call) -> Result<Self, UsageError> {
        let place = format!("--durations {}", path.display());
        let cannot = |why: String| UsageError::new(&place, format!("cannot be used: {why}"));
        let bytes = records::read_bytes(path).map_err(|error| cannot(error.to_string()))?;
        let record = Record::read(&bytes).map_err(|error| cannot(error.to_string()))?;
        let own = call.suite().unwrap_or_default();
        if record.facts.suite != own {
            return Err(cannot(format!("it is of the suite {}, and this is {own}", record.facts.suite)));
        }
        Ok(Self { lengths: record.durations(), basis: Some(format!("{:08x}", crc32fast::hash(&bytes))) })
    }

    /// What the file of the configuration says, or else the last records of this suite: of each test the newest one.
    ///
    /// # Errors
    ///
    /// A file that was named and is no record of this suite.
    pub(super) fn known(call: &Call, config: &RunConfig, cases: &[Candidate]) -> Result<Self, UsageError> {
        if let Some(path) = &config.durations {
            return Self::of_file(path, call);
        }
        let mut known = Self::default();
        for path in records::newest_first(call, config) {
            if cases.iter().all(|case| known.of(&case.name).is_some()) {
                break;
            }
            // What cannot be read any more is as good as pruned.
            let Some(record) = std::fs::read(path).ok().and_then(|bytes| Record::read(&bytes).ok()) else { continue };
            for (name, length) in record.durations() {
                known.lengths.entry(name).or_insert(length);
            }
        }
        Ok(known)
    }

    /// How long a test took.
    pub(super) fn of(&self, name: &str) -> Option<Duration> {
        self.lengths.get(name).copied()
    }
}
