//! The locks on session fixtures. Tests do not declare them; they follow from how tests and fixtures borrow session fixtures.
//!
//! A test uses every session fixture that it depends on, directly or through its test, worker and session fixtures. The test uses a
//! session fixture exclusively if any borrow on a path to the fixture is `&mut`.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use super::entry::TestEntry;
use super::fixture::{Access, FixtureDescriptor, Parameter};
use super::scope::Scope;
use crate::model::{Lock, LockMode};

/// The locks on session fixtures, by test.
#[derive(Debug, Default)]
pub(crate) struct SessionLocks {
    /// The key is the test's name and row offset, because a test that runs over several types has one entry for each type.
    by_test: HashMap<(&'static str, u32), Vec<Lock>>,
}

impl SessionLocks {
    /// Computes the locks of all tests of the suite. A session fixture that is never borrowed as `&mut` needs no lock.
    pub(super) fn find(entries: impl Iterator<Item = &'static TestEntry> + Clone) -> Self {
        let mut search = LockSearch { exclusive: exclusively_borrowed(entries.clone()), cache: HashMap::new() };
        if search.exclusive.is_empty() {
            return Self::default();
        }
        let mut by_test = HashMap::new();
        for entry in entries {
            let modes = search.modes_of_parameters(entry.parameters);
            if !modes.is_empty() {
                by_test.insert((entry.name, entry.row_offset), modes.iter().map(lock).collect());
            }
        }
        Self { by_test }
    }

    /// The locks of one test.
    pub(crate) fn of(&self, entry: &TestEntry) -> Vec<Lock> {
        self.by_test.get(&(entry.name, entry.row_offset)).cloned().unwrap_or_default()
    }
}

/// The lock modes of session fixtures, by the fixtures' keys.
type Modes = BTreeMap<u64, LockMode>;

fn lock((key, mode): (&u64, &LockMode)) -> Lock {
    Lock { key: format!("fixture {key:016x}"), mode: *mode }
}

/// The session fixtures that any of these tests borrows as `&mut`, directly or through other fixtures. Each fixture is visited once.
fn exclusively_borrowed(entries: impl Iterator<Item = &'static TestEntry>) -> HashSet<TypeId> {
    let mut exclusive = HashSet::new();
    let mut visited = HashSet::new();
    let mut unvisited: Vec<&'static [Parameter]> = Vec::new();
    for entry in entries {
        unvisited.push(entry.parameters);
        while let Some(parameters) = unvisited.pop() {
            for parameter in parameters {
                let fixture = (parameter.fixture)();
                if fixture.scope == Scope::Session && parameter.access == Access::Exclusive {
                    exclusive.insert(fixture.type_id);
                }
                if visited.insert(fixture.type_id) {
                    unvisited.push(fixture.dependencies);
                }
            }
        }
    }
    exclusive
}

/// The search for the locks of each test.
struct LockSearch {
    /// The session fixtures that need locks.
    exclusive: HashSet<TypeId>,
    /// The results for the fixtures that were visited. Each fixture is visited once, even if many tests and fixtures depend on it.
    cache: HashMap<TypeId, Rc<Modes>>,
}

impl LockSearch {
    /// The lock modes that these parameters need, directly or through other fixtures. The fixtures must not form a cycle.
    fn modes_of_parameters(&mut self, parameters: &[Parameter]) -> Modes {
        let mut modes = Modes::new();
        for parameter in parameters {
            let fixture = (parameter.fixture)();
            if self.exclusive.contains(&fixture.type_id) {
                let mode = if parameter.access == Access::Exclusive { LockMode::Exclusive } else { LockMode::Shared };
                add(&mut modes, fixture.key(), mode);
            }
            for (key, mode) in &*self.modes_of_fixture(fixture) {
                add(&mut modes, *key, *mode);
            }
        }
        modes
    }

    fn modes_of_fixture(&mut self, fixture: &FixtureDescriptor) -> Rc<Modes> {
        if let Some(modes) = self.cache.get(&fixture.type_id) {
            return Rc::clone(modes);
        }
        let modes = Rc::new(self.modes_of_parameters(fixture.dependencies));
        self.cache.insert(fixture.type_id, Rc::clone(&modes));
        modes
    }
}

/// Adds a mode. If a fixture is borrowed in both modes, the exclusive mode is kept.
fn add(modes: &mut Modes, key: u64, mode: LockMode) {
    let strongest = modes.entry(key).or_insert(mode);
    if mode == LockMode::Exclusive {
        *strongest = mode;
    }
}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::inject::fixture::Fixture;
    use crate::inject::needs::session_needs;
    use crate::inject::scope::FixtureScope;
    use crate::inject::{Function, SessionScope, TestScope, WorkerScope};

    const fn test(name: &'static str, parameters: &'static [Parameter]) -> TestEntry {
        TestEntry::new(name, "a.rs:1:1", Function::Sync(|_| Ok(()))).parameters(parameters)
    }

    const fn described<F: Fixture>(dependencies: &'static [Parameter]) -> FixtureDescriptor {
        FixtureDescriptor::of::<F>(dependencies, Function::Sync(|_| Err("".into())))
    }

    /// Defines a fixture with this name, scope and dependencies.
    macro_rules! fixture {
        ($name:ident, $scope:ident, [$($dependency:expr),*]) => {
            struct $name;
            impl Fixture for $name {
                type Scope = $scope;
                fn descriptor() -> &'static FixtureDescriptor {
                    const { &described::<Self>(const { &[$($dependency),*] }) }
                }
            }
        };
    }

    fixture!(Broker, SessionScope, []);
    fixture!(Topic, SessionScope, [Parameter::shared::<Broker, SessionScope>()]);
    fixture!(Cleared, SessionScope, [Parameter::exclusive::<Broker, SessionScope>()]);
    fixture!(Consumer, WorkerScope, [Parameter::shared::<Topic, WorkerScope>()]);
    fixture!(Order, TestScope, [Parameter::shared::<Consumer, TestScope>(), Parameter::shared::<Broker, TestScope>()]);
    fixture!(Restart, TestScope, [Parameter::exclusive::<Broker, TestScope>()]);
    fixture!(Unrelated, SessionScope, []);

    /// The mode in which each of these tests locks the broker.
    fn modes_of_broker<const N: usize>(tests: [TestEntry; N]) -> [Option<LockMode>; N] {
        let tests = tests.map(|test| &*Box::leak(Box::new(test)));
        let locks = SessionLocks::find(tests.into_iter());
        let key = format!("fixture {:016x}", Broker::descriptor().key());
        tests.map(|test| locks.of(test).into_iter().find(|lock| lock.key == key).map(|lock| lock.mode))
    }

    #[test]
    fn locks_follow_every_dependency_path() {
        let tests = [
            test("exclusively", const { &[Parameter::exclusive::<Broker, TestScope>()] }),
            test("directly", const { &[Parameter::shared::<Broker, TestScope>()] }),
            test("through_session_fixture", const { &[Parameter::shared::<Topic, TestScope>()] }),
            test("through_exclusive_session_fixture", const { &[Parameter::exclusive::<Topic, TestScope>()] }),
            test("through_worker_fixture", const { &[Parameter::shared::<Consumer, TestScope>()] }),
            test("through_owned_test_fixture", const { &[Parameter::owned::<Order, TestScope>()] }),
            test("through_test_fixture_with_exclusive_borrow", const { &[Parameter::shared::<Restart, TestScope>()] }),
            test(
                "through_session_fixture_with_exclusive_borrow",
                const { &[Parameter::shared::<Cleared, TestScope>()] },
            ),
            test("not_at_all", const { &[Parameter::shared::<Unrelated, TestScope>()] }),
            test("without_fixtures", &[]),
        ];
        let (shared, exclusive) = (Some(LockMode::Shared), Some(LockMode::Exclusive));
        let expected = [exclusive, shared, shared, shared, shared, shared, exclusive, exclusive, None, None];
        assert_eq!(modes_of_broker(tests), expected);
    }

    #[test]
    fn exclusive_borrow_on_any_path_locks_exclusively() {
        const DIRECTLY: Parameter = Parameter::exclusive::<Broker, TestScope>();
        const THROUGH: Parameter = Parameter::shared::<Order, TestScope>();
        let tests = [test("first", const { &[DIRECTLY, THROUGH] }), test("last", const { &[THROUGH, DIRECTLY] })];
        assert_eq!(modes_of_broker(tests), [Some(LockMode::Exclusive); 2]);
    }

    #[test]
    fn session_fixture_without_exclusive_borrow_needs_no_lock() {
        let tests = [
            test("one", const { &[Parameter::shared::<Order, TestScope>()] }),
            test("other", const { &[Parameter::exclusive::<Order, TestScope>()] }),
        ];
        assert_eq!(modes_of_broker(tests), [None; 2]);
    }

    struct Backend<const NUMBER: u8>;

    impl<const NUMBER: u8> Fixture for Backend<NUMBER> {
        type Scope = SessionScope;
        fn descriptor() -> &'static FixtureDescriptor {
            const { &described::<Self>(&[]) }
        }
    }

    struct Shop<B>(PhantomData<B>);

    impl<B: Fixture<Scope = SessionScope>> Fixture for Shop<B> {
        type Scope = TestScope;
        fn descriptor() -> &'static FixtureDescriptor {
            const { &described::<Self>(const { &[Parameter::exclusive::<B, TestScope>()] }) }
        }
    }

    #[test]
    fn test_over_several_types_has_the_locks_of_each_type() {
        const fn over(row_offset: u32, parameters: &'static [Parameter]) -> TestEntry {
            TestEntry { row_offset, ..test("sells", parameters) }
        }
        static FIRST: TestEntry = over(0, &[Parameter::exclusive::<Backend<1>, TestScope>()]);
        static SECOND: TestEntry = over(1, &[Parameter::shared::<Shop<Backend<2>>, TestScope>()]);
        let locks = SessionLocks::find([&FIRST, &SECOND].into_iter());
        let key = |fixture: &FixtureDescriptor| format!("fixture {:016x}", fixture.key());
        let keys = |entry| locks.of(entry).into_iter().map(|lock| lock.key).collect::<Vec<_>>();
        assert_eq!(keys(&FIRST), [key(Backend::<1>::descriptor())]);
        assert_eq!(keys(&SECOND), [key(Backend::<2>::descriptor())]);
    }

    /// A fixture at one side of a diamond of dependencies. It depends on both sides of the diamond below it.
    struct Side<Below, Scope, const SIDE: u8>(PhantomData<(Below, Scope)>);

    struct Bottom;
    struct On<Below>(PhantomData<Below>);

    static DESCRIPTORS_READ: AtomicUsize = AtomicUsize::new(0);

    impl<S: FixtureScope, const SIDE: u8> Fixture for Side<Bottom, S, SIDE>
    where
        SessionScope: crate::inject::LivesAsLongAs<S>,
    {
        type Scope = S;
        fn descriptor() -> &'static FixtureDescriptor {
            DESCRIPTORS_READ.fetch_add(1, Ordering::Relaxed);
            const { &described::<Self>(const { &[Parameter::exclusive::<Broker, S>()] }) }
        }
    }

    impl<Below: 'static, S, const SIDE: u8> Fixture for Side<On<Below>, S, SIDE>
    where
        S: FixtureScope + crate::inject::LivesAsLongAs<S>,
        Side<Below, S, 0>: Fixture<Scope = S>,
        Side<Below, S, 1>: Fixture<Scope = S>,
    {
        type Scope = S;
        fn descriptor() -> &'static FixtureDescriptor {
            DESCRIPTORS_READ.fetch_add(1, Ordering::Relaxed);
            const {
                &described::<Self>(
                    const { &[Parameter::shared::<Side<Below, S, 0>, S>(), Parameter::shared::<Side<Below, S, 1>, S>()] },
                )
            }
        }
    }

    type Four<T> = On<On<On<On<T>>>>;
    /// A chain of diamonds with 2³² dependency paths.
    type Deep = Four<Four<Four<Four<Four<Four<Four<Four<Bottom>>>>>>>>;

    #[test]
    fn locks_over_deep_diamond_take_linear_time() {
        const TESTS: usize = 1_000;
        const OVER_DIAMONDS: &[Parameter] = const {
            &[
                Parameter::shared::<Side<Deep, TestScope, 0>, TestScope>(),
                Parameter::shared::<Side<Deep, SessionScope, 0>, TestScope>(),
            ]
        };
        let leaked = |number: usize| &*Box::leak(Box::new(test(format!("test_{number}").leak(), OVER_DIAMONDS)));
        let tests: Vec<&'static TestEntry> = (0..TESTS).map(leaked).collect();
        let locks = SessionLocks::find(tests.iter().copied());
        assert!(tests.iter().all(|test| locks.of(test).len() == 1));
        // There are two diamonds of 33 layers. Each layer has two fixtures with two dependencies, and each test has two parameters. `find`
        // reads all of them twice.
        let bound = 2 * 33 * 4 * 2 + TESTS * 2 * 2;
        let read = DESCRIPTORS_READ.swap(0, Ordering::Relaxed);
        assert!(read <= bound, "{read} descriptors were read; at most {bound} are needed");

        assert_eq!(session_needs(OVER_DIAMONDS).len(), 2, "the broker and the diamond of session fixtures");
        let read = DESCRIPTORS_READ.swap(0, Ordering::Relaxed);
        assert!(read <= bound, "{read} descriptors were read for one test's needs");
    }
}
