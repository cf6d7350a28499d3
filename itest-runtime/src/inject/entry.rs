//! The static entry that each test submits, and the collection that gathers them.

use super::fixture::Parameter;
use super::slot::Inputs;
use super::sync::{FunctionKind, LocalFuture};
use crate::model::{CaseMeta, Problem};

/// A test as its expansion describes it: data and one plain function pointer.
///
/// Kept small: a suite has thousands of them, and each pointer in a `static` is a relocation at every start.
#[derive(Debug)]
pub struct TestEntry {
    /// `module::function`; see [`without_crate`].
    pub name: &'static str,
    /// `file:line:column` of the attribute.
    pub location: &'static str,
    /// The parameters that fixtures fill.
    pub parameters: &'static [Parameter],
    /// The names of its cases; empty for a test that is its own only case.
    pub cases: &'static [&'static str],
    /// How many cases of the same test stand in other entries before this one: a test that runs over several types has an
    /// entry for each.
    pub before: u32,
    /// The attribute's arguments.
    pub meta: &'static CaseMeta,
    /// Whether the function blocks.
    pub kind: FunctionKind,
    /// Calls the function.
    pub run: for<'a> fn(&'a mut Inputs) -> LocalFuture<'a, Result<(), Problem>>,
}

inventory::collect!(TestEntry);

impl TestEntry {
    /// All entries of this binary, in no particular order.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>.into_iter()
    }
}

/// `module::function` of `crate::module::function`, found while the suite is compiled: at its start it would be found anew
/// for every test.
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
