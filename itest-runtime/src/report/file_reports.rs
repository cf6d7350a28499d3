//! The reports that a run writes to files of their own. An entry here gives a report its flag, its variable and its key.

use super::ctrf::Ctrf;
#[cfg(feature = "html")]
use super::html::Html;
#[cfg(feature = "junit")]
use super::junit::Junit;
#[cfg(feature = "trace")]
use super::trace::Trace;
use super::{FileReportContext, Reporter};

/// A report that is written to the file which its flag names.
#[derive(Debug)]
pub(crate) struct FileReport {
    /// The name of the setting, such as `junit`.
    pub key: &'static str,
    /// What `--help` says of the setting.
    pub help: &'static str,
    /// Creates the reporter.
    pub create: fn(FileReportContext) -> Box<dyn Reporter>,
}

/// All reports that are written to files.
pub(crate) static FILE_REPORTS: &[FileReport] = &[
    FileReport {
        key: "ctrf",
        help: "Write a report in the Common Test Report Format (ctrf.io) to this file",
        create: |context| Box::new(Ctrf::new(&context.suite)),
    },
    #[cfg(feature = "html")]
    FileReport {
        key: "html",
        help: "Write a report for a browser to this file",
        create: |context| Box::new(Html::new(context)),
    },
    #[cfg(feature = "junit")]
    FileReport {
        key: "junit",
        help: "Write a JUnit report for a CI system to this file",
        create: |context| Box::new(Junit::new(&context.suite)),
    },
    #[cfg(feature = "trace")]
    FileReport {
        key: "trace",
        help: "Write a trace for Perfetto or another viewer of Chrome's trace format to this file",
        create: |context| Box::new(Trace::new(&context.suite)),
    },
];
