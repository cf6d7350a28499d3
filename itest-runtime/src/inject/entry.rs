//! The static entry that the expansion of each test submits, and the collection of all entries.

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
    /// The names of the test's cases; empty for a test without parameter rows.
    pub cases: &'static [&'static str],
    /// The number of cases of the same test in earlier entries. A test that runs over several types has one entry for each type.
    pub row_offset: u32,
    /// The attribute's arguments.
    pub meta: &'static CaseMeta,
    /// The test function.
    pub function: Function<Result<(), Problem>>,
}

inventory::collect!(TestEntry);

impl TestEntry {
    /// A test without parameters, cases and arguments.
    #[must_use]
    pub const fn new(name: &'static str, location: &'static str, function: Function<Result<(), Problem>>) -> Self {
        Self { name, location, parameters: &[], cases: &[], row_offset: 0, meta: &CaseMeta::PLAIN, function }
    }

    /// Adds the parameters whose values come from fixtures.
    #[must_use]
    pub const fn parameters(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    /// Adds the names of the cases, and the number of cases in earlier entries of the test.
    #[must_use]
    pub const fn cases(self, cases: &'static [&'static str], row_offset: u32) -> Self {
        Self { cases, row_offset, ..self }
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
