//! What a report in a file of its own needs besides the events of the run.

use std::collections::BTreeMap;
use std::fmt;

use super::{Record, Repeat};
use crate::model::TestId;

/// What a report needs besides the events of the run.
#[cfg_attr(not(feature = "html"), expect(dead_code, reason = "only the HTML report needs all of it"))]
pub(crate) struct FileReportContext {
    /// The name of the suite.
    pub suite: String,
    /// The commands that run tests again.
    pub repeat: Repeat,
    /// The tests of each tag.
    pub tags: BTreeMap<&'static str, Vec<TestId>>,
    /// Reads the newest record of a run that began before this time, in milliseconds since 1970.
    pub earlier_run: Option<ReadEarlierRun>,
}

/// Reads the newest record of a run that began before a time.
pub(crate) type ReadEarlierRun = Box<dyn FnOnce(u64) -> Option<Record>>;

impl fmt::Debug for FileReportContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FileReportContext").field("suite", &self.suite).finish_non_exhaustive()
    }
}
