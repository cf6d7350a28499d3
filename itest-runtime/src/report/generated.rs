//! Generators of events for property tests. They cover each kind of event, with each optional field present and absent.

use std::num::NonZeroU32;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::model::{
    AttemptReport, CaseIndex, CaseReport, ContractViolation, Date, Event, Exchange, ExchangeDirection, Facts, Failure,
    FlakyResult, KeptResources, MAX_DURATION, Note, Order, Outcome, Output, Phase, PhaseTime, Problem, Quarantine,
    RecoveryResult, Remark, Repeats, Running, Seed, Shard, ShardBy, ShardFacts, SourceLocation, Summary, Sweep, TestId,
    Timing, Until, WorkerId,
};

const OUTCOMES: [Outcome; 8] = [
    Outcome::Passed,
    Outcome::Flaky,
    Outcome::Failed,
    Outcome::Errored,
    Outcome::TimedOut,
    Outcome::Crashed,
    Outcome::Skipped,
    Outcome::Interrupted,
];

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z ]{0,20}", "\\PC{0,20}", "[\n\r\t\"\\\\\u{0}\u{1b}\u{7f}é漢{}]{0,12}"]
}

fn any_id() -> impl Strategy<Value = TestId> {
    "[a-z_:é'\"]{0,20}".prop_map(TestId::new)
}

fn any_location() -> impl Strategy<Value = SourceLocation> {
    "[a-z/ü]{1,10}\\.rs:[0-9]{1,3}:[0-9]{1,2}".prop_map(SourceLocation::new)
}

/// Events contain durations in whole microseconds.
fn any_duration() -> impl Strategy<Value = Duration> {
    let longest = u64::try_from(MAX_DURATION.as_micros()).unwrap();
    prop_oneof![0..2_000_000_u64, 0..=longest].prop_map(Duration::from_micros)
}

fn any_output() -> impl Strategy<Value = Output> {
    let bytes = || prop_oneof![any_text().prop_map(String::into_bytes), vec(any::<u8>(), 0..20)];
    (bytes(), bytes()).prop_map(|(stdout, stderr)| Output { stdout, stderr })
}

fn any_failure() -> impl Strategy<Value = Failure> {
    let problem = (any_text(), option::of(any_location()), option::of(any_text()))
        .prop_map(|(message, location, backtrace)| Problem { message, location, backtrace });
    (select(Phase::ALL.to_vec()), option::of(any_text()), option::of(any_text()), problem)
        .prop_map(|(phase, description, thread, problem)| Failure { phase, description, thread, problem })
}

fn any_quarantine() -> impl Strategy<Value = Quarantine> {
    (any_text(), any_text(), 0..4_000_000_000_000_u64).prop_map(|(owner, reason, until)| Quarantine {
        owner,
        reason,
        until: Date::of_unix_ms(until),
    })
}

fn any_exchange() -> impl Strategy<Value = Exchange> {
    let times = (any_duration(), any_duration(), select(Phase::ALL.to_vec()));
    let names = (option::of(any_text()), any_text(), any_text(), option::of(any_text()), option::of(any_text()));
    let fault = option::of(any_text());
    let bodies = (any::<u64>(), any::<u64>(), any_text(), any_text(), fault);
    let exchange = (times, names, bodies).prop_map(
        |(
            (at, elapsed, phase),
            (from, to, operation, status, remark),
            (request_bytes, response_bytes, request, response, fault),
        )| {
            let sizes = Exchange { request_bytes, response_bytes, ..Exchange::new(to, operation, phase) };
            let direction =
                if request_bytes % 2 == 0 { ExchangeDirection::Inbound } else { ExchangeDirection::Outbound };
            Exchange { at, elapsed, from, direction, status, request, response, fault, remark, ..sizes }
        },
    );
    (exchange, vec(any_violation(), 0..2)).prop_map(|(exchange, violations)| Exchange { violations, ..exchange })
}

fn any_violation() -> impl Strategy<Value = ContractViolation> {
    let texts = (any_text(), any_text(), any_text(), any_text(), any_text(), any_text());
    texts.prop_map(|(operation, part, pointer, expected, actual, contract)| ContractViolation {
        operation,
        part,
        pointer,
        expected,
        actual,
        contract,
    })
}

fn any_attempt() -> impl Strategy<Value = AttemptReport> {
    let phase = (select(Phase::ALL.to_vec()), option::of("[a-zé ]{1,12}"), any_duration())
        .prop_map(|(phase, description, elapsed)| PhaseTime { phase, description, elapsed });
    let kept = (any::<u32>(), vec(any_text(), 0..3)).prop_map(|(process, steps)| KeptResources { process, steps });
    let note =
        (any_text(), any_text(), any::<bool>()).prop_map(|(title, text, is_warning)| Note { title, text, is_warning });
    let lists = (vec(phase, 0..5), vec(any_failure(), 0..3), vec(any_text(), 0..3), vec(note, 0..2));
    let lists = (lists, vec(any_exchange(), 0..3));
    (select(OUTCOMES.to_vec()), lists, option::of(any_text()), option::of(kept)).prop_map(
        |(outcome, ((phases, failures, leaks, notes), exchanges), skip_reason, kept)| AttemptReport {
            outcome,
            phases,
            failures,
            skip_reason,
            leaks,
            notes,
            exchanges,
            kept,
            ..AttemptReport::interrupted(CaseIndex(0))
        },
    )
}

/// A case of any kind. Two in three cases are plain passes, which a record stores in binary form.
pub(super) fn any_case() -> impl Strategy<Value = CaseReport> {
    let report = (any_attempt(), 0..3_u8, any::<bool>()).prop_map(|(report, kind, is_flaky)| match kind {
        0 => report,
        _ => AttemptReport {
            outcome: if is_flaky { Outcome::Flaky } else { Outcome::Passed },
            phases: report.phases,
            ..AttemptReport::interrupted(CaseIndex(0))
        },
    });
    let times = (any_duration(), option::of(any_duration()));
    let names = (any_id(), any_location(), any::<u32>(), any::<u32>());
    (names, report, any_output(), times, option::weighted(0.2, any_quarantine())).prop_map(
        |((id, location, worker, attempts), report, output, (started, elapsed), quarantine)| CaseReport {
            id,
            location,
            worker: WorkerId(worker),
            lane: None,
            attempts,
            output,
            started,
            elapsed: elapsed.unwrap_or_else(|| report.elapsed().min(MAX_DURATION)),
            report,
            quarantine,
        },
    )
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let shard = (1..9_u32, any::<bool>(), option::of(any_text()), any_text(), any::<u16>()).prop_map(
        |(index, by_hash, basis, source, left)| ShardFacts {
            shard: Shard::new(index, 9).unwrap(),
            by: if by_hash { ShardBy::Hash } else { ShardBy::Durations },
            basis,
            source,
            left_to_others: usize::from(left),
        },
    );
    let texts = || proptest::collection::btree_map("[a-z_]{1,8}", any_text(), 0..3);
    let began = 0..4_000_000_000_000_u64;
    (any_text(), any_text(), began, vec(any_text(), 0..3), option::of(shard), texts(), texts()).prop_map(
        |(suite, build, began_unix_ms, arguments, shard, environment, case_files)| Facts {
            suite,
            build,
            began_unix_ms,
            arguments,
            shard,
            environment,
            case_files,
        },
    )
}

/// The event that starts a run.
pub(super) fn any_start() -> impl Strategy<Value = Event> {
    let repeats =
        (option::of(2..u32::MAX), any::<bool>(), option::of(any_duration())).prop_map(|(rounds, until, lasting)| {
            Repeats { rounds: rounds.and_then(NonZeroU32::new), until: until.then_some(Until::Failure), lasting }
        });
    let orders = vec![Order::Random, Order::Declared, Order::Reverse, Order::LongestFirst, Order::Given];
    (any::<u32>(), option::of(repeats), select(orders), any::<u64>(), any::<u32>(), any_facts()).prop_map(
        |(selected, repeats, order, seed, jobs, facts)| Event::RunStarted {
            selected: selected as usize,
            repeats: repeats.unwrap_or_default(),
            order,
            seed: Seed(seed),
            jobs: jobs as usize,
            facts,
        },
    )
}

/// The summary of a run that passed, or failed for any of the possible reasons.
pub(super) fn any_summary() -> impl Strategy<Value = Summary> {
    let count = || prop_oneof![Just(0_usize), 1..100_usize];
    let counts = (count(), count(), count(), count(), count(), count(), count(), count());
    let recovered = (count(), vec(any_text(), 0..2), count()).prop_map(|(given_back, problems, left)| RecoveryResult {
        given_back,
        problems,
        left,
    });
    let swept = (count(), recovered).prop_map(|(sessions, recovered)| Sweep { sessions, recovered });
    let slowest = vec((any_id(), any_duration()).prop_map(|(id, elapsed)| Timing { id, elapsed }), 0..5);
    let words = (option::weighted(0.2, "SIG[A-Z]{2,4}"), vec(any_text(), 0..2), option::of(any_text()));
    let remarks = vec((any_text(), any_text(), any_id()), 0..2);
    let words = (words, remarks);
    (counts, any::<bool>(), swept, slowest, words, any_duration(), any::<u32>()).prop_map(
        |(counts, fails, swept, slowest, ((interrupted_by, used, problem), remarks), elapsed, rounds)| Summary {
            passed: counts.0,
            flaky: counts.1,
            flaky_result: if fails { FlakyResult::Fail } else { FlakyResult::Pass },
            failed: counts.2,
            ignored: counts.3,
            quarantined: counts.4,
            filtered_out: counts.5,
            not_run: counts.6,
            interrupted_by: interrupted_by.map(Into::into),
            slowest,
            elapsed,
            given_back: counts.7,
            rounds,
            used,
            remarks: remarks.into_iter().map(any_remark).collect(),
            swept,
            problems: problem.into_iter().collect(),
        },
    )
}

fn any_remark((what, cause, test): (String, String, TestId)) -> Remark {
    let mut remark = Remark::new(what);
    remark.avoided();
    remark.happened(cause, &test);
    remark
}

/// Any event but the start and the end of a run.
pub(super) fn any_event_between() -> impl Strategy<Value = Event> {
    let running =
        || {
            (any_id(), any_duration(), option::of(select(Phase::ALL.to_vec())))
                .prop_map(|(id, elapsed, phase)| Running { id, elapsed, phase })
        };
    prop_oneof![
        4 => any_case().prop_map(Event::CaseFinished),
        1 => any_case().prop_map(Event::CaseRetried),
        1 => (any_id(), any_text()).prop_map(|(id, reason)| Event::CaseIgnored { id, reason: reason.into() }),
        1 => (any_id(), any::<u32>(), any::<u32>())
            .prop_map(|(id, worker, attempt)| Event::CaseStarted { id, worker: WorkerId(worker), attempt }),
        1 => running().prop_map(Event::CaseSlow),
        1 => (vec(running(), 0..3), 0..99_usize, 0..99_usize)
            .prop_map(|(running, finished, failed)| Event::Progress { running, finished, failed }),
        1 => any_text().prop_map(Event::Warning),
        1 => ("SIG[A-Z]{2,4}", vec(any_id(), 0..3))
            .prop_map(|(signal, running)| Event::Interrupting { signal: signal.into(), running }),
    ]
}

/// The events of a whole run.
pub(super) fn any_run() -> impl Strategy<Value = Vec<Event>> {
    (any_start(), vec(any_event_between(), 0..6), any_summary()).prop_map(|(start, between, summary)| {
        std::iter::once(start).chain(between).chain([Event::RunFinished(summary)]).collect()
    })
}
