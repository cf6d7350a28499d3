//! The registry of all tests. It is the same in every process of one run.

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::case_source::CaseSource;
use super::durable::TeardownEntry;
use super::entry::{Cases, TestEntry};
use super::fixture::{Access, FixtureDescriptor, Parameter};
use super::invariant::{InvariantEntry, UsedFixtures};
use super::locks::SessionLocks;
use super::scope::Scope;
use crate::model::{Case, CaseIndex, HarnessError, Lock, LockMode, SourceLocation, TestId};

/// A case, as the entry of its test and the row of its parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RegisteredCase {
    /// The entry of the test.
    pub entry: &'static TestEntry,
    /// The row of a test with several cases.
    pub row: u32,
}

impl RegisteredCase {
    /// The full name: `module::test` or `module::test::case`.
    #[must_use]
    pub(crate) fn name(&self) -> Cow<'static, str> {
        let name = self.entry.name;
        match self.entry.cases {
            Cases::Listed(names) => match names.get(self.row as usize) {
                Some(case) => Cow::Owned(format!("{name}::{case}")),
                None => Cow::Borrowed(name),
            },
            Cases::AtRunTime(_) => {
                Cow::Owned(format!("{name}::{}", self.entry.case_name(self.row).unwrap_or_default()))
            }
        }
    }

    /// The full name as an id.
    #[must_use]
    pub(crate) fn id(&self) -> TestId {
        self.name().into()
    }
}

/// A case that the selection may include, with the data that the selection needs.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// The full name.
    pub name: Cow<'static, str>,
    /// The position in the registry.
    pub index: CaseIndex,
    case: RegisteredCase,
}

impl Candidate {
    /// The entry of the test.
    #[must_use]
    pub(crate) fn entry(&self) -> &'static TestEntry {
        self.case.entry
    }

    /// The number of the case among all cases of the test.
    #[must_use]
    pub(crate) fn row(&self) -> u32 {
        self.case.entry.row_offset + self.case.row
    }

    /// Describes the case as plain data.
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

    /// The full name as an id.
    #[must_use]
    pub(crate) fn id(&self) -> TestId {
        self.name.clone().into()
    }
}

/// All cases of this binary.
///
/// The cases are numbered in the order of submission, which is the same in every process of one binary. Only the supervisor sorts
/// them, in `plan`; a worker finds its cases by number.
#[derive(Debug)]
pub(crate) struct Registry {
    cases: Vec<RegisteredCase>,
    /// The tests whose cases are found when the suite starts.
    searching: Vec<(&'static TestEntry, &'static dyn CaseSource)>,
}

impl Registry {
    /// Collects the entries that the macros submitted, and finds the cases that exist only at run time.
    ///
    /// # Errors
    ///
    /// When the cases of a test cannot be found.
    pub(crate) fn collect() -> Result<Self, HarnessError> {
        let (registry, errors) = Self::from_entries(TestEntry::all());
        errors.into_iter().next().map_or(Ok(registry), Err)
    }

    /// Collects the entries for a report of past runs, which runs nothing. Also returns the reasons why the cases of some tests cannot be found;
    /// these tests are left out.
    pub(crate) fn collect_available() -> (Self, Vec<HarnessError>) {
        Self::from_entries(TestEntry::all())
    }

    /// Collects the entries for a process that runs no tests, and searches for no cases.
    pub(crate) fn of_session() -> Self {
        let cases = TestEntry::all().map(|entry| RegisteredCase { entry, row: 0 }).collect();
        Self { cases, searching: Vec::new() }
    }

    fn from_entries(entries: impl IntoIterator<Item = &'static TestEntry>) -> (Self, Vec<HarnessError>) {
        let (mut cases, mut searching, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            let first = RegisteredCase { entry, row: 0 };
            let rows = match entry.cases {
                // Most tests have one case, and a range of one row would take a fiftieth of the time in which an unoptimized suite is listed.
                Cases::Listed([] | [_]) => {
                    cases.push(first);
                    continue;
                }
                Cases::Listed(names) => names.len(),
                Cases::AtRunTime(discovered) => {
                    if let Err(reason) = discovered.search() {
                        errors.push(no_cases(entry, reason));
                        continue;
                    }
                    searching.push((entry, *discovered));
                    discovered.rows()
                }
            };
            let others = 1..u32::try_from(rows).unwrap_or(u32::MAX);
            cases.push(first);
            cases.extend(others.map(|row| RegisteredCase { entry, row }));
        }
        (Self { cases, searching }, errors)
    }

    /// The cases that were found, for the workers of the run.
    #[must_use]
    pub(crate) fn run_time_cases(&self) -> Vec<(String, String)> {
        let mut cases = Vec::new();
        for (entry, discovered) in &self.searching {
            cases.push((entry.key(), discovered.to_text()));
        }
        cases
    }

    /// The checksums of the files of cases, by the names of the cases.
    #[must_use]
    pub(crate) fn case_files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for (entry, discovered) in &self.searching {
            for (case, checksum) in discovered.checksums() {
                files.insert(format!("{}::{case}", entry.name), checksum);
            }
        }
        files
    }

    /// The case at a position.
    #[must_use]
    pub(crate) fn get(&self, index: CaseIndex) -> Option<RegisteredCase> {
        self.cases.get(index.position()).copied()
    }

    /// Whether any test has a fixture.
    #[must_use]
    pub(crate) fn has_fixtures(&self) -> bool {
        self.cases.iter().any(|case| !case.entry.parameters.is_empty())
    }

    /// A hash that differs between suites with different tests.
    #[must_use]
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut start = self.cases.len() as u64;
        for (_, discovered) in &self.searching {
            start ^= u64::from(crc32fast::hash(discovered.to_text().as_bytes()));
        }
        self.cases.iter().fold(start, |hash, case| {
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

    /// The locks that the tests' borrows of session fixtures require.
    #[must_use]
    pub(crate) fn session_locks(&self) -> SessionLocks {
        SessionLocks::find(self.cases.iter().filter(|case| case.row == 0).map(|case| case.entry))
    }

    /// Finds a session fixture by its key. `None` if no test depends on it.
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

    /// Checks the fixtures of all tests before any test runs.
    ///
    /// # Errors
    ///
    /// When fixtures depend on each other in a cycle, a test has conflicting borrows of one value, no test uses the fixtures of an
    /// invariant, or two teardown functions have the same name.
    pub(crate) fn check(&self) -> Result<(), HarnessError> {
        reject_duplicates(TeardownEntry::all())?;
        let mut without_cycle = Vec::new();
        for case in &self.cases {
            if case.row > 0 || case.entry.parameters.is_empty() {
                continue;
            }
            for parameter in case.entry.parameters {
                reject_cycles((parameter.fixture)(), &mut Vec::new(), &mut without_cycle)?;
            }
            reject_conflicting_borrows(case.entry)?;
        }
        self.reject_unused_invariants()
    }
}

impl Registry {
    /// Rejects an invariant that would run after no test, because its claim would never be checked.
    fn reject_unused_invariants(&self) -> Result<(), HarnessError> {
        let mut unused: Vec<_> = InvariantEntry::all().collect();
        unused.sort_by_key(|invariant| invariant.name);
        for case in self.cases.iter().filter(|case| case.row == 0) {
            if unused.is_empty() {
                return Ok(());
            }
            let used = UsedFixtures::of(case.entry);
            unused.retain(|invariant| !invariant.applies_to(&used));
        }
        let Some(invariant) = unused.first().filter(|_| !self.cases.is_empty()) else { return Ok(()) };
        let fixtures: Vec<_> = invariant.fixtures().map(|fixture| format!("`{}`", fixture.short_name())).collect();
        Err(HarnessError::UnusedInvariant {
            name: invariant.name.to_owned(),
            location: invariant.location.to_owned(),
            fixtures: fixtures.join(", "),
        })
    }
}

/// Gives the tests of this process the cases that the run's first process has found.
pub(crate) fn receive_run_time_cases(discovered: &[(String, String)]) {
    for (test, discovered) in discovered {
        for entry in TestEntry::all() {
            if let Some(cases) = entry.case_source()
                && entry.key() == *test
            {
                cases.give(discovered);
            }
        }
    }
}

fn no_cases(entry: &TestEntry, reason: &str) -> HarnessError {
    HarnessError::NoCases {
        name: entry.name.to_owned(),
        location: entry.location.to_owned(),
        reason: reason.to_owned(),
    }
}

fn locks(entry: &TestEntry) -> Vec<Lock> {
    // A `&mut` borrow of a test or worker fixture needs no lock, because the fixture's process runs one test at a time.
    match entry.meta.serial {
        Some(key) => vec![Lock { key: format!("serial {key}"), mode: LockMode::Exclusive }],
        None => Vec::new(),
    }
}

/// Rejects two teardown functions with the same name, because the ledger identifies the functions by their names.
fn reject_duplicates(entries: impl IntoIterator<Item = &'static TeardownEntry>) -> Result<(), HarnessError> {
    let mut locations: HashMap<&str, &str> = HashMap::new();
    for entry in entries {
        if let Some(first) = locations.insert(entry.name, entry.location) {
            return Err(HarnessError::DuplicateTeardown {
                name: entry.name.to_owned(),
                first: first.min(entry.location).to_owned(),
                second: first.max(entry.location).to_owned(),
            });
        }
    }
    Ok(())
}

/// Rejects fixtures that depend on each other in a cycle.
fn reject_cycles(
    fixture: &'static FixtureDescriptor,
    path: &mut Vec<&'static FixtureDescriptor>,
    without_cycle: &mut Vec<TypeId>,
) -> Result<(), HarnessError> {
    if without_cycle.contains(&fixture.type_id) {
        return Ok(());
    }
    if let Some(start) = path.iter().position(|earlier| earlier.type_id == fixture.type_id) {
        let names: Vec<_> = path[start..].iter().chain([&fixture]).map(|fixture| fixture.short_name()).collect();
        return Err(HarnessError::FixtureCycle { path: names.join(" -> ") });
    }
    path.push(fixture);
    for dependency in fixture.dependencies {
        reject_cycles((dependency.fixture)(), path, without_cycle)?;
    }
    path.pop();
    without_cycle.push(fixture.type_id);
    Ok(())
}

/// Rejects a test that borrows one value twice, at least once as `&mut`.
fn reject_conflicting_borrows(entry: &TestEntry) -> Result<(), HarnessError> {
    let borrowed = |parameter: &&Parameter| parameter.access != Access::Owned;
    let borrowed: Vec<_> = entry.parameters.iter().filter(borrowed).collect();
    for (position, parameter) in borrowed.iter().enumerate() {
        let fixture = (parameter.fixture)();
        let conflict = borrowed[..position].iter().any(|earlier| {
            (earlier.fixture)().type_id == fixture.type_id
                && (earlier.access == Access::Exclusive || parameter.access == Access::Exclusive)
        });
        if conflict && fixture.scope != Scope::Dependent {
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
    use crate::inject::Function;
    use crate::inject::TestInfo;
    use crate::inject::fixture::Fixture;
    use crate::model::{Order, Seed};
    use crate::plan::{NamedCase, by_name, ordered};

    const fn entry(name: &'static str, location: &'static str, cases: &'static [&'static str]) -> TestEntry {
        TestEntry::new(name, location, Function::Sync(|_| Ok(()))).cases(cases, 0)
    }

    static PAY: TestEntry = entry("orders::pay", "a.rs:3:1", &["visa", "master"]);
    static LIST: TestEntry = entry("orders::list", "a.rs:1:1", &[]);
    static LIST_AGAIN: TestEntry = entry("orders::list", "b.rs:9:1", &[]);

    static SELL_SQLITE: TestEntry = entry("orders::sell", "a.rs:5:1", &["sqlite::one", "sqlite::two"]);
    static SELL_POSTGRES: TestEntry =
        TestEntry { row_offset: 2, ..entry("orders::sell", "a.rs:5:1", &["postgres::one", "postgres::two"]) };

    fn named(candidate: &Candidate) -> NamedCase<'_> {
        NamedCase { name: &candidate.name, location: candidate.entry().location, row: candidate.row() }
    }

    #[test]
    fn order_of_submission_does_not_change_sorted_order() {
        let names = |entries: [&'static TestEntry; 2]| {
            let candidates: Vec<_> = Registry::from_entries(entries).0.candidates().collect();
            let named: Vec<_> = candidates.iter().map(named).collect();
            by_name(&named).unwrap().into_iter().map(|position| named[position].name.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names([&PAY, &LIST]), ["orders::list", "orders::pay::master", "orders::pay::visa"]);
        assert_eq!(names([&PAY, &LIST]), names([&LIST, &PAY]));
    }

    #[test]
    fn cases_over_types_keep_order_of_type_list() {
        for entries in [[&SELL_SQLITE, &SELL_POSTGRES], [&SELL_POSTGRES, &SELL_SQLITE]] {
            let candidates: Vec<_> = Registry::from_entries(entries).0.candidates().collect();
            let named: Vec<_> = candidates.iter().map(named).collect();
            let order = ordered(&named, Order::Declared, Seed(1)).unwrap();
            let sorted: Vec<_> = order.into_iter().map(|position| named[position].name).collect();
            let listed = ["sqlite::one", "sqlite::two", "postgres::one", "postgres::two"];
            assert_eq!(sorted, listed.map(|case| format!("orders::sell::{case}")));
        }
    }

    #[test]
    fn duplicate_name_is_rejected_with_both_locations() {
        let candidates: Vec<_> = Registry::from_entries([&LIST, &PAY, &LIST_AGAIN]).0.candidates().collect();
        let named: Vec<_> = candidates.iter().map(named).collect();
        let message = "two tests are named `orders::list`: at a.rs:1:1 and at b.rs:9:1; rename one of them";
        assert_eq!(by_name(&named).unwrap_err().to_string(), message);
        for order in [Order::Random, Order::Declared, Order::Reverse] {
            assert_eq!(ordered(&named, order, Seed(1)).unwrap_err().to_string(), message);
        }
    }

    struct Egg;
    struct Hen;

    impl Fixture for Egg {
        type Scope = crate::inject::TestScope;
        fn descriptor() -> &'static FixtureDescriptor {
            const {
                &FixtureDescriptor::of::<Self>(
                    const { &[Parameter::shared::<Hen, Self::Scope>()] },
                    Function::Sync(|_| Err("".into())),
                )
            }
        }
    }

    impl Fixture for Hen {
        type Scope = crate::inject::TestScope;
        fn descriptor() -> &'static FixtureDescriptor {
            const {
                &FixtureDescriptor::of::<Self>(
                    const { &[Parameter::shared::<Egg, Self::Scope>()] },
                    Function::Sync(|_| Err("".into())),
                )
            }
        }
    }

    #[test]
    fn cycle_of_fixtures_is_reported_as_a_path() {
        static CYCLE: TestEntry = TestEntry {
            parameters: &[Parameter::shared::<Egg, crate::inject::TestScope>()],
            ..entry("breakfast", "c.rs:1:1", &[])
        };
        let message = Registry::from_entries([&CYCLE]).0.check().unwrap_err().to_string();
        assert!(message.contains("Egg -> Hen -> Egg"), "{message}");
    }

    #[test]
    fn conflicting_borrows_of_one_value_are_rejected() {
        static BOTH: TestEntry = TestEntry {
            parameters: &[
                Parameter::shared::<TestInfo, crate::inject::TestScope>(),
                Parameter::exclusive::<TestInfo, crate::inject::TestScope>(),
            ],
            ..entry("greedy", "d.rs:1:1", &[])
        };
        let message = Registry::from_entries([&BOTH]).0.check().unwrap_err().to_string();
        assert!(message.contains("`TestInfo` as `&mut`"), "{message}");
    }
}
