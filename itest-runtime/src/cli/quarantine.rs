//! What the quarantine comes to today, and what is to be said about it.

use super::call::Call;
use super::values::closest;
use crate::inject::Registry;
use crate::model::{Date, Outcome, QuarantineEntry, QuarantinePolicy, RunConfig, TestId};
use crate::plan::{QuarantineReview, QuarantineStatus, REQUIRED_PASSES, quarantine_status};

/// Fills in whose failures are borne, and says what is wrong with the entries. `unneeded` finds out which are no longer needed.
pub(super) fn apply_quarantine(
    call: &Call,
    config: &mut RunConfig,
    registry: &Registry,
    today: Date,
    unneeded: impl for<'e> FnOnce(QuarantineReview<'e>) -> Vec<&'e QuarantineEntry>,
) -> Vec<String> {
    if config.quarantine == QuarantinePolicy::Ignore || config.quarantine_entries.is_empty() {
        return Vec::new();
    }
    let suite = call.suite().unwrap_or_default();
    let own: Vec<&QuarantineEntry> = config.quarantine_entries.iter().filter(|entry| entry.is_of(&suite)).collect();
    let cases: Vec<TestId> = registry.candidates().map(|case| case.id()).collect();
    let found = quarantine_status(&own, &cases, today);
    // Under cargo-nextest each test has a process of its own, and each would say the same.
    let is_silent = config.session.nextest.is_some();
    let remarks =
        if is_silent { Vec::new() } else { remarks(&found, &suite, &cases, unneeded(QuarantineReview::of(&found))) };
    config.quarantined = found.cases;
    remarks
}

/// Entries all of whose tests passed in all of these attempts, newest first. No more are read than that needs: for most entries
/// it is soon decided, because their tests do fail.
pub(super) fn unneeded_of(
    mut review: QuarantineReview<'_>,
    attempts: impl Iterator<Item = (TestId, Outcome)>,
) -> Vec<&QuarantineEntry> {
    if review.is_decided() {
        return review.unneeded();
    }
    for (test, outcome) in attempts {
        review.record(&test, outcome);
        if review.is_decided() {
            break;
        }
    }
    review.unneeded()
}

fn remarks(
    found: &QuarantineStatus<'_>,
    suite: &str,
    cases: &[TestId],
    unneeded: Vec<&QuarantineEntry>,
) -> Vec<String> {
    let unknown = found.unknown.iter().map(|entry| {
        let likely = closest(&entry.test, cases.iter().map(TestId::as_str));
        let hint = likely.map_or_else(String::new, |likely| format!("did you mean `{likely}`? else "));
        let elsewhere = if entry.suite.is_none() {
            format!("; if it is of another suite than {suite}, say `suite`")
        } else {
            String::new()
        };
        let QuarantineEntry { place, test, .. } = entry;
        format!("{place}: no test is named `{test}`, which is in quarantine; {hint}remove the entry{elsewhere}")
    });
    let expired = found.expired.iter().map(|entry| {
        let QuarantineEntry { place, test, quarantine, .. } = entry;
        let (until, owner) = (quarantine.until, &quarantine.owner);
        format!("the quarantine of `{test}` ended on {until}: its failures count again; owner {owner} ({place})")
    });
    let unneeded = unneeded.into_iter().map(|entry| {
        let QuarantineEntry { place, test, quarantine, .. } = entry;
        format!(
            "the quarantine of `{test}` may no longer be needed: 0 failures in the last {REQUIRED_PASSES} recorded attempts; \
             owner {} ({place})",
            quarantine.owner
        )
    });
    unknown.chain(expired).chain(unneeded).collect()
}
