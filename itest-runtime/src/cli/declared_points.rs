//! The integration points that the tests of a suite declare, and those that the suite declares without a test.

use std::collections::{BTreeMap, BTreeSet};

use crate::coverage::{DeclaringTest, Point, PointSelection};
use crate::inject::{Candidate, Registry, SuitePoints};
use crate::model::{UsageError, set_of};

/// The tests of the suite. The entries of a test that runs over several types are one test.
pub(super) fn declaring_tests(registry: &Registry) -> Vec<DeclaringTest> {
    let mut tests: BTreeMap<&str, DeclaringTest> = BTreeMap::new();
    for case in registry.candidates() {
        let test = tests.entry(case.entry().name).or_insert_with(|| DeclaringTest {
            name: case.entry().name.to_owned(),
            cases: Vec::new(),
            covers: points_of(&case),
        });
        test.cases.push(case.id());
    }
    tests.into_values().collect()
}

/// The points that a test declares. The macro has checked them.
fn points_of(case: &Candidate) -> Vec<Point> {
    case.entry().meta.covers.iter().filter_map(|text| Point::parse(text)).collect()
}

/// The points that the suite declares without a test.
///
/// # Errors
///
/// When a contract cannot be read.
pub(super) fn points_of_suite() -> Result<Vec<Point>, UsageError> {
    let mut points = Vec::new();
    for declared in SuitePoints::all() {
        match declared {
            SuitePoints::Listed(texts) => points.extend(texts.iter().filter_map(|text| Point::parse(text))),
            SuitePoints::OfContract(read) => {
                let texts = read().map_err(|reason| UsageError::new("contract_points!", reason))?;
                points.extend(texts.iter().filter_map(|text| Point::parse(text)));
            }
        }
    }
    Ok(points)
}

/// The points of `--covers`, or the most similar declared point if no test declares one of them.
pub(super) fn selected_points(registry: &Registry, text: &str) -> SelectedPoints {
    let mut declared: Vec<Point> = Vec::new();
    for case in registry.candidates().filter(|case| case.row() == 0) {
        declared.extend(points_of(&case));
    }
    let selection = PointSelection::new(text, &declared);
    let is_known = declared.iter().any(|point| selection.selects(point));
    let known = set_of(declared.iter().map(Point::to_string));
    SelectedPoints { selection, is_known, known }
}

/// The points that `--covers` selects.
pub(super) struct SelectedPoints {
    selection: PointSelection,
    /// Whether any test declares one of them.
    pub(super) is_known: bool,
    /// All points that tests declare.
    pub(super) known: BTreeSet<String>,
}

impl SelectedPoints {
    /// Whether a test declares one of them.
    pub(super) fn are_declared_by(&self, case: &Candidate) -> bool {
        points_of(case).iter().any(|point| self.selection.selects(point))
    }
}
