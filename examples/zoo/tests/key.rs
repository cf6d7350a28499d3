//! The answer key names every lying test of the suite, and nothing that is not there.

use std::collections::BTreeSet;

use zoo::key::{Key, Kind};
use zoo::suite::Suite;

#[test]
fn key_and_suite_name_the_same_tests() {
    let key = Key::read().unwrap();
    let names: BTreeSet<String> = Suite::build().unwrap().names().unwrap().into_iter().collect();
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
