//! The past durations of tests, from the record that `--durations` names or from the last records of this suite.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use super::call::Call;
use super::records;
use crate::inject::Candidate;
use crate::model::{RunConfig, UsageError};
use crate::report::Record;

/// The past durations of tests, by name.
#[derive(Debug, Default)]
pub(super) struct Durations {
    durations: HashMap<String, Duration>,
    /// The checksum of the file, which shows whether two shards used the same file.
    pub(super) basis: Option<String>,
}

impl Durations {
    /// Reads the durations of a record.
    ///
    /// # Errors
    ///
    /// When the file is no record of this suite.
    pub(super) fn of_file(path: &Path, call: &Call) -> Result<Self, UsageError> {
        let place = format!("--durations {}", path.display());
        let cannot = |why: String| UsageError::new(&place, format!("cannot be used: {why}"));
        let bytes = records::read_bytes(path).map_err(|error| cannot(error.to_string()))?;
        let record = Record::read(&bytes).map_err(|error| cannot(error.to_string()))?;
        let own = call.suite().unwrap_or_default();
        if record.facts.suite != own {
            return Err(cannot(format!("it is a record of the suite {}, and this suite is {own}", record.facts.suite)));
        }
        Ok(Self { durations: record.durations(), basis: Some(format!("{:08x}", crc32fast::hash(&bytes))) })
    }

    /// Reads the durations of the configured record, or else the newest duration of each test in the last records of this suite.
    ///
    /// # Errors
    ///
    /// When the configured file is no record of this suite.
    pub(super) fn load(call: &Call, config: &RunConfig, cases: &[Candidate]) -> Result<Self, UsageError> {
        if let Some(path) = &config.durations {
            return Self::of_file(path, call);
        }
        let mut known = Self::default();
        for path in records::newest_first(call, config) {
            if cases.iter().all(|case| known.of(&case.name).is_some()) {
                break;
            }
            // An unreadable record is skipped like a removed one.
            let Some(record) = std::fs::read(path).ok().and_then(|bytes| Record::read(&bytes).ok()) else { continue };
            for (name, duration) in record.durations() {
                known.durations.entry(name).or_insert(duration);
            }
        }
        Ok(known)
    }

    /// The past duration of a test.
    pub(super) fn of(&self, name: &str) -> Option<Duration> {
        self.durations.get(name).copied()
    }
}
