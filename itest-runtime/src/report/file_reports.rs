//! The reports that a run writes to files of their own. An entry here gives a report its flag, its variable and its key.

use super::Reporter;
use super::ctrf::Ctrf;
#[cfg(feature = "junit")]
use super::junit::Junit;

/// A report that is written to the file which its flag names.
#[derive(Debug)]
pub(crate) struct FileReport {
    /// The name of the setting, such as `junit`.
    pub key: &'static str,
    /// What `--help` says of the setting.
    pub help: &'static str,
    /// Creates the reporter of a suite with this name.
    pub create: fn(&str) -> Box<dyn Reporter>,
}

/// All reports that are written to files.
pub(crate) static FILE_REPORTS: &[FileReport] = &[
    FileReport {
        key: "ctrf",
        help: "Write a report in the Common Test Report Format (ctrf.io) to this file",
        create: |suite| Box::new(Ctrf::new(suite)),
    },
    #[cfg(feature = "junit")]
    FileReport {
        key: "junit",
        help: "Write a JUnit report for a CI system to this file",
        create: |suite| Box::new(Junit::new(suite)),
    },
];
