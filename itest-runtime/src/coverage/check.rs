//! Compares the coverage of a run with its limits.

use std::collections::BTreeMap;

use crate::model::{IntegrationCoverage, UnusedCovers, map_of};

/// The most points and declarations that a message names.
const MAX_NAMED: usize = 10;

/// The limits of a run's coverage.
#[derive(Debug, Default)]
pub(crate) struct CoverageLimits {
    /// The percentage below which the run fails.
    pub min_percent: Option<u8>,
    /// The coverage of an earlier run.
    pub baseline: Option<IntegrationCoverage>,
    pub unused: UnusedCovers,
}

impl CoverageLimits {
    /// Whether the limits need the results of all tests.
    fn need_all_tests(&self) -> bool {
        self.min_percent.is_some() || self.baseline.is_some()
    }
}

/// What follows from the coverage of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LimitCheck {
    /// The reasons why the run fails.
    pub problems: Vec<String>,
    pub warnings: Vec<String>,
}

/// Compares the coverage of a run with its limits. A run of a part of the suite says nothing about the rest.
pub(crate) fn check_limits(coverage: &IntegrationCoverage, limits: &CoverageLimits) -> LimitCheck {
    let mut check = LimitCheck::default();
    let unused = coverage.unused_declarations.iter().take(MAX_NAMED).map(ToString::to_string);
    let more = more_than_named(coverage.unused_declarations.len(), "more declarations of `covers` are not used");
    let messages = unused.chain(more);
    match limits.unused {
        UnusedCovers::Warn => check.warnings.extend(messages),
        UnusedCovers::Fail => check.problems.extend(messages),
    }
    if !limits.need_all_tests() {
        return check;
    }
    if let Some(first) = coverage.not_run.first() {
        let count = coverage.not_run.len();
        let others = if count == 1 { String::new() } else { format!(" and {} more", count - 1) };
        check.warnings.push(format!(
            "the integration coverage is not compared with its limits, because the run has no result of {first}{others}"
        ));
        return check;
    }
    let (percent, covered, all) = (coverage.percent(), coverage.covered(), coverage.points.len());
    if let Some(min) = limits.min_percent.filter(|min| percent < usize::from(*min)) {
        check.problems.push(format!(
            "the integration coverage is {percent} % ({covered} of {all} points), below the {min} % of --min-integration-coverage"
        ));
    }
    if let Some(baseline) = &limits.baseline {
        let lost = lost_points(coverage, baseline);
        let named = lost.iter().take(MAX_NAMED).map(|point| {
            format!("`{point}` is covered in the report of --integration-baseline, and not any more; test it, or write a new baseline")
        });
        check
            .problems
            .extend(named.chain(more_than_named(lost.len(), "more points of the baseline are not covered any more")));
    }
    check
}

fn more_than_named(count: usize, what: &str) -> Option<String> {
    count.checked_sub(MAX_NAMED).filter(|more| *more > 0).map(|more| format!("{more} {what}"))
}

/// The points that are covered in the baseline and not any more.
fn lost_points<'b>(coverage: &IntegrationCoverage, baseline: &'b IntegrationCoverage) -> Vec<&'b str> {
    let states: BTreeMap<&str, bool> =
        map_of(coverage.points.iter().map(|point| (point.point.as_str(), point.state.is_covered())));
    let is_lost = |point: &&str| states.get(point) != Some(&true);
    let covered = baseline.points.iter().filter(|point| point.state.is_covered());
    covered.map(|point| point.point.as_str()).filter(is_lost).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::model::{PointCoverage, PointKind, PointState, UnusedDeclaration};

    fn coverage(points: &[(&str, PointState)]) -> IntegrationCoverage {
        let point = |(point, state): &(&str, PointState)| PointCoverage {
            point: (*point).to_owned(),
            kind: PointKind::Endpoint,
            state: *state,
            outcomes: BTreeMap::new(),
            declared_by: BTreeSet::new(),
            used_by: BTreeSet::new(),
        };
        IntegrationCoverage { points: points.iter().map(point).collect(), ..IntegrationCoverage::default() }
    }

    #[test]
    fn too_few_points_fail_the_run() {
        let three = coverage(&[
            ("GET /a", PointState::Covered),
            ("GET /b", PointState::Declared),
            ("GET /c", PointState::Never),
        ]);
        let at = |min| CoverageLimits { min_percent: Some(min), ..CoverageLimits::default() };
        assert_eq!(check_limits(&three, &at(66)), LimitCheck::default());
        assert_eq!(
            check_limits(&three, &at(67)).problems,
            ["the integration coverage is 66 % (2 of 3 points), below the 67 % of --min-integration-coverage"]
        );
        assert_eq!(coverage(&[]).percent(), 100);
    }

    #[test]
    fn point_of_the_baseline_that_is_lost_fails_the_run() {
        let now = coverage(&[("GET /a", PointState::Covered), ("GET /b", PointState::OnlyUnderFaults)]);
        let baseline = coverage(&[
            ("GET /a", PointState::Covered),
            ("GET /b", PointState::Covered),
            ("GET /c", PointState::Covered),
            ("GET /d", PointState::Never),
        ]);
        let limits = CoverageLimits { baseline: Some(baseline), ..CoverageLimits::default() };
        let problems = check_limits(&now, &limits).problems;
        assert_eq!(problems.len(), 2);
        assert!(problems[0].starts_with("`GET /b`") && problems[1].starts_with("`GET /c`"), "{problems:?}");
    }

    #[test]
    fn run_of_a_part_of_the_suite_is_not_compared() {
        let part = IntegrationCoverage { not_run: set_of_two(), ..coverage(&[("GET /a", PointState::Never)]) };
        let limits = CoverageLimits { min_percent: Some(90), ..CoverageLimits::default() };
        let check = check_limits(&part, &limits);
        assert_eq!(check.problems, [""; 0]);
        assert!(check.warnings[0].ends_with("has no result of a and 1 more"), "{:?}", check.warnings);
        assert_eq!(check_limits(&part, &CoverageLimits::default()), LimitCheck::default());
    }

    fn set_of_two() -> BTreeSet<String> {
        ["a".to_owned(), "b".to_owned()].into()
    }

    #[test]
    fn unused_declaration_is_a_warning_or_fails_the_run() {
        let unused = UnusedDeclaration { test: "pay".to_owned(), point: "GET /a".to_owned() };
        let coverage = IntegrationCoverage { unused_declarations: vec![unused; 12], ..IntegrationCoverage::default() };
        let warned = check_limits(&coverage, &CoverageLimits::default());
        assert_eq!((warned.warnings.len(), warned.problems.len()), (11, 0));
        assert_eq!(
            warned.warnings[0],
            "pay declares with `covers` that it uses `GET /a`, and has passed without using it"
        );
        let failed =
            check_limits(&coverage, &CoverageLimits { unused: UnusedCovers::Fail, ..CoverageLimits::default() });
        assert_eq!((failed.warnings.len(), failed.problems.len()), (0, 11));
    }
}
