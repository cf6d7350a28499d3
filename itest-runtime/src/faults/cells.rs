//! The cells of an exploration: each is a test in which one call gets one fault.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::{
    CallFault, CallKind, CaseIndex, CaseReport, ConnectionFault, Fault, FaultExecution, FaultJudge, ObservedCall,
    PlannedFault, SourceLocation, SqlState, TestId, sort_by_key,
};

/// A test with a fault may take at least this long, and longer if it takes long without one.
const MIN_LIMIT: Duration = Duration::from_secs(1);

/// With a fault, a test may take this many times as long as without one.
const LIMIT_FACTOR: u32 = 10;

/// Calls with the same target get faults up to this number, and so does the last of them. Those between behave like their neighbours.
const MAX_EQUAL_CALLS: u32 = 2;

/// The pause that the fault of a limited rate asks for.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A test that has run without a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Baseline {
    pub(crate) case: CaseIndex,
    pub(crate) id: TestId,
    pub(crate) location: SourceLocation,
    /// The duration of the body.
    pub(crate) elapsed: Duration,
    pub(crate) calls: Vec<ObservedCall>,
    /// The kinds of leaks that the test has without a fault.
    pub(crate) leaks: BTreeSet<String>,
}

impl Baseline {
    /// The baseline of a test that has passed without a fault. `case` is the test, because a report in an event does not name it.
    #[must_use]
    pub(crate) fn of(case: CaseIndex, report: &CaseReport) -> Self {
        let CaseReport { id, location, .. } = report;
        let phases = report.report.phases.iter().filter(|phase| phase.phase.is_of_body());
        let elapsed = phases.map(|phase| phase.elapsed).sum();
        let calls = report.report.calls.as_ref().map(|calls| calls.calls.clone()).unwrap_or_default();
        let leaks = leaks_of(report).map(|leak| kind_of_leak(&leak)).collect();
        Self { case, id: id.clone(), location: location.clone(), elapsed, calls, leaks }
    }

    /// How long the body may take with a fault. Code that waits as long as a service asks for may do so twice.
    fn limit(&self, fault: CallFault) -> Duration {
        let pause = match fault {
            CallFault::Exchange(Fault::RateLimited(pause)) => pause * 2,
            _ => Duration::ZERO,
        };
        (self.elapsed * LIMIT_FACTOR).max(MIN_LIMIT) + pause
    }
}

/// What a test has left behind, and what was unfinished when it ended.
pub(super) fn leaks_of(report: &CaseReport) -> impl Iterator<Item = String> {
    let unfinished = report.report.calls.iter().flat_map(|calls| &calls.unfinished);
    report.report.leaks.iter().chain(unfinished).cloned()
}

/// A leak without its numbers, such as ports and process ids, which differ each time.
pub(super) fn kind_of_leak(leak: &str) -> String {
    let words = leak.split(|character: char| character.is_ascii_digit()).filter(|part| !part.is_empty());
    words.collect::<Vec<_>>().join("#")
}

/// A test in which one call gets one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    /// The position of the test among the baselines.
    pub(crate) test: usize,
    pub(crate) execution: FaultExecution,
}

/// All cells of these tests, in the order in which they run: the most telling fault of each call first, so that an exploration that ends
/// early has seen each test.
#[must_use]
pub(crate) fn cells(tests: &[Baseline]) -> Vec<Cell> {
    let mut ranked = Vec::new();
    for (test, baseline) in tests.iter().enumerate() {
        let disturbed = baseline.calls.iter().filter(|observed| {
            let is_last = || {
                let same = baseline.calls.iter().filter(|other| other.call.target == observed.call.target);
                same.count() == observed.call.number as usize
            };
            observed.call.number <= MAX_EQUAL_CALLS || is_last()
        });
        for (position, observed) in disturbed.enumerate() {
            for (rank, fault) in faults_of(observed).into_iter().enumerate() {
                let limit = Some(baseline.limit(fault));
                let fault = PlannedFault { call: observed.call.clone(), fault };
                let execution = FaultExecution { fault, limit, judged_by: FaultJudge::Explorer };
                ranked.push((rank, position, Cell { test, execution }));
            }
        }
    }
    sort_by_key(&mut ranked, |(rank, position, _)| (*rank, *position));
    ranked.into_iter().map(|(_, _, cell)| cell).collect()
}

/// The faults that a call gets, the most telling one first.
fn faults_of(observed: &ObservedCall) -> Vec<CallFault> {
    let of_exchange = |faults: &[Fault]| faults.iter().copied().map(CallFault::Exchange).collect();
    match observed.kind {
        CallKind::Request => of_exchange(&[
            Fault::ResetDuring,
            Fault::Status(503),
            Fault::Timeout,
            Fault::EmptyObject,
            Fault::Malformed,
            Fault::ResetBefore,
            Fault::RateLimited(RETRY_AFTER),
            Fault::Status(500),
        ]),
        CallKind::Statement if can_conflict(&observed.call.target) => of_exchange(&[
            Fault::ResetDuring,
            Fault::SqlState(SqlState::SERIALIZATION_FAILURE),
            Fault::Timeout,
            Fault::ResetBefore,
        ]),
        CallKind::Statement => of_exchange(&[Fault::ResetDuring, Fault::Timeout, Fault::ResetBefore]),
        CallKind::Publication => {
            of_exchange(&[Fault::Duplicate, Fault::ResetDuring, Fault::Timeout, Fault::ResetBefore])
        }
        // A mail server that is busy (451), and one that refuses the recipient (550).
        CallKind::Delivery => of_exchange(&[
            Fault::ResetDuring,
            Fault::Status(451),
            Fault::Timeout,
            Fault::Status(550),
            Fault::ResetBefore,
        ]),
        CallKind::Connection => {
            vec![
                CallFault::Connection(ConnectionFault::ResetOnConnect),
                CallFault::Connection(ConnectionFault::HalfOpen),
            ]
        }
    }
}

/// Whether a statement can fail because of a conflict with another transaction: one that works with data, or a commit.
fn can_conflict(target: &str) -> bool {
    let statement = target.split_once(' ').map_or("", |(_, statement)| statement);
    let verb = statement.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    let cannot = ["BEGIN", "START", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET", "SHOW", "DISCARD", "LISTEN"];
    !cannot.contains(&verb.as_str())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Call, Phase};

    pub(in crate::faults) fn baseline(id: &str, calls: &[(CallKind, &str)]) -> Baseline {
        let mut observed: Vec<ObservedCall> = Vec::new();
        for (kind, target) in calls {
            let number = observed.iter().filter(|observed| observed.call.target == *target).count() + 1;
            let call = Call { target: (*target).to_owned(), number: u32::try_from(number).unwrap() };
            observed.push(ObservedCall { call, kind: *kind, phase: Phase::Act });
        }
        Baseline {
            case: CaseIndex(0),
            id: TestId::new(id.to_owned()),
            location: SourceLocation::new("tests/shop.rs:7:1"),
            elapsed: Duration::from_millis(3),
            calls: observed,
            leaks: BTreeSet::new(),
        }
    }

    fn faults(cells: &[Cell]) -> Vec<String> {
        cells.iter().map(|cell| format!("{} {}", cell.test, cell.execution.fault)).collect()
    }

    #[test]
    fn first_fault_of_every_call_comes_before_the_second_of_any() {
        let charge = (CallKind::Request, "payments POST /charge");
        let connect = (CallKind::Connection, "redis connection");
        let tests = [baseline("a", &[charge, charge]), baseline("b", &[connect])];
        let cells = faults(&cells(&tests));
        assert_eq!(
            cells[..4],
            [
                "0 payments POST /charge #1 = reset-during",
                "1 redis connection #1 = reset-on-connect",
                "0 payments POST /charge #2 = reset-during",
                "0 payments POST /charge #1 = status-503",
            ]
        );
        assert_eq!(cells.len(), 8 + 8 + 2);
    }

    #[test]
    fn delivery_of_a_mail_gets_replies_of_mail_servers() {
        let tests = [baseline("a", &[(CallKind::Delivery, "mail SEND ada@example.org")])];
        assert_eq!(
            faults(&cells(&tests)),
            ["reset-during", "status-451", "timeout", "status-550", "reset-before"]
                .map(|fault| format!("0 mail SEND ada@example.org #1 = {fault}"))
        );
    }

    #[test]
    fn only_statements_that_work_with_data_can_conflict() {
        let tests = [baseline(
            "a",
            &[
                (CallKind::Statement, "postgres BEGIN"),
                (CallKind::Statement, "postgres UPDATE a"),
                (CallKind::Statement, "postgres COMMIT"),
            ],
        )];
        let conflicts: Vec<String> =
            faults(&cells(&tests)).into_iter().filter(|cell| cell.ends_with("sqlstate-40001")).collect();
        assert_eq!(conflicts, ["0 postgres UPDATE a #1 = sqlstate-40001", "0 postgres COMMIT #1 = sqlstate-40001"]);
    }

    #[test]
    fn of_many_equal_calls_the_first_two_and_the_last_get_faults() {
        let query = (CallKind::Statement, "postgres SELECT 1");
        let cells = cells(&[baseline("a", &[query; 9])]);
        let numbers: BTreeSet<u32> = cells.iter().map(|cell| cell.execution.fault.call.number).collect();
        assert_eq!(numbers, BTreeSet::from([1, 2, 9]));
    }

    #[test]
    fn leaks_differ_by_their_kinds_and_not_by_their_numbers() {
        assert_eq!(kind_of_leak("TCP 127.0.0.1:4711"), kind_of_leak("TCP 127.0.0.1:99"));
        assert_ne!(kind_of_leak("process 7 sleep"), kind_of_leak("process 7 cat"));
    }
}
