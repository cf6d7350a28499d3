//! Locks that nobody writes down: they follow from how tests borrow session fixtures.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};

use super::entry::TestEntry;
use super::fixture::{Access, FixtureDescriptor};
use super::needs::session_needs;
use super::scope::Scope;
use crate::model::{Lock, LockMode};

/// The locks on session fixtures, by test.
#[derive(Debug, Default)]
pub(crate) struct SessionLocks {
    /// By name and place in the test: one that runs over several types has an entry for each.
    by_test: HashMap<(&'static str, u32), Vec<Lock>>,
}

impl SessionLocks {
    /// Looks at all tests of the suite. What none of them asks for alone is shared without a lock.
    pub(super) fn find(entries: impl Iterator<Item = &'static TestEntry>) -> Self {
        let mut reaching = HashMap::new();
        let mut by_test = HashMap::new();
        for entry in entries {
            let reaches = |known: &mut HashMap<_, _>| {
                entry.parameters.iter().any(|parameter| reaches_session((parameter.fixture)(), known))
            };
            if entry.parameters.is_empty() || !reaches(&mut reaching) {
                continue;
            }
            let locks = session_needs(entry.parameters).into_iter().map(|need| Lock {
                key: format!("fixture {:016x}", need.fixture.key()),
                mode: if need.access == Access::Exclusive { LockMode::Exclusive } else { LockMode::Shared },
            });
            by_test.insert((entry.name, entry.before), locks.collect::<Vec<_>>());
        }
        let is_exclusive = |lock: &&Lock| lock.mode == LockMode::Exclusive;
        let exclusive: HashSet<String> =
            by_test.values().flatten().filter(is_exclusive).map(|lock| lock.key.clone()).collect();
        for locks in by_test.values_mut() {
            locks.retain(|lock| exclusive.contains(&lock.key));
        }
        Self { by_test }
    }

    /// Those of one test.
    pub(crate) fn of(&self, entry: &TestEntry) -> Vec<Lock> {
        self.by_test.get(&(entry.name, entry.before)).cloned().unwrap_or_default()
    }
}

fn reaches_session(fixture: &'static FixtureDescriptor, known: &mut HashMap<TypeId, bool>) -> bool {
    if fixture.scope == Scope::Session {
        return true;
    }
    if let Some(known) = known.get(&fixture.type_id) {
        return *known;
    }
    let reaches = fixture.dependencies.iter().any(|dependency| reaches_session((dependency.fixture)(), known));
    known.insert(fixture.type_id, reaches);
    reaches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inject::fixture::{Fixture, Parameter};
    use crate::inject::{FunctionKind, SessionScope, TestScope};
    use crate::model::CaseMeta;

    struct Backend<const NUMBER: u8>;

    impl<const NUMBER: u8> Fixture for Backend<NUMBER> {
        type Scope = SessionScope;
        fn descriptor() -> &'static FixtureDescriptor {
            const { &FixtureDescriptor::of::<Self>(FunctionKind::Async, &[], |_| Box::pin(async { Err("".into()) })) }
        }
    }

    #[test]
    fn a_test_over_several_types_locks_what_each_of_them_asks_for() {
        const fn over(before: u32, parameters: &'static [Parameter]) -> TestEntry {
            TestEntry {
                name: "sells",
                location: "a.rs:1:1",
                parameters,
                cases: &["one"],
                before,
                meta: &CaseMeta::PLAIN,
                kind: FunctionKind::Async,
                run: |_| Box::pin(async { Ok(()) }),
            }
        }
        static FIRST: TestEntry = over(0, &[Parameter::exclusive::<Backend<1>, TestScope>()]);
        static SECOND: TestEntry = over(1, &[Parameter::exclusive::<Backend<2>, TestScope>()]);
        let locks = SessionLocks::find([&FIRST, &SECOND].into_iter());
        let key = |fixture: &FixtureDescriptor| format!("fixture {:016x}", fixture.key());
        let keys = |entry| locks.of(entry).into_iter().map(|lock| lock.key).collect::<Vec<_>>();
        assert_eq!(keys(&FIRST), [key(Backend::<1>::descriptor())]);
        assert_eq!(keys(&SECOND), [key(Backend::<2>::descriptor())]);
    }
}
