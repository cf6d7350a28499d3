//! Which session fixtures a test needs, found in the static descriptions before anything runs.

use std::any::TypeId;
use std::collections::HashSet;

use super::fixture::{FixtureDescriptor, Parameter};
use super::panic::Caught;
use super::scope::Scope;
use super::store::{ScopeStore, Stored};
use crate::model::Problem;

/// A session fixture whose value a test needs, itself or through other fixtures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionNeed {
    /// The fixture.
    pub fixture: &'static FixtureDescriptor,
}

/// The session fixtures behind these parameters, each once, and none of those that session fixtures themselves ask for.
///
/// The fixtures must not be in a circle.
#[must_use]
pub(crate) fn session_needs(parameters: &[Parameter]) -> Vec<SessionNeed> {
    let mut needs = Vec::new();
    collect(parameters, &mut HashSet::new(), &mut needs);
    needs
}

impl ScopeStore {
    /// Whether a session fixture's value must still be fetched.
    pub(crate) fn lacks(&self, fixture: &FixtureDescriptor) -> bool {
        self.find(fixture.type_id).is_none()
    }

    /// Takes a copy of a session fixture's value, or the reason why there is none; it is told to everyone who asks.
    pub(crate) fn receive(&mut self, fixture: &FixtureDescriptor, told: Result<String, Caught>) {
        let value = told.and_then(|json| match fixture.crossing {
            Some(crossing) => crossing.read_back(&json).map_err(Caught::Panic),
            None => Err(Caught::Panic(Problem::new("itest: this fixture cannot cross; please report this"))),
        });
        let state = match value {
            Ok(value) => Stored::Ready(value.into()),
            Err(caught) => Stored::Failed(caught),
        };
        self.mark(fixture.type_id, state);
    }
}

/// Each fixture is visited once, because several of them may share what they ask for.
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
