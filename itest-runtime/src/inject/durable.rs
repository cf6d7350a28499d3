//! Teardown that any process of a run, or the next run, can do: functions with a name, and arguments that can be written down.

use std::panic::Location;

use super::error::Error;
use super::panic::{Caught, catch};
use super::portable::Portable;
use super::sync::FunctionKind;
use super::sync::LocalFuture;
use super::sync::poll_by_kind;
use crate::model::Problem;

/// A function under `#[teardown]`, as its expansion describes it.
#[derive(Debug, Clone, Copy)]
pub struct TeardownEntry {
    /// `module::function`: what the ledger calls it.
    pub name: &'static str,
    /// `file:line:column` of the attribute.
    pub location: &'static str,
    /// Whether the function blocks.
    pub kind: FunctionKind,
    /// Calls the function with arguments that were written down.
    pub run: fn(&str) -> LocalFuture<'static, Result<(), Problem>>,
}

inventory::collect!(TeardownEntry);

impl TeardownEntry {
    /// All of this binary.
    pub(crate) fn all() -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>.into_iter()
    }

    /// The function of a name that was found in a ledger.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        Self::all().find(|entry| entry.name == name)
    }

    /// Runs it; a panic is a problem like any other.
    pub(crate) async fn give_back(&self, arguments: &str) -> Result<(), Problem> {
        let (run, kind) = (self.run, self.kind);
        match catch(async { poll_by_kind(kind, run(arguments).as_mut()).await }).await {
            Ok(result) => result,
            Err(caught) => Err(caught.into_problem()),
        }
    }
}

/// Reads arguments and calls a function with them.
#[must_use]
pub fn call_with<A: Portable>(
    arguments: &str,
    call: fn(A) -> LocalFuture<'static, Result<(), Problem>>,
) -> LocalFuture<'static, Result<(), Problem>> {
    match A::read_back(arguments) {
        Ok(arguments) => call(arguments),
        Err(problem) => Box::pin(async move { Err(problem) }),
    }
}

/// A `#[teardown]` function and the arguments that it is to be called with.
///
/// It is what calling such a function returns. Give the function and its arguments to
/// [`Teardown::durable`](super::Teardown::durable); or await this, to call the function right away.
#[derive(Debug)]
#[must_use = "nothing is given back until it is awaited; `teardown.durable(function, arguments)` registers it"]
pub struct Durable<A> {
    arguments: A,
    entry: &'static TeardownEntry,
}

impl<A: Portable> Durable<A> {
    /// Pairs the two.
    pub const fn new(arguments: A, entry: &'static TeardownEntry) -> Self {
        Self { arguments, entry }
    }

    /// The function, and its arguments for the ledger.
    pub(super) fn write_down(&self) -> Result<(&'static TeardownEntry, String), Error> {
        let arguments = self.arguments.write_down().map_err(|problem| Error::new(problem.message))?;
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
            let (entry, arguments) = self.write_down().map_err(|error| Error::at(error.to_string(), caller))?;
            entry.give_back(&arguments).await.map_err(|problem| Error::at(problem.message, caller))
        })
    }
}

impl Caught {
    /// What was caught where nothing can be skipped.
    pub(crate) fn into_problem(self) -> Problem {
        match self {
            Self::Panic(problem) => problem,
            Self::Skip(reason) => Problem::new(format!("asked to skip the test, too late: {reason}")),
        }
    }
}
