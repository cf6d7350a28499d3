//! The session fixtures that a test needs. They are collected from the static descriptions before the test runs.

use std::any::TypeId;
use std::collections::HashSet;

use super::fixture::{FixtureDescriptor, Parameter};
use super::panic::Caught;
use super::scope::Scope;
use super::store::{ScopeStore, Stored};
use crate::model::Problem;

/// A session fixture that a test needs, directly or through other fixtures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionNeed {
    /// The fixture.
    pub fixture: &'static FixtureDescriptor,
}

/// The session fixtures that these parameters need, each once. Session fixtures that only other session fixtures need are not
/// included, because the session server makes them.
#[must_use]
pub(crate) fn session_needs(parameters: &[Parameter]) -> Vec<SessionNeed> {
    let mut needs = Vec::new();
    collect(parameters, &mut HashSet::new(), &mut needs);
    needs
}

/// Whether these parameters need a fixture, directly or through other fixtures.
#[must_use]
pub(crate) fn uses_fixture(parameters: &[Parameter], fixture: TypeId) -> bool {
    is_used(parameters, fixture, &mut HashSet::new())
}

fn is_used(parameters: &[Parameter], fixture: TypeId, visited: &mut HashSet<TypeId>) -> bool {
    parameters.iter().any(|parameter| {
        let used = (parameter.fixture)();
        used.type_id == fixture || visited.insert(used.type_id) && is_used(used.dependencies, fixture, visited)
    })
}

impl ScopeStore {
    /// Whether a session fixture's value must still be fetched.
    pub(crate) fn lacks(&self, fixture: &FixtureDescriptor) -> bool {
        self.find(fixture.type_id).is_none()
    }

    /// Stores the session server's answer: a copy of a session fixture's value, or the failure of its setup. A failure fails every test
    /// that needs the fixture.
    pub(crate) fn receive(&mut self, fixture: &FixtureDescriptor, answer: Result<String, Caught>) {
        let value = answer.and_then(|json| match fixture.codec {
            Some(codec) => codec.decode(&json).map_err(Caught::Panic),
            None => Err(Caught::Panic(Problem::new("itest: this fixture has no codec; please report this"))),
        });
        let state = match value {
            Ok(value) => Stored::Ready(value.into()),
            Err(caught) => Stored::Failed(caught),
        };
        self.set(fixture.type_id, state);
    }
}

/// Visits each fixture once, because several fixtures may share dependencies.
fn collect(parameters: &[Parameter], visited: &mut HashSet<TypeId>, needs: &mut Vec<SessionNeed>) {
    for parameter in parameters {
        let fixture = (parameter.fixture)();
        if !visited.insert(fixture.type_id) {
            continue;
        }
        if fixture.scope == Scope::Session {
            needs.push(SessionNeed { fixture });
        } else {
            collect(fixture.dependencies, visited, needs);
        }
    }
}
