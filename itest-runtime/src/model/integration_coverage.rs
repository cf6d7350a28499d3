//! The coverage of integration points: what the tests of a run have shown of each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The kind of an integration point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PointKind {
    Endpoint,
    Call,
    Publish,
    Consume,
    Table,
    Workflow,
}

/// What the tests of a run have shown of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PointState {
    /// A test that passed has used the point, without an injected fault.
    Covered,
    /// A test that passed declares the point, and no test of the run could observe it.
    Declared,
    /// Each use in a test that passed had an injected fault.
    OnlyUnderFaults,
    /// Only tests that failed have used the point.
    OnlyInFailedTests,
    /// No test has used the point.
    Never,
}

impl PointState {
    /// Whether the point counts as covered.
    pub(crate) fn is_covered(self) -> bool {
        matches!(self, Self::Covered | Self::Declared)
    }
}

/// When an outcome of a point was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeenWhen {
    /// At least once without an injected fault.
    WithoutFault,
    /// Only with an injected fault.
    UnderFault,
}

/// What the tests of a run have shown of one point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PointCoverage {
    /// The point as `covers(...)` writes it.
    pub point: String,
    pub kind: PointKind,
    pub state: PointState,
    /// The outcomes that tests which passed have seen: a status, `read`, `delivered`, or the name of a fault.
    #[serde(default)]
    pub outcomes: BTreeMap<String, SeenWhen>,
    /// The tests that declare the point.
    #[serde(default)]
    pub declared_by: BTreeSet<String>,
    /// The tests that used the point, whether they passed or not.
    #[serde(default)]
    pub used_by: BTreeSet<String>,
}

/// A declaration that the run contradicts: the test has passed without using the point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct UnusedDeclaration {
    pub test: String,
    pub point: String,
}

impl fmt::Display for UnusedDeclaration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { test, point } = self;
        write!(formatter, "{test} declares with `covers` that it uses `{point}`, and has passed without using it")
    }
}

/// The coverage of all integration points of a suite.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IntegrationCoverage {
    /// The points, sorted by kind and text.
    pub points: Vec<PointCoverage>,
    /// The declarations that the run contradicts.
    #[serde(default)]
    pub unused_declarations: Vec<UnusedDeclaration>,
    /// The tests of the suite that are not part of the run, or were skipped.
    #[serde(default)]
    pub not_run: BTreeSet<String>,
}

impl IntegrationCoverage {
    /// The points that count as covered.
    pub(crate) fn covered(&self) -> usize {
        self.points.iter().filter(|point| point.state.is_covered()).count()
    }

    /// The covered points in percent of all, rounded down, so that only complete coverage is 100.
    pub(crate) fn percent(&self) -> usize {
        (self.covered() * 100).checked_div(self.points.len()).unwrap_or(100)
    }
}

/// What happens if a test passes without using a point that it declares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum UnusedCovers {
    /// The summary has a warning.
    #[default]
    Warn,
    /// The run fails.
    Fail,
}

/// The settings of the coverage of integration points.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CoverageSettings {
    /// The file of the report; its ending chooses the format.
    pub report: Option<PathBuf>,
    /// The report that a run of the whole suite must write again without a difference.
    pub expected: Option<PathBuf>,
    /// The percentage below which the run fails.
    pub min_percent: Option<u8>,
    /// An earlier report in JSON. The run fails if a point that is covered there is not covered any more.
    pub baseline: Option<PathBuf>,
    pub unused: UnusedCovers,
}

impl CoverageSettings {
    /// Whether any setting needs the coverage.
    pub(crate) fn is_needed(&self) -> bool {
        self.report.is_some()
            || self.expected.is_some()
            || self.min_percent.is_some()
            || self.baseline.is_some()
            || self.unused == UnusedCovers::Fail
    }
}
