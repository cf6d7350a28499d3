//! The answer keys name every lying and every weak test of the suites, and nothing that is not there.

use std::collections::BTreeSet;

use zoo::Problem;
use zoo::faults::key::{FaultVerdict, FaultsKey, Weakness};
use zoo::key::{Key, Kind};
use zoo::suite::{Suite, Target};

/// The faults that a call may get: of a request, of a statement, and of a connection.
const FAULTS: [&str; 10] = [
    "timeout",
    "reset-before",
    "reset-during",
    "status-500",
    "status-503",
    "rate-limited-1s",
    "malformed",
    "sqlstate-40001",
    "reset-on-connect",
    "half-open",
];

fn names_of(target: Target) -> Result<BTreeSet<String>, Problem> {
    Ok(Suite::build(target)?.names()?.into_iter().collect())
}

#[test]
fn key_and_suite_name_the_same_tests() {
    let key = Key::read().unwrap();
    let names = names_of(Target::Integration).unwrap();
    let lying: BTreeSet<&str> = key.tests.keys().map(String::as_str).collect();
    let helpers = key.helpers();
    for name in lying.union(&helpers) {
        assert!(names.contains(*name), "the key names {name}, and there is no such test");
        assert!(!name.starts_with("honest::"), "{name} is among the honest ones");
    }
    for name in names.iter().filter(|name| !name.starts_with("honest::")) {
        assert!(lying.contains(name.as_str()) || helpers.contains(name.as_str()), "the key says nothing of {name}");
    }
    assert_eq!(names.iter().filter(|name| name.starts_with("honest::")).count(), 200);
}

#[test]
fn key_has_enough_tests_of_each_kind() {
    let key = Key::read().unwrap();
    let count = |kind| key.tests.values().filter(|truth| truth.kind == kind).count();
    let enough = [
        (Kind::Victim, 25),
        (Kind::Brittle, 9),
        (Kind::NotIdempotent, 6),
        (Kind::Contention, 8),
        (Kind::Flaky, 12),
        (Kind::Broken, 4),
        (Kind::Environment, 5),
    ];
    for (kind, least) in enough {
        assert!(count(kind) >= least, "{} of {kind}", count(kind));
    }
}

#[test]
fn only_dependent_tests_have_culprits() {
    for (id, truth) in Key::read().unwrap().tests {
        let needs = matches!(truth.kind, Kind::Victim | Kind::Brittle | Kind::Contention);
        assert_eq!(needs, !truth.culprits.is_empty(), "{id}");
        assert!((0.0..=1.0).contains(&truth.rate), "{id}");
        assert!(truth.culprits.iter().all(|set| !set.is_empty() && !set.contains(&id)), "{id}");
    }
}

#[test]
fn faults_key_names_all_weak_tests_and_no_sound_one() {
    let key = FaultsKey::read().unwrap();
    let names = names_of(Target::Faults).unwrap();
    let weak: BTreeSet<&String> = names.iter().filter(|name| name.starts_with("weak::")).collect();
    assert_eq!(key.tests.keys().collect::<BTreeSet<_>>(), weak);
    let sound = names.iter().filter(|name| name.starts_with("sound::")).count();
    assert_eq!(weak.len() + sound, names.len(), "a test is neither weak nor sound");
    assert!(weak.len() >= 25 && sound >= 50, "{} weak and {sound} sound tests", weak.len());
}

#[test]
fn each_weakness_has_a_report_and_findings() {
    let mut reports = BTreeSet::new();
    for (id, weakness) in FaultsKey::read().unwrap().tests {
        assert!(weakness.report.starts_with("https://"), "{id}: {}", weakness.report);
        assert!(reports.insert(weakness.report), "{id} has the report of another weakness");
        assert!(!weakness.findings.is_empty(), "{id} has no finding");
        for expected in weakness.findings {
            assert!(expected.at.contains(' '), "{id}: `{}` has no service and no operation", expected.at);
            assert!(!expected.faults.is_empty(), "{id}: {} needs faults", expected.at);
            for fault in expected.faults {
                assert!(FAULTS.contains(&fault.as_str()), "{id}: {fault}");
            }
        }
    }
}

#[test]
fn faults_key_has_enough_weaknesses_of_each_verdict() {
    let key = FaultsKey::read().unwrap();
    for (verdict, least) in [
        (FaultVerdict::Hangs, 8),
        (FaultVerdict::Panics, 3),
        (FaultVerdict::Leaks, 4),
        (FaultVerdict::BreaksInvariant, 10),
        (FaultVerdict::FalseSuccess, 8),
    ] {
        let has = |weakness: &&Weakness| weakness.findings.iter().any(|expected| expected.verdict == verdict);
        let count = key.tests.values().filter(has).count();
        assert!(count >= least, "{count} of {verdict}");
    }
}
