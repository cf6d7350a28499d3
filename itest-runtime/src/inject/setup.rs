//! Setup: the fixtures that a function asks for, and those that they ask for.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use super::context::TestInfo;
use super::fixture::{Access, FixtureDescriptor, Parameter};
use super::panic::{Caught, catch};
use super::scope::Scope;
use super::slot::{Inputs, Slot};
use super::store::{ScopeStore, Stored};
use super::sync::LocalFuture;
use super::sync::poll_by_kind;
use crate::model::{Problem, SourceLocation};

/// The scopes that a test can draw from.
pub(crate) struct Scopes<'a> {
    /// The run's: values that were fetched before, see [`session_needs`](super::session_needs).
    pub session: &'a mut ScopeStore,
    /// The worker's.
    pub worker: &'a mut ScopeStore,
    /// The test's own.
    pub test: &'a mut ScopeStore,
    /// The test.
    pub info: Option<&'a TestInfo>,
    /// The fixtures being made, outermost first.
    pub making: Vec<&'static FixtureDescriptor>,
    /// Is called before and after a fixture of the worker is made: what it opens meanwhile is no test's.
    pub on_worker_fixture: &'a mut dyn FnMut(Making),
}

impl fmt::Debug for Scopes<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scopes").field("info", &self.info).field("making", &self.making).finish_non_exhaustive()
    }
}

/// A moment in the making of a fixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Making {
    /// Nothing of it is there yet.
    Begins,
    /// It was made, or could not be made.
    Ends,
}

/// Why a fixture could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetupFailure {
    /// The fixture at fault.
    pub fixture: String,
    /// How long its value would have lived.
    pub scope: Scope,
    /// What happened in it.
    pub caught: Caught,
}

/// Makes or finds a value for each parameter of a test, in order.
///
/// # Errors
///
/// The first fixture that failed. What was made before it is in the scopes, to be given back.
pub(crate) async fn fill(scopes: &mut Scopes<'_>, parameters: &[Parameter]) -> Result<Vec<Slot>, SetupFailure> {
    resolve_all(scopes, parameters, Scope::Test).await
}

impl Scopes<'_> {
    fn store(&mut self, scope: Scope) -> &mut ScopeStore {
        match scope {
            Scope::Session => self.session,
            Scope::Worker => self.worker,
            Scope::Test | Scope::Asker => self.test,
        }
    }
}

/// The values of a function's parameters; `asker` is the scope of the function.
async fn resolve_all(
    scopes: &mut Scopes<'_>,
    parameters: &[Parameter],
    asker: Scope,
) -> Result<Vec<Slot>, SetupFailure> {
    let mut slots = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        slots.push(resolve(scopes, *parameter, asker).await?);
    }
    // Values are lent only now, because the fixtures of later parameters may ask for the same ones.
    for (parameter, slot) in parameters.iter().zip(&mut slots) {
        if let (Access::Exclusive, Slot::Shared(value)) = (parameter.access, &mut *slot) {
            let value = Rc::clone(value);
            let descriptor = (parameter.fixture)();
            *slot = Slot::Exclusive(value);
            // The scope's own handle goes, too, so that the slot's is the only one.
            drop(scopes.store(descriptor.scope).lend(descriptor.type_id));
        }
    }
    Ok(slots)
}

/// One parameter's value; `asker` is the scope of the function that it belongs to. One that is to be lent is only shared yet.
fn resolve<'f>(
    scopes: &'f mut Scopes<'_>,
    parameter: Parameter,
    asker: Scope,
) -> LocalFuture<'f, Result<Slot, SetupFailure>> {
    Box::pin(async move {
        let descriptor = (parameter.fixture)();
        let scope = if descriptor.scope == Scope::Asker { asker } else { descriptor.scope };
        if parameter.access == Access::Owned || descriptor.scope == Scope::Asker {
            return Ok(Slot::Owned(Some(make(scopes, descriptor, scope).await?)));
        }
        let value = match scopes.store(scope).find(descriptor.type_id) {
            Some(Stored::Ready(value)) => Rc::clone(value),
            Some(Stored::Failed(caught)) => {
                return Err(SetupFailure { fixture: descriptor.short_name(), scope, caught: caught.clone() });
            }
            Some(Stored::Making) => {
                let problem = Problem::new("its setup was cut off by the time limit in an earlier test");
                return Err(SetupFailure { fixture: descriptor.short_name(), scope, caught: Caught::Panic(problem) });
            }
            None => make_once(scopes, descriptor, scope).await?,
        };
        Ok(Slot::Shared(value))
    })
}

async fn make_once(
    scopes: &mut Scopes<'_>,
    descriptor: &'static FixtureDescriptor,
    scope: Scope,
) -> Result<Rc<dyn Any>, SetupFailure> {
    scopes.store(scope).mark(descriptor.type_id, Stored::Making);
    if scope == Scope::Worker {
        (scopes.on_worker_fixture)(Making::Begins);
    }
    let made = make(scopes, descriptor, scope).await;
    if scope == Scope::Worker {
        (scopes.on_worker_fixture)(Making::Ends);
    }
    match made {
        Ok(value) => {
            let value: Rc<dyn Any> = value.into();
            scopes.store(scope).keep(descriptor, Rc::clone(&value));
            Ok(value)
        }
        Err(failure) => {
            scopes.store(scope).mark(descriptor.type_id, Stored::Failed(failure.caught.clone()));
            Err(failure)
        }
    }
}

/// Makes a session fixture's value, in the process that keeps it.
///
/// # Errors
///
/// What went wrong in it.
pub(crate) async fn make_session_value(
    scopes: &mut Scopes<'_>,
    descriptor: &'static FixtureDescriptor,
) -> Result<Rc<dyn Any>, SetupFailure> {
    make_once(scopes, descriptor, Scope::Session).await
}

async fn make(
    scopes: &mut Scopes<'_>,
    descriptor: &'static FixtureDescriptor,
    scope: Scope,
) -> Result<Box<dyn Any>, SetupFailure> {
    let slots = resolve_all(scopes, descriptor.dependencies, scope).await?;
    let info = scopes.info.filter(|_| scope == Scope::Test).cloned();
    let mut inputs = Inputs::new(slots, 0, scopes.store(scope).teardown().clone(), info);
    scopes.making.push(descriptor);
    let made = catch(async { poll_by_kind(descriptor.kind, (descriptor.setup)(&mut inputs).as_mut()).await }).await;
    let failed = |caught| SetupFailure { fixture: descriptor.short_name(), scope, caught };
    let value = match made {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => return Err(failed(Caught::Panic(in_users_terms(error.to_problem())))),
        Err(caught) => return Err(failed(caught)),
    };
    scopes.making.pop();
    Ok(value)
}

/// The lines of built-in fixtures mean nothing to a user; the test's own place is told instead.
fn in_users_terms(problem: Problem) -> Problem {
    const OURS: [&str; 2] = ["itest-runtime/src/", "itest-fixtures/src/"];
    let is_ours = |place: &SourceLocation| OURS.iter().any(|ours| place.as_str().contains(ours));
    Problem { location: problem.location.filter(|place| !is_ours(place)), ..problem }
}

/// Gives what `&mut` parameters borrowed back to their scopes, when the test is over.
pub(crate) fn return_lent(scopes: &mut Scopes<'_>, parameters: &[Parameter], slots: Vec<Slot>) {
    for (parameter, slot) in parameters.iter().zip(slots) {
        let scope = (parameter.fixture)().scope;
        // What a test changed in its copy of a session's value is nobody else's: the next one is given a new copy.
        if let Slot::Exclusive(value) = slot
            && scope != Scope::Session
        {
            scopes.store(scope).take_back(value);
        }
    }
}
