//! Durable teardown. Any process of the run, or of the next run, can execute it from the name of a function and serialized arguments.

use std::panic::Location;

use super::error::Error;
use super::panic::{Caught, catch};
use super::portable::Portable;
use super::sync::FunctionKind;
use super::sync::LocalFuture;
use super::sync::poll_by_kind;
use crate::model::Problem;

/// The description of a `#[teardown]` function in its expansion.
#[derive(Debug, Clone, Copy)]
pub struct TeardownEntry {
    /// The name of the function in the ledger: `module::function`.
    pub name: &'static str,
    /// `file:line:column` of the attribute.
    pub location: &'static str,
    /// Whether the function is async or may block.
    pub kind: FunctionKind,
    /// Calls the function with arguments in JSON.
    pub run: fn(&str) -> LocalFuture<'static, Result<(), Problem>>,
}

inventory::collect!(TeardownEntry);

impl TeardownEntry {
    /// All teardown functions of this binary.
    pub(crate) fn all() -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>.into_iter()
    }

    /// Finds a function by its name in a ledger.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        Self::all().find(|entry| entry.name == name)
    }

    /// Calls the function. A panic in it is returned as a problem.
    pub(crate) async fn give_back(&self, arguments: &str) -> Result<(), Problem> {
        let (run, kind) = (self.run, self.kind);
        match catch(async { poll_by_kind(kind, run(arguments).as_mut()).await }).await {
            Ok(result) => result,
            Err(caught) => Err(caught.into_problem()),
        }
    }
}

/// Reads arguments from JSON and calls a function with them.
#[must_use]
pub fn call_with<A: Portable>(
    arguments: &str,
    call: fn(A) -> LocalFuture<'static, Result<(), Problem>>,
) -> LocalFuture<'static, Result<(), Problem>> {
    match A::from_json(arguments) {
        Ok(arguments) => call(arguments),
        Err(problem) => Box::pin(async move { Err(problem) }),
    }
}

/// A `#[teardown]` function and the arguments of its call.
///
/// A call of a `#[teardown]` function returns this value. Pass the function and its arguments to
/// [`Teardown::durable`](super::Teardown::durable), or await this value to run the function immediately.
#[derive(Debug)]
#[must_use = "nothing is given back until it is awaited; `teardown.durable(function, arguments)` registers it"]
pub struct Durable<A> {
    arguments: A,
    entry: &'static TeardownEntry,
}

impl<A: Portable> Durable<A> {
    /// Combines a function and its arguments.
    pub const fn new(arguments: A, entry: &'static TeardownEntry) -> Self {
        Self { arguments, entry }
    }

    /// Returns the function, and its arguments as JSON for the ledger.
    pub(super) fn to_json(&self) -> Result<(&'static TeardownEntry, String), Error> {
        let arguments = self.arguments.to_json().map_err(|problem| Error::new(problem.message))?;
        Ok((self.entry, arguments))
    }
}

impl<A: Portable> IntoFuture for Durable<A> {
    type Output = Result<(), Error>;
    type IntoFuture = LocalFuture<'static, Self::Output>;

    #[track_caller]
    fn into_future(self) -> Self::IntoFuture {
        let caller = Location::caller();
        Box::pin(async move {
            let (entry, arguments) = self.to_json().map_err(|error| Error::at(error.to_string(), caller))?;
            entry.give_back(&arguments).await.map_err(|problem| Error::at(problem.message, caller))
        })
    }
}

impl Caught {
    /// Converts the value to a problem. A request to skip is a problem here, because setup is over and the test can no longer be skipped.
    pub(crate) fn into_problem(self) -> Problem {
        match self {
            Self::Panic(problem) => problem,
            Self::Skip(reason) => Problem::new(format!("asked to skip the test, too late: {reason}")),
        }
    }
}
