//! Collects what the tests of a run have shown of each integration point.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::index::PointIndex;
use super::observation::{Observation, observations};
use super::point::Point;
use crate::model::{
    CaseReport, IntegrationCoverage, MAX_EXCHANGES, Outcome, PointCoverage, PointKind, PointState, SeenWhen, TestId,
    UnusedDeclaration, map_of, set_of, sort, sort_by_key,
};

/// Statuses of a request to a path that the code under test does not have.
const UNKNOWN_PATH: [&str; 2] = ["404", "405"];

/// A test of the suite and the points that it declares.
#[derive(Debug, Clone)]
pub(crate) struct DeclaringTest {
    pub name: String,
    pub cases: Vec<TestId>,
    pub covers: Vec<Point>,
}

/// The results of a run so far.
#[derive(Debug)]
pub(crate) struct CoverageCollector {
    tests: Vec<TestResults>,
    by_case: HashMap<TestId, usize>,
    index: PointIndex,
    points: HashMap<Point, PointUses>,
}

/// The results of a test's cases.
#[derive(Debug, Default)]
struct TestResults {
    name: String,
    covers: Vec<Point>,
    cases: usize,
    ignored: HashSet<TestId>,
    passed: HashSet<TestId>,
    failed: bool,
    /// Whether a case has more exchanges than the record keeps.
    is_cut_off: bool,
    /// What the exchanges of the test show at all.
    channels: HashSet<Channel>,
}

/// A place at which uses of points are seen: all endpoints, the calls to one service, all published events, and so on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Channel {
    kind: PointKind,
    /// The service of a call.
    service: String,
}

impl Channel {
    fn of(point: &Point) -> Self {
        let service = if let Point::Call { service, .. } = point { service.clone() } else { String::new() };
        Self { kind: point.kind(), service }
    }
}

/// The uses of a point.
#[derive(Debug, Default)]
struct PointUses {
    is_declared: bool,
    /// Whether any use had another outcome than that of an unknown path.
    is_known_path: bool,
    by_test: HashMap<usize, TestUse>,
    outcomes: BTreeMap<String, SeenWhen>,
}

/// How a test has used a point.
#[derive(Debug, Clone, Copy, Default)]
struct TestUse {
    passed: bool,
    passed_without_fault: bool,
}

impl CoverageCollector {
    /// Begins with the tests of the suite, and the points that the suite declares without a test.
    pub(crate) fn new(tests: Vec<DeclaringTest>, of_suite: Vec<Point>) -> Self {
        let mut collector =
            Self { tests: Vec::new(), by_case: HashMap::new(), index: PointIndex::default(), points: HashMap::new() };
        for point in of_suite {
            collector.declare(&point);
        }
        for DeclaringTest { name, cases, covers } in tests {
            for point in &covers {
                collector.declare(point);
            }
            let position = collector.tests.len();
            collector.tests.push(TestResults { name, covers, cases: cases.len(), ..TestResults::default() });
            collector.by_case.extend(cases.into_iter().map(|case| (case, position)));
        }
        collector
    }

    fn declare(&mut self, point: &Point) {
        // Of equal templates, the first one by text gives the name, so that the order of the tests does not matter.
        let known = self.points.get_key_value(point).map(|(known, _)| known.to_string());
        if known.as_ref().is_some_and(|known| *known <= point.to_string()) {
            return;
        }
        self.points.remove(point);
        self.points.insert(point.clone(), PointUses { is_declared: true, ..PointUses::default() });
        if known.is_none() {
            self.index.add(point);
        }
    }

    /// Adds a case that is part of the suite and not of the run, because its attribute says `ignore`.
    pub(crate) fn add_ignored(&mut self, case: &TestId) {
        if let Some(position) = self.by_case.get(case) {
            self.tests[*position].ignored.insert(case.clone());
        }
    }

    /// Adds a case that has finished.
    pub(crate) fn add(&mut self, case: &CaseReport) {
        if matches!(case.report.outcome, Outcome::Skipped | Outcome::Interrupted) {
            return;
        }
        let position = self.position_of(&case.id);
        let has_passed = case.report.outcome.is_success();
        let exchanges = &case.report.exchanges;
        let test = &mut self.tests[position];
        test.failed |= !has_passed;
        test.is_cut_off |= exchanges.len() >= MAX_EXCHANGES;
        if has_passed {
            test.passed.insert(case.id.clone());
        }
        for observation in exchanges.iter().flat_map(observations) {
            for point in self.index.find(&observation.subject) {
                self.tests[position].channels.insert(Channel::of(&point));
                self.points.entry(point).or_default().add(position, &observation, has_passed);
            }
        }
    }

    /// The test of a case. A record may have a test that the suite does not have any more.
    fn position_of(&mut self, case: &TestId) -> usize {
        if let Some(position) = self.by_case.get(case) {
            return *position;
        }
        let position = self.tests.len();
        self.tests.push(TestResults { name: case.to_string(), cases: 1, ..TestResults::default() });
        self.by_case.insert(case.clone(), position);
        position
    }

    /// What the run has shown.
    pub(crate) fn finish(mut self) -> IntegrationCoverage {
        self.points.retain(|_, uses| uses.is_declared || uses.is_known_path);
        let mut unused_declarations = self.unused_declarations();
        sort(&mut unused_declarations);
        let mut points: Vec<_> = self.points.iter().collect();
        sort_by_key(&mut points, |(point, _)| *point);
        let unused: HashSet<_> =
            unused_declarations.iter().map(|unused| (unused.test.as_str(), unused.point.as_str())).collect();
        let points = points.into_iter().map(|(point, uses)| self.point(point, uses, &unused)).collect();
        let not_run = self.tests.iter().filter(|test| !test.has_run()).map(|test| test.name.clone());
        IntegrationCoverage { points, not_run: set_of(not_run), unused_declarations }
    }

    fn point(&self, point: &Point, uses: &PointUses, unused: &HashSet<(&str, &str)>) -> PointCoverage {
        let text = point.to_string();
        let declaring = || self.tests.iter().filter(|test| test.covers.contains(point));
        let is_trusted =
            |test: &TestResults| !test.passed.is_empty() && !unused.contains(&(test.name.as_str(), text.as_str()));
        let state = match point.kind() {
            PointKind::Workflow if declaring().any(|test| !test.passed.is_empty()) => PointState::Covered,
            PointKind::Workflow if declaring().any(|test| test.failed) => PointState::OnlyInFailedTests,
            PointKind::Workflow => PointState::Never,
            _ => match uses.state() {
                PointState::Never if declaring().any(is_trusted) => PointState::Declared,
                state => state,
            },
        };
        PointCoverage {
            kind: point.kind(),
            state,
            outcomes: map_of(uses.outcomes.clone()),
            declared_by: set_of(declaring().map(|test| test.name.clone())),
            used_by: set_of(uses.by_test.keys().map(|position| self.tests[*position].name.clone())),
            point: text,
        }
    }

    /// The declarations of tests that have passed without using the point, although the run could see its use.
    fn unused_declarations(&self) -> Vec<UnusedDeclaration> {
        let mut unused = Vec::new();
        for (position, test) in self.tests.iter().enumerate() {
            if test.passed.len() + test.ignored.len() < test.cases
                || test.passed.is_empty()
                || test.is_cut_off
                || test.failed
            {
                continue;
            }
            for point in &test.covers {
                let Some(uses) = self.points.get(point) else { continue };
                let is_seen_elsewhere = !uses.by_test.is_empty();
                let sees_its_kind = test.channels.contains(&Channel::of(point));
                let is_visible = match point.kind() {
                    // A table is only seen by a proxy before its database, and the test may have none, or one before another database.
                    PointKind::Table => is_seen_elsewhere && sees_its_kind,
                    _ => is_seen_elsewhere || sees_its_kind,
                };
                if is_visible && !uses.by_test.contains_key(&position) {
                    unused.push(UnusedDeclaration { test: test.name.clone(), point: self.name_of(point) });
                }
            }
        }
        unused
    }

    /// The text of a point, as the report shows it.
    fn name_of(&self, point: &Point) -> String {
        self.points.get_key_value(point).map_or(point, |(known, _)| known).to_string()
    }
}

impl TestResults {
    /// Whether each case has a result, or says `ignore`.
    fn has_run(&self) -> bool {
        self.failed || self.passed.len() + self.ignored.len() >= self.cases
    }
}

impl PointUses {
    fn add(&mut self, test: usize, observation: &Observation<'_>, has_passed: bool) {
        let Observation { outcome, has_fault, .. } = observation;
        self.is_known_path |= !UNKNOWN_PATH.contains(&outcome.as_str());
        let used = self.by_test.entry(test).or_default();
        if !has_passed {
            return;
        }
        used.passed = true;
        used.passed_without_fault |= !has_fault;
        let when = if *has_fault { SeenWhen::UnderFault } else { SeenWhen::WithoutFault };
        match self.outcomes.get_mut(outcome) {
            Some(known) => *known = when.min(*known),
            None => {
                self.outcomes.insert(outcome.clone(), when);
            }
        }
    }

    fn state(&self) -> PointState {
        let of = |is: fn(&TestUse) -> bool| self.by_test.values().any(is);
        if of(|used| used.passed_without_fault) {
            PointState::Covered
        } else if of(|used| used.passed) {
            PointState::OnlyUnderFaults
        } else if self.by_test.is_empty() {
            PointState::Never
        } else {
            PointState::OnlyInFailedTests
        }
    }
}
