//! Tests of the collector: single rules, and properties over generated runs.

use std::time::Duration;

use proptest::prelude::*;

use super::collector::{CoverageCollector, DeclaringTest};
use super::point::Point;
use crate::model::{
    AttemptReport, CaseIndex, CaseReport, Exchange, ExchangeDirection, IntegrationCoverage, MAX_EXCHANGES, Outcome,
    Output, Phase, PointState, SeenWhen, SourceLocation, TestId, WorkerId,
};

fn declaring(name: &str, covers: &[&str]) -> DeclaringTest {
    let covers = covers.iter().map(|text| Point::parse(text).unwrap()).collect();
    DeclaringTest { name: name.to_owned(), cases: vec![TestId::new(name)], covers }
}

fn request(operation: &str, status: &str) -> Exchange {
    let direction = ExchangeDirection::Inbound;
    Exchange { direction, status: Some(status.to_owned()), ..Exchange::new("service", operation, Phase::Act) }
}

fn call(operation: &str, fault: Option<&str>) -> Exchange {
    let status = Some("200".to_owned());
    Exchange { status, fault: fault.map(str::to_owned), ..Exchange::new("payments", operation, Phase::Act) }
}

fn message(operation: &str) -> Exchange {
    Exchange { status: Some("sent".to_owned()), ..Exchange::new("nats", operation, Phase::Act) }
}

fn case(name: &str, outcome: Outcome, exchanges: Vec<Exchange>) -> CaseReport {
    CaseReport {
        id: TestId::new(name),
        location: SourceLocation::new("a.rs:1:1"),
        worker: WorkerId(0),
        lane: None,
        attempts: 1,
        report: AttemptReport { outcome, exchanges, ..AttemptReport::interrupted(CaseIndex(0)) },
        output: Output::default(),
        started: Duration::ZERO,
        elapsed: Duration::ZERO,
        quarantine: None,
    }
}

fn coverage(tests: Vec<DeclaringTest>, cases: &[CaseReport]) -> IntegrationCoverage {
    let mut collector = CoverageCollector::new(tests, Vec::new());
    for case in cases {
        collector.add(case);
    }
    collector.finish()
}

fn states(coverage: &IntegrationCoverage) -> Vec<(&str, PointState)> {
    coverage.points.iter().map(|point| (point.point.as_str(), point.state)).collect()
}

fn unused(coverage: &IntegrationCoverage) -> Vec<(&str, &str)> {
    coverage.unused_declarations.iter().map(|unused| (unused.test.as_str(), unused.point.as_str())).collect()
}

#[test]
fn use_in_a_passed_test_covers_a_point() {
    let tests = vec![declaring("pay", &["POST /orders/{id}/pay"]), declaring("list", &[])];
    let cases = [
        case(
            "pay",
            Outcome::Passed,
            vec![request("POST /orders/17/pay", "200"), request("POST /orders/18/pay", "402")],
        ),
        case("list", Outcome::Passed, vec![request("GET /orders?page=1", "200")]),
    ];
    let coverage = coverage(tests, &cases);
    assert_eq!(
        states(&coverage),
        [("GET /orders", PointState::Covered), ("POST /orders/{id}/pay", PointState::Covered)]
    );
    let pay = &coverage.points[1];
    assert_eq!(pay.outcomes.keys().collect::<Vec<_>>(), ["200", "402"]);
    assert_eq!((pay.declared_by.len(), pay.used_by.len()), (1, 1));
    assert_eq!((coverage.percent(), coverage.not_run.len()), (100, 0));
}

#[test]
fn point_that_only_faults_or_failed_tests_use_is_not_covered() {
    let tests = vec![declaring("a", &[]), declaring("b", &[]), declaring("c", &["GET /never", "workflow refund"])];
    let cases = [
        case("a", Outcome::Passed, vec![call("POST /charge", Some("timeout")), request("GET /a", "200")]),
        case("b", Outcome::Failed, vec![call("POST /charge", None), request("GET /b", "200")]),
        case("c", Outcome::Failed, Vec::new()),
    ];
    let coverage = coverage(tests, &cases);
    assert_eq!(
        states(&coverage),
        [
            ("GET /a", PointState::Covered),
            ("GET /b", PointState::OnlyInFailedTests),
            ("GET /never", PointState::Never),
            ("call payments POST /charge", PointState::OnlyUnderFaults),
            ("workflow refund", PointState::OnlyInFailedTests),
        ]
    );
    assert_eq!(coverage.points[3].outcomes["timeout"], SeenWhen::UnderFault);
    assert_eq!((coverage.covered(), coverage.percent()), (1, 20));
}

#[test]
fn declaration_without_a_use_is_named_if_the_use_would_be_visible() {
    let tests = vec![
        declaring("empty", &["GET /a"]),
        declaring("other_endpoint", &["POST /b"]),
        declaring("honest", &["GET /a", "consume order.paid", "table orders", "workflow order life cycle"]),
        declaring("failed", &["GET /a"]),
    ];
    let cases = [
        case("empty", Outcome::Passed, Vec::new()),
        case("other_endpoint", Outcome::Passed, vec![request("GET /c", "200")]),
        case("honest", Outcome::Passed, vec![request("GET /a", "200"), message("PUBLISH order.paid")]),
        case("failed", Outcome::Failed, Vec::new()),
    ];
    let coverage = coverage(tests, &cases);
    assert_eq!(unused(&coverage), [("empty", "GET /a"), ("other_endpoint", "POST /b")]);
    let of = |name: &str| coverage.points.iter().find(|point| point.point == name).unwrap().state;
    assert_eq!(of("POST /b"), PointState::Never);
    // No test of the run sees deliveries or statements, so the declarations are believed.
    assert_eq!((of("consume order.paid"), of("table orders")), (PointState::Declared, PointState::Declared));
    assert_eq!(of("workflow order life cycle"), PointState::Covered);
}

#[test]
fn declaration_of_a_table_is_only_doubted_beside_a_proxy() {
    let statement = |sql: &str| Exchange { status: Some("1 row".to_owned()), ..Exchange::new("db", sql, Phase::Act) };
    let tests = ["without_proxy", "with_proxy"].map(|name| declaring(name, &["table orders"]));
    let cases = [
        case("without_proxy", Outcome::Passed, vec![request("GET /a", "200")]),
        case("with_proxy", Outcome::Passed, vec![statement("SELECT 1 FROM users")]),
        case("other", Outcome::Passed, vec![statement("SELECT 1 FROM orders")]),
    ];
    assert_eq!(unused(&coverage(tests.to_vec(), &cases)), [("with_proxy", "table orders")]);
}

#[test]
fn test_with_more_exchanges_than_the_record_keeps_is_not_accused() {
    let many = vec![request("GET /b", "200"); MAX_EXCHANGES];
    let tests = vec![declaring("many", &["GET /a"]), declaring("one", &[])];
    let cases = [case("many", Outcome::Passed, many), case("one", Outcome::Passed, vec![request("GET /a", "200")])];
    assert_eq!(unused(&coverage(tests, &cases)), []);
}

#[test]
fn test_whose_other_case_was_not_run_is_not_accused() {
    let two_cases = |name: &str| DeclaringTest {
        cases: vec![TestId::new(format!("{name}::one")), TestId::new(format!("{name}::two"))],
        ..declaring(name, &["GET /a"])
    };
    let seen = case("seen", Outcome::Passed, vec![request("GET /a", "200")]);
    let one = case("pay::one", Outcome::Passed, Vec::new());
    let half = coverage(vec![two_cases("pay"), declaring("seen", &[])], &[seen.clone(), one.clone()]);
    assert_eq!((unused(&half), half.not_run.len()), (vec![], 1));
    let two = case("pay::two", Outcome::Passed, Vec::new());
    let whole = coverage(vec![two_cases("pay"), declaring("seen", &[])], &[seen, one, two]);
    assert_eq!((unused(&whole), whole.not_run.len()), (vec![("pay", "GET /a")], 0));
}

#[test]
fn path_that_was_only_answered_as_unknown_is_no_endpoint() {
    let tests = || vec![declaring("a", &["GET /declared"])];
    let run = case(
        "a",
        Outcome::Passed,
        vec![request("GET /nothing", "404"), request("GET /declared", "404"), request("PUT /x", "405")],
    );
    assert_eq!(states(&coverage(tests(), &[run])), [("GET /declared", PointState::Covered)]);
}

#[test]
fn ignored_and_skipped_tests_have_no_result() {
    let tests = vec![declaring("ignored", &["GET /a"]), declaring("skipped", &["GET /b"])];
    let mut collector = CoverageCollector::new(tests, Vec::new());
    collector.add_ignored(&TestId::new("ignored"));
    collector.add(&case("skipped", Outcome::Skipped, Vec::new()));
    let coverage = collector.finish();
    assert_eq!(coverage.not_run.into_iter().collect::<Vec<_>>(), ["skipped"]);
    assert!(coverage.points.iter().all(|point| point.state == PointState::Never));
}

#[test]
fn suite_declares_points_without_a_test() {
    let point = |text| Point::parse(text).unwrap();
    let collector = CoverageCollector::new(Vec::new(), vec![point("GET /b/{x}"), point("GET /b/{id}")]);
    assert_eq!(states(&collector.finish()), [("GET /b/{id}", PointState::Never)]);
}

const OPERATIONS: [&str; 6] =
    ["GET /orders/1", "GET /orders/2", "POST /orders", "PUBLISH a.b", "DELIVER a.b", "SELECT 1 FROM orders"];

const DECLARED: [&str; 6] =
    ["GET /orders/{id}", "POST /orders", "publish a.b", "consume a.b", "table orders", "workflow w"];

fn any_exchange() -> impl Strategy<Value = Exchange> {
    (prop::sample::select(OPERATIONS.to_vec()), any::<bool>(), any::<bool>()).prop_map(|(operation, inbound, fault)| {
        let direction = if inbound { ExchangeDirection::Inbound } else { ExchangeDirection::Outbound };
        let fault = fault.then(|| "reset".to_owned());
        Exchange { direction, fault, status: Some("200".to_owned()), ..Exchange::new("x", operation, Phase::Act) }
    })
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![Outcome::Passed, Outcome::Flaky, Outcome::Failed, Outcome::Skipped])
}

type AnyTest = (Vec<&'static str>, Outcome, Vec<Exchange>);

fn any_run() -> impl Strategy<Value = Vec<AnyTest>> {
    let covers = prop::sample::subsequence(DECLARED.to_vec(), 0..4);
    prop::collection::vec((covers, any_outcome(), prop::collection::vec(any_exchange(), 0..5)), 1..8)
}

fn of_run(run: &[AnyTest]) -> (Vec<DeclaringTest>, Vec<CaseReport>) {
    let name = |position| format!("test_{position}");
    let tests = run.iter().enumerate().map(|(position, (covers, ..))| declaring(&name(position), covers));
    let cases = run
        .iter()
        .enumerate()
        .map(|(position, (_, outcome, exchanges))| case(&name(position), *outcome, exchanges.clone()));
    (tests.collect(), cases.collect())
}

proptest! {
    #[test]
    fn order_of_tests_and_results_does_not_matter(run in any_run()) {
        let (tests, cases) = of_run(&run);
        let expected = coverage(tests.clone(), &cases);
        let (mut tests, mut cases) = (tests, cases);
        cases.reverse();
        prop_assert_eq!(&coverage(tests.clone(), &cases), &expected);
        tests.reverse();
        prop_assert_eq!(&coverage(tests, &cases), &expected);
    }

    #[test]
    fn more_passed_tests_never_reduce_what_is_covered(run in any_run(), more in any_run()) {
        let (tests, cases) = of_run(&run);
        let before = coverage(tests.clone(), &cases);
        let (mut tests, mut cases) = (tests, cases);
        for (position, (.., exchanges)) in more.iter().enumerate() {
            let name = format!("more_{position}");
            tests.push(declaring(&name, &[]));
            cases.push(case(&name, Outcome::Passed, exchanges.clone()));
        }
        let after = coverage(tests, &cases);
        for point in before.points.iter().filter(|point| point.state == PointState::Covered) {
            let now = after.points.iter().find(|other| other.point == point.point).map(|other| other.state);
            prop_assert_eq!(now, Some(PointState::Covered));
        }
    }

    #[test]
    fn only_a_passed_test_that_declares_the_point_and_has_not_used_it_is_accused(run in any_run()) {
        let (tests, cases) = of_run(&run);
        let coverage = coverage(tests, &cases);
        for accused in &coverage.unused_declarations {
            let point = coverage.points.iter().find(|point| point.point == accused.point).unwrap();
            prop_assert!(point.declared_by.contains(&accused.test) && !point.used_by.contains(&accused.test));
            let case = cases.iter().find(|case| case.id.as_str() == accused.test).unwrap();
            prop_assert!(case.report.outcome.is_success());
        }
    }

    #[test]
    fn every_declared_point_is_in_the_report(run in any_run()) {
        let (tests, cases) = of_run(&run);
        let coverage = coverage(tests.clone(), &cases);
        for point in tests.iter().flat_map(|test| &test.covers) {
            prop_assert!(coverage.points.iter().any(|reported| reported.point == point.to_string()));
        }
    }
}
