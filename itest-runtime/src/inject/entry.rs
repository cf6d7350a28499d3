//! The static entry that the expansion of each test submits, and the collection of all entries.

use std::borrow::Cow;

use super::case_source::CaseSource;
use super::fixture::Parameter;
use super::function::Function;
use crate::model::{CaseMeta, Problem};

/// The description of a test in its expansion: data and one plain function pointer.
///
/// The entry is small, because a suite has thousands of them and each pointer in a `static` is relocated at every start.
#[derive(Debug)]
pub struct TestEntry {
    /// `module::function`; see [`without_crate`].
    pub name: &'static str,
    /// `file:line:column` of the attribute.
    pub location: &'static str,
    /// The parameters whose values come from fixtures.
    pub parameters: &'static [Parameter],
    /// The test's cases.
    pub cases: Cases,
    /// The number of cases of the same test in earlier entries. A test that runs over several types has one entry for each type.
    pub row_offset: u32,
    /// The attribute's arguments.
    pub meta: &'static CaseMeta,
    /// The test function.
    pub function: Function<Result<(), Problem>>,
}

/// The cases of a test.
#[derive(Debug, Clone, Copy)]
pub enum Cases {
    /// The names of the cases that the source lists; empty for a test without parameter rows.
    Listed(&'static [&'static str]),
    /// The cases that are found when the suite starts. A second reference, because the first one has two words, and would enlarge every entry.
    AtRunTime(&'static &'static dyn CaseSource),
}

inventory::collect!(TestEntry);

impl TestEntry {
    /// A test without parameters, cases and arguments.
    #[must_use]
    pub const fn new(name: &'static str, location: &'static str, function: Function<Result<(), Problem>>) -> Self {
        Self {
            name,
            location,
            parameters: &[],
            cases: Cases::Listed(&[]),
            row_offset: 0,
            meta: &CaseMeta::PLAIN,
            function,
        }
    }

    /// Adds the parameters whose values come from fixtures.
    #[must_use]
    pub const fn parameters(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    /// Adds the names of the cases, and the number of cases in earlier entries of the test.
    #[must_use]
    pub const fn cases(self, cases: &'static [&'static str], row_offset: u32) -> Self {
        Self { cases: Cases::Listed(cases), row_offset, ..self }
    }

    /// Adds cases that are found when the suite starts.
    #[must_use]
    pub const fn cases_at_run_time(self, cases: &'static &'static dyn CaseSource) -> Self {
        Self { cases: Cases::AtRunTime(cases), ..self }
    }

    /// Adds the attribute's arguments.
    #[must_use]
    pub const fn meta(self, meta: &'static CaseMeta) -> Self {
        Self { meta, ..self }
    }

    /// All entries of this binary, in no particular order.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>.into_iter()
    }

    /// The name of a case; `None` for a test without cases.
    pub(crate) fn case_name(&self, row: u32) -> Option<Cow<'static, str>> {
        match self.cases {
            Cases::Listed(names) => names.get(row as usize).copied().map(Cow::Borrowed),
            Cases::AtRunTime(cases) => cases.name(row as usize).map(Cow::Owned),
        }
    }

    /// Whether the test has cases.
    pub(crate) fn has_cases(&self) -> bool {
        !matches!(self.cases, Cases::Listed([]))
    }

    /// The cases that are found when the suite starts, if the test has such.
    pub(crate) fn case_source(&self) -> Option<&'static dyn CaseSource> {
        match self.cases {
            Cases::Listed(_) => None,
            Cases::AtRunTime(cases) => Some(*cases),
        }
    }

    /// What distinguishes the entry from all others. Two tests may have the same name until the registry rejects that.
    pub(crate) fn key(&self) -> String {
        format!("{} {}", self.name, self.location)
    }
}

/// Integration points that a suite declares, whether a test covers them or not.
#[derive(Debug)]
pub enum SuitePoints {
    /// The points of `integration_points!` as text, which the macro has checked.
    Listed(&'static [&'static str]),
    /// Reads the operations of a contract, or returns why they cannot be read.
    OfContract(fn() -> Result<Vec<String>, String>),
}

inventory::collect!(SuitePoints);

impl SuitePoints {
    /// The declarations of this binary, in no particular order.
    #[cfg(feature = "coverage")]
    pub(crate) fn all() -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>.into_iter()
    }
}

/// Removes the crate's name from a path: `module::function` for `crate::module::function`. This is a `const fn`, so that the
/// compiler does the work once and not every start of the suite.
#[must_use]
pub const fn without_crate(path: &'static str) -> &'static str {
    let bytes = path.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        if bytes[at] == b':' && bytes[at + 1] == b':' {
            return path.split_at(at + 2).1;
        }
        at += 1;
    }
    path
}
