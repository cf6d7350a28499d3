//! The registry of all tests, the same in every process of one run.

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::durable::TeardownEntry;
use super::entry::TestEntry;
use super::fixture::{Access, FixtureDescriptor, Parameter};
use super::locks::SessionLocks;
use super::scope::Scope;
use crate::model::{Case, CaseIndex, HarnessError, Lock, LockMode, SourceLocation, TestId};

/// A case and the entry that runs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RegisteredCase {
    /// The test.
    pub entry: &'static TestEntry,
    /// The row, for a test with several cases.
    pub row: u32,
}

impl RegisteredCase {
    /// `module::test` or `module::test::case`.
    #[must_use]
    pub(crate) fn name(&self) -> Cow<'static, str> {
        let name = self.entry.name;
        match self.entry.cases.get(self.row as usize) {
            Some(case) => Cow::Owned(format!("{name}::{case}")),
            None => Cow::Borrowed(name),
        }
    }

    /// Its name as an id.
    #[must_use]
    pub(crate) fn id(&self) -> TestId {
        self.name().into()
    }
}

/// A case with as much as is needed to decide whether it is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its position in the registry.
    pub index: CaseIndex,
    case: RegisteredCase,
}

impl Candidate {
    /// The test.
    #[must_use]
    pub(crate) fn entry(&self) -> &'static TestEntry {
        self.case.entry
    }

    /// Its number among the test's cases.
    #[must_use]
    pub(crate) fn row(&self) -> u32 {
        self.case.entry.before + self.case.row
    }

    /// What is known of the case, as plain data.
    #[must_use]
    pub(crate) fn describe(&self) -> Case {
        let entry = self.case.entry;
        Case {
            id: self.id(),
            index: self.index,
            location: SourceLocation::new(entry.location),
            meta: entry.meta,
            locks: locks(entry),
            round: 1,
        }
    }

    /// Its name as an id.
    #[must_use]
    pub(crate) fn id(&self) -> TestId {
        self.name.clone().into()
    }
}

/// All cases of this binary.
///
/// They are numbered as they were submitted, which is the same order in every process of one binary. Sorting is left to
/// `plan`, which only the supervisor needs: a worker looks its cases up by number.
#[derive(Debug)]
pub(crate) struct Registry {
    cases: Vec<RegisteredCase>,
}

impl Registry {
    /// Gathers what the macros submitted.
    pub(crate) fn collect() -> Self {
        Self::from_entries(TestEntry::all())
    }

    fn from_entries(entries: impl IntoIterator<Item = &'static TestEntry>) -> Self {
        let mut cases = Vec::new();
        for entry in entries {
            cases.push(RegisteredCase { entry, row: 0 });
            let rows = u32::try_from(entry.cases.len()).unwrap_or(u32::MAX);
            for row in 1..rows {
                cases.push(RegisteredCase { entry, row });
            }
        }
        Self { cases }
    }

    /// The case at a position.
    #[must_use]
    pub(crate) fn get(&self, index: CaseIndex) -> Option<RegisteredCase> {
        self.cases.get(index.position()).copied()
    }

    /// Whether any test asks for anything.
    #[must_use]
    pub(crate) fn has_fixtures(&self) -> bool {
        self.cases.iter().any(|case| !case.entry.parameters.is_empty())
    }

    /// A number that differs between two suites of different tests.
    #[must_use]
    pub(crate) fn fingerprint(&self) -> u64 {
        self.cases.iter().fold(self.cases.len() as u64, |hash, case| {
            let lengths = (case.entry.name.len() as u64) << 32 | case.entry.location.len() as u64;
            (hash ^ lengths ^ u64::from(case.row)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }

    /// All cases, in the registry's order.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = Candidate> {
        let candidate = |(index, case): (u32, &RegisteredCase)| Candidate {
            name: case.name(),
            index: CaseIndex(index),
            case: *case,
        };
        (0..).zip(&self.cases).map(candidate)
    }

    /// The locks that follow from how tests ask for session fixtures.
    #[must_use]
    pub(crate) fn session_locks(&self) -> SessionLocks {
        SessionLocks::find(self.cases.iter().filter(|case| case.row == 0).map(|case| case.entry))
    }

    /// The session fixture of a key, if any test can reach it.
    #[must_use]
    pub(crate) fn session_fixture(&self, key: u64) -> Option<&'static FixtureDescriptor> {
        let mut seen = HashSet::new();
        let mut unseen: Vec<&'static FixtureDescriptor> =
            self.cases.iter().flat_map(|case| case.entry.parameters).map(|parameter| (parameter.fixture)()).collect();
        while let Some(fixture) = unseen.pop() {
            if fixture.scope == Scope::Session && fixture.key() == key {
                return Some(fixture);
            }
            if seen.insert(fixture.type_id) {
                unseen.extend(fixture.dependencies.iter().map(|dependency| (dependency.fixture)()));
            }
        }
        None
    }

    /// Looks at the fixtures of all tests before any of them runs.
    ///
    /// # Errors
    ///
    /// Fixtures in a circle, as a path; one value borrowed in two ways that exclude each other; two teardown functions of
    /// one name.
    pub(crate) fn check(&self) -> Result<(), HarnessError> {
        refuse_duplicates(TeardownEntry::all())?;
        let mut known_good = Vec::new();
        for case in &self.cases {
            if case.row > 0 || case.entry.parameters.is_empty() {
                continue;
            }
            for parameter in case.entry.parameters {
                refuse_circles((parameter.fixture)(), &mut Vec::new(), &mut known_good)?;
            }
            refuse_conflicts(case.entry)?;
        }
        Ok(())
    }
}

fn locks(entry: &TestEntry) -> Vec<Lock> {
    // Test and worker fixtures belong to one process, which runs one test at a time: `&mut` on them needs no lock.
    match entry.meta.serial {
        Some(key) => vec![Lock { key: format!("serial {key}"), mode: LockMode::Exclusive }],
        None => Vec::new(),
    }
}

/// The ledger knows teardown functions by their names alone.
fn refuse_duplicates(entries: impl IntoIterator<Item = &'static TeardownEntry>) -> Result<(), HarnessError> {
    let mut places: HashMap<&str, &str> = HashMap::new();
    for entry in entries {
        if let Some(first) = places.insert(entry.name, entry.location) {
            return Err(HarnessError::DuplicateTeardown {
                name: entry.name.to_owned(),
                first: first.min(entry.location).to_owned(),
                second: first.max(entry.location).to_owned(),
            });
        }
    }
    Ok(())
}

fn refuse_circles(
    fixture: &'static FixtureDescriptor,
    path: &mut Vec<&'static FixtureDescriptor>,
    known_good: &mut Vec<TypeId>,
) -> Result<(), HarnessError> {
    if known_good.contains(&fixture.type_id) {
        return Ok(());
    }
    if let Some(start) = path.iter().position(|earlier| earlier.type_id == fixture.type_id) {
        let names: Vec<_> = path[start..].iter().chain([&fixture]).map(|fixture| fixture.short_name()).collect();
        return Err(HarnessError::FixtureCycle { path: names.join(" -> ") });
    }
    path.push(fixture);
    for dependency in fixture.dependencies {
        refuse_circles((dependency.fixture)(), path, known_good)?;
    }
    path.pop();
    known_good.push(fixture.type_id);
    Ok(())
}

fn refuse_conflicts(entry: &TestEntry) -> Result<(), HarnessError> {
    let borrowed = |parameter: &&Parameter| parameter.access != Access::Owned;
    let borrowed: Vec<_> = entry.parameters.iter().filter(borrowed).collect();
    for (position, parameter) in borrowed.iter().enumerate() {
        let fixture = (parameter.fixture)();
        let conflict = borrowed[..position].iter().any(|earlier| {
            (earlier.fixture)().type_id == fixture.type_id
                && (earlier.access == Access::Exclusive || parameter.access == Access::Exclusive)
        });
        if conflict && fixture.scope != Scope::Asker {
            return Err(HarnessError::ConflictingBorrows {
                owner: format!("`{}` ({})", entry.name, entry.location),
                fixture: fixture.short_name(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inject::FunctionKind;
    use crate::inject::TestInfo;
    use crate::inject::fixture::Fixture;
    use crate::model::{CaseMeta, Order, Seed};
    use crate::plan::{NamedCase, by_name, ordered};

    const fn entry(name: &'static str, location: &'static str, cases: &'static [&'static str]) -> TestEntry {
        TestEntry {
            name,
            location,
            parameters: &[],
            cases,
            before: 0,
            meta: &CaseMeta::PLAIN,
            kind: FunctionKind::Async,
            run: |_| Box::pin(async { Ok(()) }),
        }
    }

    static PAY: TestEntry = entry("orders::pay", "a.rs:3:1", &["visa", "master"]);
    static LIST: TestEntry = entry("orders::list", "a.rs:1:1", &[]);
    static LIST_AGAIN: TestEntry = entry("orders::list", "b.rs:9:1", &[]);

    static SELL_SQLITE: TestEntry = entry("orders::sell", "a.rs:5:1", &["sqlite::one", "sqlite::two"]);
    static SELL_POSTGRES: TestEntry =
        TestEntry { before: 2, ..entry("orders::sell", "a.rs:5:1", &["postgres::one", "postgres::two"]) };

    fn named(candidate: &Candidate) -> NamedCase<'_> {
        NamedCase { name: &candidate.name, location: candidate.entry().location, row: candidate.row() }
    }

    #[test]
    fn the_order_of_submission_does_not_matter() {
        let names = |entries: [&'static TestEntry; 2]| {
            let candidates: Vec<_> = Registry::from_entries(entries).candidates().collect();
            let named: Vec<_> = candidates.iter().map(named).collect();
            by_name(&named).unwrap().into_iter().map(|position| named[position].name.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names([&PAY, &LIST]), ["orders::list", "orders::pay::master", "orders::pay::visa"]);
        assert_eq!(names([&PAY, &LIST]), names([&LIST, &PAY]));
    }

    #[test]
    fn types_of_a_test_come_in_the_order_of_their_list() {
        for entries in [[&SELL_SQLITE, &SELL_POSTGRES], [&SELL_POSTGRES, &SELL_SQLITE]] {
            let candidates: Vec<_> = Registry::from_entries(entries).candidates().collect();
            let named: Vec<_> = candidates.iter().map(named).collect();
            let order = ordered(&named, Order::Declared, Seed(1)).unwrap();
            let told: Vec<_> = order.into_iter().map(|position| named[position].name).collect();
            let listed = ["sqlite::one", "sqlite::two", "postgres::one", "postgres::two"];
            assert_eq!(told, listed.map(|case| format!("orders::sell::{case}")));
        }
    }

    #[test]
    fn a_name_taken_twice_is_refused_with_both_places() {
        let candidates: Vec<_> = Registry::from_entries([&LIST, &PAY, &LIST_AGAIN]).candidates().collect();
        let named: Vec<_> = candidates.iter().map(named).collect();
        let told = "two tests are named `orders::list`: at a.rs:1:1 and at b.rs:9:1; rename one of them";
        assert_eq!(by_name(&named).unwrap_err().to_string(), told);
        for order in [Order::Random, Order::Declared, Order::Reverse] {
            assert_eq!(ordered(&named, order, Seed(1)).unwrap_err().to_string(), told);
        }
    }

    struct Egg;
    struct Hen;

    impl Fixture for Egg {
        type Scope = crate::inject::TestScope;
        fn descriptor() -> &'static FixtureDescriptor {
            const {
                &FixtureDescriptor::of::<Self>(
                    FunctionKind::Async,
                    const { &[Parameter::shared::<Hen, Self::Scope>()] },
                    |_| Box::pin(async { Err("".into()) }),
                )
            }
        }
    }

    impl Fixture for Hen {
        type Scope = crate::inject::TestScope;
        fn descriptor() -> &'static FixtureDescriptor {
            const {
                &FixtureDescriptor::of::<Self>(
                    FunctionKind::Async,
                    const { &[Parameter::shared::<Egg, Self::Scope>()] },
                    |_| Box::pin(async { Err("".into()) }),
                )
            }
        }
    }

    #[test]
    fn fixtures_in_a_circle_are_told_as_a_path() {
        static CIRCLE: TestEntry = TestEntry {
            parameters: &[Parameter::shared::<Egg, crate::inject::TestScope>()],
            ..entry("breakfast", "c.rs:1:1", &[])
        };
        let message = Registry::from_entries([&CIRCLE]).check().unwrap_err().to_string();
        assert!(message.contains("Egg -> Hen -> Egg"), "{message}");
    }

    #[test]
    fn one_value_is_not_borrowed_in_two_ways() {
        static BOTH: TestEntry = TestEntry {
            parameters: &[
                Parameter::shared::<TestInfo, crate::inject::TestScope>(),
                Parameter::exclusive::<TestInfo, crate::inject::TestScope>(),
            ],
            ..entry("greedy", "d.rs:1:1", &[])
        };
        let message = Registry::from_entries([&BOTH]).check().unwrap_err().to_string();
        assert!(message.contains("`TestInfo` as `&mut`"), "{message}");
    }
}
