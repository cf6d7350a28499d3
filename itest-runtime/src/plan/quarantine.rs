//! Which failures are borne, and which entries of the quarantine have had their day.

use std::collections::BTreeMap;

use crate::model::{Date, Outcome, Quarantine, QuarantineEntry, TestId};

/// After so many attempts without a failure an entry has to be explained. It bounds the rate of failures at 14 %, with a
/// confidence of 95 %.
pub(crate) const ENOUGH_ATTEMPTS: usize = 20;

/// What the quarantine comes to on a certain day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Quarantined<'e> {
    /// The cases whose failures are borne.
    pub cases: BTreeMap<TestId, Quarantine>,
    /// The entries that hold.
    pub active: Vec<&'e QuarantineEntry>,
    /// Entries that hold no longer.
    pub expired: Vec<&'e QuarantineEntry>,
    /// Entries that are about no test.
    pub unknown: Vec<&'e QuarantineEntry>,
}

/// Decides which of the suite's cases are in quarantine. Where several entries cover a case, the first that holds counts.
#[must_use]
pub(crate) fn quarantined<'e>(entries: &[&'e QuarantineEntry], cases: &[TestId], today: Date) -> Quarantined<'e> {
    let mut found = Quarantined::default();
    for &entry in entries {
        let mut covered = cases.iter().filter(|case| entry.covers(case.as_str())).peekable();
        if covered.peek().is_none() {
            found.unknown.push(entry);
        } else if entry.quarantine.until < today {
            found.expired.push(entry);
        } else {
            found.active.push(entry);
            for case in covered {
                found.cases.entry(case.clone()).or_insert_with(|| entry.quarantine.clone());
            }
        }
    }
    found
}

/// Finds out which entries are no longer needed, from recorded attempts, newest first.
#[derive(Debug)]
pub(crate) struct Need<'e> {
    /// The attempts that each of its cases has passed; entries with a failure are here no more.
    passed: Vec<(&'e QuarantineEntry, BTreeMap<TestId, usize>)>,
}

impl<'e> Need<'e> {
    /// Begins with nothing seen.
    #[must_use]
    pub(crate) fn of(found: &Quarantined<'e>) -> Self {
        let cases_of = |entry: &QuarantineEntry| {
            found.cases.keys().filter(|case| entry.covers(case.as_str())).map(|case| (case.clone(), 0)).collect()
        };
        Self { passed: found.active.iter().map(|entry| (*entry, cases_of(entry))).collect() }
    }

    /// Takes in how an attempt ended; attempts that say nothing of the test do not count.
    pub(crate) fn saw(&mut self, case: &TestId, outcome: Outcome) {
        let has_failed = match outcome {
            Outcome::Passed | Outcome::Flaky => false,
            Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => true,
            Outcome::Skipped | Outcome::Interrupted => return,
        };
        self.passed.retain_mut(|(_, cases)| match cases.get_mut(case) {
            Some(passed) if *passed < ENOUGH_ATTEMPTS => {
                *passed += 1;
                !has_failed
            }
            _ => true,
        });
    }

    /// Whether more attempts would change nothing.
    #[must_use]
    pub(crate) fn is_decided(&self) -> bool {
        self.passed.iter().all(|(_, cases)| has_enough(cases))
    }

    /// Entries all of whose cases have passed in all of their last attempts.
    #[must_use]
    pub(crate) fn unneeded(&self) -> Vec<&'e QuarantineEntry> {
        self.passed.iter().filter(|(_, cases)| has_enough(cases)).map(|(entry, _)| *entry).collect()
    }
}

fn has_enough(cases: &BTreeMap<TestId, usize>) -> bool {
    cases.values().all(|passed| *passed >= ENOUGH_ATTEMPTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(test: &str, until: &str) -> QuarantineEntry {
        let quarantine =
            Quarantine { owner: "shop team".into(), reason: "sandbox".into(), until: until.parse().unwrap() };
        QuarantineEntry { test: test.into(), suite: None, quarantine, place: "itest.toml:1".into() }
    }

    fn cases() -> Vec<TestId> {
        ["pay", "pay::again", "cards::visa", "cards::master", "cardsharps"].map(TestId::new).to_vec()
    }

    fn names(found: &Quarantined<'_>) -> Vec<String> {
        found.cases.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn an_entry_covers_a_name_or_all_cases_of_a_test() {
        let today = "2026-06-15".parse().unwrap();
        let (pay, cards) = (entry("pay", "2026-06-15"), entry("cards::*", "2026-06-16"));
        let found = quarantined(&[&pay, &cards], &cases(), today);
        assert_eq!(names(&found), ["cards::master", "cards::visa", "pay"]);
        assert_eq!((found.active.len(), found.expired.len(), found.unknown.len()), (2, 0, 0));
    }

    #[test]
    fn an_entry_holds_through_its_last_day_and_no_longer() {
        let pay = entry("pay", "2026-06-15");
        let on = |day: &str| quarantined(&[&pay], &cases(), day.parse().unwrap());
        assert_eq!((on("2026-06-15").cases.len(), on("2026-06-15").expired.len()), (1, 0));
        assert_eq!((on("2026-06-16").cases.len(), on("2026-06-16").expired.len()), (0, 1));
        let renewed = entry("pay", "2026-07-01");
        let found = quarantined(&[&pay, &renewed], &cases(), "2026-06-20".parse().unwrap());
        assert_eq!(found.cases[&TestId::new("pay")].until.to_string(), "2026-07-01");
    }

    #[test]
    fn an_entry_without_a_test_is_told_even_when_it_has_expired() {
        let old = entry("gone", "2020-01-01");
        let found = quarantined(&[&old], &cases(), "2026-06-15".parse().unwrap());
        assert_eq!((found.unknown.len(), found.expired.len()), (1, 0));
    }

    #[test]
    fn an_entry_is_needed_until_all_its_cases_have_passed_often_enough() {
        let cards = entry("cards::*", "2026-12-31");
        let found = quarantined(&[&cards], &cases(), "2026-06-15".parse().unwrap());
        let (visa, master) = (TestId::new("cards::visa"), TestId::new("cards::master"));
        let mut need = Need::of(&found);
        for _ in 0..ENOUGH_ATTEMPTS {
            need.saw(&visa, Outcome::Passed);
            need.saw(&master, Outcome::Skipped);
        }
        assert!(!need.is_decided() && need.unneeded().is_empty());
        for _ in 0..ENOUGH_ATTEMPTS {
            need.saw(&master, Outcome::Flaky);
        }
        assert!(need.is_decided());
        assert_eq!(need.unneeded(), [&cards]);
        need.saw(&visa, Outcome::Failed);
        assert_eq!(need.unneeded(), [&cards], "what failed before its last attempts is forgiven");
    }

    #[test]
    fn one_failure_is_need_enough() {
        let pay = entry("pay", "2026-12-31");
        let found = quarantined(&[&pay], &cases(), "2026-06-15".parse().unwrap());
        let mut need = Need::of(&found);
        for attempt in 0..ENOUGH_ATTEMPTS {
            need.saw(&TestId::new("pay"), if attempt == 7 { Outcome::TimedOut } else { Outcome::Passed });
        }
        assert!(need.is_decided() && need.unneeded().is_empty());
    }
}
