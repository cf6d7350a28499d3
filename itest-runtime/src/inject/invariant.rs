//! Invariants: claims that hold after every test that uses the fixtures they borrow.

use std::any::TypeId;
use std::collections::HashSet;
use std::time::Duration;

use super::context::TestInfo;
use super::entry::TestEntry;
use super::fixture::{Access, FixtureDescriptor, Parameter};
use super::function::Function;
use super::scope::Scope;
use crate::model::Problem;

/// The description of an invariant in its expansion.
#[derive(Debug)]
pub struct InvariantEntry {
    /// `module::function`.
    pub name: &'static str,
    /// `file:line:column` of the attribute.
    pub location: &'static str,
    /// The fixtures that the function borrows.
    pub parameters: &'static [Parameter],
    /// The time limit of the function; `None` for that of tests.
    pub timeout: Option<Duration>,
    /// The function.
    pub function: Function<Result<(), Problem>>,
}

inventory::collect!(InvariantEntry);

impl InvariantEntry {
    /// All invariants of this binary, in no particular order.
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>.into_iter()
    }

    /// Whether the invariant is checked after a test: the test uses each fixture that the invariant borrows.
    pub(super) fn applies_to(&self, used: &UsedFixtures) -> bool {
        self.fixtures().all(|fixture| used.contains(fixture))
    }

    /// The fixtures that decide after which tests the invariant runs. Every test has a `TestInfo`, and a fixture such as `Teardown` belongs
    /// to the function that borrows it.
    pub(super) fn fixtures(&self) -> impl Iterator<Item = &'static FixtureDescriptor> {
        let fixtures = self.parameters.iter().map(|parameter| (parameter.fixture)());
        fixtures.filter(|fixture| fixture.scope != Scope::Dependent && fixture.type_id != TypeId::of::<TestInfo>())
    }
}

/// The invariants that are checked after a test, in the order of their names.
#[must_use]
pub(crate) fn invariants_of(test: &TestEntry) -> Vec<&'static InvariantEntry> {
    let mut invariants: Vec<_> = InvariantEntry::all().collect();
    if !invariants.is_empty() {
        let used = UsedFixtures::of(test);
        invariants.retain(|invariant| invariant.applies_to(&used));
        invariants.sort_by_key(|invariant| invariant.name);
    }
    invariants
}

/// The fixtures whose values a test shares with the invariants.
pub(super) struct UsedFixtures(HashSet<TypeId>);

impl UsedFixtures {
    pub(super) fn of(test: &TestEntry) -> Self {
        let mut used = Self(HashSet::new());
        used.add(test.parameters, &mut HashSet::new());
        used
    }

    fn contains(&self, fixture: &FixtureDescriptor) -> bool {
        self.0.contains(&fixture.type_id)
    }

    /// Adds the fixtures that are borrowed, here or by one of these fixtures. An owned value is not added, because an invariant would get
    /// another one.
    fn add(&mut self, parameters: &[Parameter], visited: &mut HashSet<TypeId>) {
        for parameter in parameters {
            let fixture = (parameter.fixture)();
            if parameter.access != Access::Owned {
                self.0.insert(fixture.type_id);
            }
            // The fixtures of a session fixture are in the session server and not in this process.
            if fixture.scope != Scope::Session && visited.insert(fixture.type_id) {
                self.add(fixture.dependencies, visited);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inject::fixture::Fixture;
    use crate::inject::{TestScope, WorkerScope};

    struct Database;
    struct Shop;
    struct Report;

    macro_rules! fixture {
        ($name:ty, $scope:ty, $dependencies:expr) => {
            impl Fixture for $name {
                type Scope = $scope;
                fn descriptor() -> &'static FixtureDescriptor {
                    const {
                        &FixtureDescriptor::of::<Self>(const { $dependencies }, Function::Sync(|_| Err("".into())))
                    }
                }
            }
        };
    }

    fixture!(Database, WorkerScope, &[]);
    fixture!(Shop, TestScope, &[Parameter::shared::<Database, TestScope>()]);
    fixture!(Report, TestScope, OWN_SHOP);

    fn entry(parameters: &'static [Parameter]) -> TestEntry {
        TestEntry::new("test", "t.rs:1:1", Function::Sync(|_| Ok(()))).parameters(parameters)
    }

    /// Whether an invariant with the first parameters applies to a test with the second ones.
    fn applies(borrowed: &'static [Parameter], test: &'static [Parameter]) -> bool {
        let function = Function::Sync(|_| Ok(()));
        let invariant =
            InvariantEntry { name: "i", location: "i.rs:1:1", parameters: borrowed, timeout: None, function };
        invariant.applies_to(&UsedFixtures::of(&entry(test)))
    }

    const DATABASE: &[Parameter] = &[Parameter::shared::<Database, TestScope>()];
    const EXCLUSIVE_DATABASE: &[Parameter] = &[Parameter::exclusive::<Database, TestScope>()];
    const INFO: &[Parameter] = &[Parameter::shared::<TestInfo, TestScope>()];
    const OWN_SHOP: &[Parameter] = &[Parameter::owned::<Shop, TestScope>()];
    const REPORT: &[Parameter] = &[Parameter::owned::<Report, TestScope>()];
    const SHOP: &[Parameter] = &[Parameter::shared::<Shop, TestScope>()];

    #[test]
    fn invariant_applies_to_a_test_that_borrows_its_fixture() {
        assert!(applies(DATABASE, DATABASE));
        assert!(applies(DATABASE, EXCLUSIVE_DATABASE));
        assert!(!applies(SHOP, DATABASE));
        assert!(!applies(DATABASE, &[]));
    }

    #[test]
    fn fixture_of_a_fixture_is_used_and_an_owned_value_is_not() {
        assert!(applies(DATABASE, SHOP));
        assert!(applies(DATABASE, REPORT));
        assert!(!applies(SHOP, OWN_SHOP));
        assert!(!applies(SHOP, REPORT));
    }

    #[test]
    fn invariant_without_fixtures_of_its_own_applies_to_every_test() {
        assert!(applies(&[], &[]));
        assert!(applies(INFO, &[]));
    }
}
