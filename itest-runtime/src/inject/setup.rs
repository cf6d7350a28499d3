//! Setup: makes the fixtures that a function requests, and the fixtures that these depend on.

use std::any::{Any, TypeId};
use std::fmt;
use std::rc::Rc;

use super::context::TestInfo;
use super::fixture::{Access, FixtureDescriptor, Parameter};
use super::panic::{Caught, catch};
use super::scope::Scope;
use super::slot::{Inputs, Slot};
use super::store::{ScopeStore, Stored};
use super::sync::LocalFuture;
use crate::model::{Problem, SourceLocation};

/// The scopes from which a test receives its fixture values.
pub(crate) struct Scopes<'a> {
    /// The session scope. Its values were fetched before, see [`session_needs`](super::session_needs).
    pub session: &'a mut ScopeStore,
    /// The worker scope.
    pub worker: &'a mut ScopeStore,
    /// The test scope.
    pub test: &'a mut ScopeStore,
    /// The running test.
    pub info: Option<&'a TestInfo>,
    /// The fixtures whose setup runs now, the outermost first.
    pub in_setup: Vec<&'static FixtureDescriptor>,
    /// Is called before and after the setup of a worker fixture, because resources that the setup opens must not be reported as leaks of
    /// the test.
    pub on_worker_fixture: &'a mut dyn FnMut(FixtureSetup),
}

impl fmt::Debug for Scopes<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Scopes")
            .field("info", &self.info)
            .field("in_setup", &self.in_setup)
            .finish_non_exhaustive()
    }
}

/// The beginning or the end of a fixture's setup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FixtureSetup {
    /// The setup of the fixture with this type is about to begin.
    Begins(TypeId),
    /// The setup has succeeded or failed.
    Ends,
}

/// The failure of a fixture's setup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetupFailure {
    /// The name of the fixture that failed.
    pub fixture: String,
    /// The scope of the fixture.
    pub scope: Scope,
    /// The panic, error or skip request.
    pub caught: Caught,
}

/// Makes or looks up a value for each parameter of a test, in order.
///
/// # Errors
///
/// The first fixture that failed. The values and teardown steps of the fixtures before it remain in their scopes.
pub(crate) async fn fill(scopes: &mut Scopes<'_>, parameters: &[Parameter]) -> Result<Vec<Slot>, SetupFailure> {
    resolve_all(scopes, parameters, Scope::Test).await
}

impl Scopes<'_> {
    fn store(&mut self, scope: Scope) -> &mut ScopeStore {
        match scope {
            Scope::Session => self.session,
            Scope::Worker => self.worker,
            Scope::Test | Scope::Dependent => self.test,
        }
    }
}

/// The values for a function's parameters; `dependent` is the scope of the function.
async fn resolve_all(
    scopes: &mut Scopes<'_>,
    parameters: &[Parameter],
    dependent: Scope,
) -> Result<Vec<Slot>, SetupFailure> {
    let mut slots = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        slots.push(resolve(scopes, *parameter, dependent).await?);
    }
    // Values are lent only now, because the fixtures of later parameters may need the same values.
    for (parameter, slot) in parameters.iter().zip(&mut slots) {
        if let (Access::Exclusive, Slot::Shared(value)) = (parameter.access, &mut *slot) {
            let value = Rc::clone(value);
            let descriptor = (parameter.fixture)();
            *slot = Slot::Exclusive(value);
            // The scope's own reference is dropped, so that the slot has the only one and can borrow the value mutably.
            drop(scopes.store(descriptor.scope).lend(descriptor.type_id));
        }
    }
    Ok(slots)
}

/// The value for one parameter; `dependent` is the scope of the function. A value for a `&mut` parameter is returned as shared, and
/// `resolve_all` lends it later.
fn resolve<'f>(
    scopes: &'f mut Scopes<'_>,
    parameter: Parameter,
    dependent: Scope,
) -> LocalFuture<'f, Result<Slot, SetupFailure>> {
    Box::pin(async move {
        let descriptor = (parameter.fixture)();
        let scope = if descriptor.scope == Scope::Dependent { dependent } else { descriptor.scope };
        if parameter.access == Access::Owned || descriptor.scope == Scope::Dependent {
            return Ok(Slot::Owned(Some(make(scopes, descriptor, scope).await?)));
        }
        let value = match scopes.store(scope).find(descriptor.type_id) {
            Some(Stored::Ready(value)) => Rc::clone(value),
            Some(Stored::Failed(caught)) => {
                return Err(SetupFailure { fixture: descriptor.short_name(), scope, caught: caught.clone() });
            }
            Some(Stored::InSetup) => {
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
    scopes.store(scope).set(descriptor.type_id, Stored::InSetup);
    if scope == Scope::Worker {
        (scopes.on_worker_fixture)(FixtureSetup::Begins(descriptor.type_id));
    }
    let made = make(scopes, descriptor, scope).await;
    if scope == Scope::Worker {
        (scopes.on_worker_fixture)(FixtureSetup::Ends);
    }
    match made {
        Ok(value) => {
            let value: Rc<dyn Any> = value.into();
            scopes.store(scope).insert(descriptor, Rc::clone(&value));
            Ok(value)
        }
        Err(failure) => {
            scopes.store(scope).set(descriptor.type_id, Stored::Failed(failure.caught.clone()));
            Err(failure)
        }
    }
}

/// Makes a session fixture's value in the session server.
///
/// # Errors
///
/// The failure of the fixture's setup.
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
    scopes.in_setup.push(descriptor);
    let made = catch(async { descriptor.setup.call(&mut inputs).await }).await;
    let failed = |caught| SetupFailure { fixture: descriptor.short_name(), scope, caught };
    let value = match made {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => return Err(failed(Caught::Panic(without_internal_location(error.to_problem())))),
        Err(caught) => return Err(failed(caught)),
    };
    scopes.in_setup.pop();
    Ok(value)
}

/// Removes the location of a problem if it is in a built-in fixture, because such lines do not help the user. The report shows the
/// location of the test instead.
fn without_internal_location(problem: Problem) -> Problem {
    const INTERNAL: [&str; 2] = ["itest-runtime/src/", "itest-fixtures/src/"];
    let is_internal = |location: &SourceLocation| INTERNAL.iter().any(|folder| location.as_str().contains(folder));
    Problem { location: problem.location.filter(|location| !is_internal(location)), ..problem }
}

/// Returns the values of `&mut` parameters to their scopes after the test.
pub(crate) fn return_lent(scopes: &mut Scopes<'_>, parameters: &[Parameter], slots: Vec<Slot>) {
    for (parameter, slot) in parameters.iter().zip(slots) {
        let scope = (parameter.fixture)().scope;
        // A test changes only its own copy of a session fixture's value. The copy is dropped, and the next test receives a new one.
        if let Slot::Exclusive(value) = slot
            && scope != Scope::Session
        {
            scopes.store(scope).take_back(value);
        }
    }
}
