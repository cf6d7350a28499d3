//! The quarantine: which failures do not fail the run, and which entries can be removed.

use std::collections::BTreeMap;

use crate::model::{Date, Outcome, Quarantine, QuarantineEntry, TestId, map_of};

/// An entry whose cases passed this many attempts in a row should be removed. 20 passed attempts bound the failure rate
/// at 14 %, with a confidence of 95 %.
pub(crate) const REQUIRED_PASSES: usize = 20;

/// The entries of the quarantine, sorted by their state on a given day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct QuarantineStatus<'e> {
    /// The quarantined cases: their failures do not fail the run.
    pub cases: BTreeMap<TestId, Quarantine>,
    /// Entries that match a case and have not expired.
    pub active: Vec<&'e QuarantineEntry>,
    /// Entries that match a case and have expired.
    pub expired: Vec<&'e QuarantineEntry>,
    /// Entries that match no case.
    pub unknown: Vec<&'e QuarantineEntry>,
}

/// Matches the entries with the cases of a suite. Where several active entries match a case, the first one counts.
#[must_use]
pub(crate) fn quarantine_status<'e>(
    entries: &[&'e QuarantineEntry],
    cases: &[TestId],
    today: Date,
) -> QuarantineStatus<'e> {
    let mut status = QuarantineStatus::default();
    for &entry in entries {
        let mut covered = cases.iter().filter(|case| entry.covers(case.as_str())).peekable();
        if covered.peek().is_none() {
            status.unknown.push(entry);
        } else if entry.quarantine.until < today {
            status.expired.push(entry);
        } else {
            status.active.push(entry);
            for case in covered {
                status.cases.entry(case.clone()).or_insert_with(|| entry.quarantine.clone());
            }
        }
    }
    status
}

/// Finds entries that are no longer needed. It reads recorded attempts, newest first.
#[derive(Debug)]
pub(crate) struct QuarantineReview<'e> {
    /// For each entry, the number of passed attempts of each of its cases. An entry is removed from the list at the
    /// first failure.
    passed: Vec<(&'e QuarantineEntry, BTreeMap<TestId, usize>)>,
}

impl<'e> QuarantineReview<'e> {
    /// Creates a review of the active entries, before any attempt was read.
    #[must_use]
    pub(crate) fn of(status: &QuarantineStatus<'e>) -> Self {
        let cases_of = |entry: &QuarantineEntry| {
            let covered = status.cases.keys().filter(|case| entry.covers(case.as_str()));
            map_of(covered.map(|case| (case.clone(), 0)))
        };
        Self { passed: status.active.iter().map(|entry| (*entry, cases_of(entry))).collect() }
    }

    /// Counts an attempt. Skipped and interrupted attempts do not count, because they show neither a pass nor a
    /// failure.
    pub(crate) fn record(&mut self, case: &TestId, outcome: Outcome) {
        let has_failed = match outcome {
            Outcome::Passed | Outcome::Flaky => false,
            Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => true,
            Outcome::Skipped | Outcome::Interrupted => return,
        };
        self.passed.retain_mut(|(_, cases)| match cases.get_mut(case) {
            Some(passed) if *passed < REQUIRED_PASSES => {
                *passed += 1;
                !has_failed
            }
            _ => true,
        });
    }

    /// Whether the result is known, so that no more attempts need to be read.
    #[must_use]
    pub(crate) fn is_decided(&self) -> bool {
        self.passed.iter().all(|(_, cases)| has_enough(cases))
    }

    /// Entries whose cases have all passed in their last [`REQUIRED_PASSES`] attempts.
    #[must_use]
    pub(crate) fn unneeded(&self) -> Vec<&'e QuarantineEntry> {
        self.passed.iter().filter(|(_, cases)| has_enough(cases)).map(|(entry, _)| *entry).collect()
    }
}

fn has_enough(cases: &BTreeMap<TestId, usize>) -> bool {
    cases.values().all(|passed| *passed >= REQUIRED_PASSES)
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

    fn names(status: &QuarantineStatus<'_>) -> Vec<String> {
        status.cases.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn entry_covers_a_name_or_all_cases_of_a_test() {
        let today = "2026-06-15".parse().unwrap();
        let (pay, cards) = (entry("pay", "2026-06-15"), entry("cards::*", "2026-06-16"));
        let status = quarantine_status(&[&pay, &cards], &cases(), today);
        assert_eq!(names(&status), ["cards::master", "cards::visa", "pay"]);
        assert_eq!((status.active.len(), status.expired.len(), status.unknown.len()), (2, 0, 0));
    }

    #[test]
    fn entry_expires_after_its_last_day() {
        let pay = entry("pay", "2026-06-15");
        let on = |day: &str| quarantine_status(&[&pay], &cases(), day.parse().unwrap());
        assert_eq!((on("2026-06-15").cases.len(), on("2026-06-15").expired.len()), (1, 0));
        assert_eq!((on("2026-06-16").cases.len(), on("2026-06-16").expired.len()), (0, 1));
        let renewed = entry("pay", "2026-07-01");
        let status = quarantine_status(&[&pay, &renewed], &cases(), "2026-06-20".parse().unwrap());
        assert_eq!(status.cases[&TestId::new("pay")].until.to_string(), "2026-07-01");
    }

    #[test]
    fn expired_entry_without_a_test_is_reported_as_unknown() {
        let old = entry("gone", "2020-01-01");
        let status = quarantine_status(&[&old], &cases(), "2026-06-15".parse().unwrap());
        assert_eq!((status.unknown.len(), status.expired.len()), (1, 0));
    }

    #[test]
    fn entry_is_needed_until_all_its_cases_have_passed_often_enough() {
        let cards = entry("cards::*", "2026-12-31");
        let status = quarantine_status(&[&cards], &cases(), "2026-06-15".parse().unwrap());
        let (visa, master) = (TestId::new("cards::visa"), TestId::new("cards::master"));
        let mut review = QuarantineReview::of(&status);
        for _ in 0..REQUIRED_PASSES {
            review.record(&visa, Outcome::Passed);
            review.record(&master, Outcome::Skipped);
        }
        assert!(!review.is_decided() && review.unneeded().is_empty());
        for _ in 0..REQUIRED_PASSES {
            review.record(&master, Outcome::Flaky);
        }
        assert!(review.is_decided());
        assert_eq!(review.unneeded(), [&cards]);
        review.record(&visa, Outcome::Failed);
        assert_eq!(review.unneeded(), [&cards], "failures before the last attempts do not count");
    }

    #[test]
    fn one_failure_keeps_an_entry() {
        let pay = entry("pay", "2026-12-31");
        let status = quarantine_status(&[&pay], &cases(), "2026-06-15".parse().unwrap());
        let mut review = QuarantineReview::of(&status);
        for attempt in 0..REQUIRED_PASSES {
            review.record(&TestId::new("pay"), if attempt == 7 { Outcome::TimedOut } else { Outcome::Passed });
        }
        assert!(review.is_decided() && review.unneeded().is_empty());
    }
}
