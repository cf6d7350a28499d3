//! The static entry that each test submits, and the collection that gathers them.

use std::pin::Pin;

use super::fixture::{FunctionKind, Parameter};
use super::slot::Inputs;
use crate::model::{CaseMeta, Problem};

/// A future that stays on the thread that runs the test.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A test as its expansion describes it: data and one plain function pointer.
///
/// Kept small: a suite has thousands of them, and each pointer in a `static` is a relocation at every start.
#[derive(Debug)]
pub struct TestEntry {
    /// `crate::module::function`.
    pub path: &'static str,
    /// `file:line:column` of the attribute.
    pub location: &'static str,
    /// The parameters that fixtures fill.
    pub parameters: &'static [Parameter],
    /// The names of its cases; empty for a test that is its own only case.
    pub cases: &'static [&'static str],
    /// The attribute's arguments.
    pub meta: &'static CaseMeta,
    /// Whether the function blocks.
    pub kind: FunctionKind,
    /// Calls the function.
    pub run: for<'a> fn(&'a mut Inputs) -> LocalFuture<'a, Result<(), Problem>>,
}

inventory::collect!(TestEntry);

impl TestEntry {
    /// The test's name without the crate's.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.split_once("::").map_or(self.path, |(_, name)| name)
    }

    /// All entries of this binary, in no particular order.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>.into_iter()
    }
}
