//! Applies the quarantine of `itest.toml` to a run, and warns of entries that are unknown, expired or not needed any more.

use super::call::Call;
use super::values::closest;
use crate::inject::Registry;
use crate::model::{Date, Outcome, QuarantineEntry, QuarantinePolicy, RunConfig, TestId};
use crate::plan::{QuarantineReview, QuarantineStatus, REQUIRED_PASSES, quarantine_status};

/// Sets the quarantined tests in the configuration. Returns warnings about entries. `unneeded` finds entries to remove.
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
    let status = quarantine_status(&own, &cases, today);
    // Under cargo-nextest each test has its own process, and each of them would repeat the warnings.
    let is_silent = config.session.nextest.is_some();
    let remarks =
        if is_silent { Vec::new() } else { remarks(&status, &suite, &cases, unneeded(QuarantineReview::of(&status))) };
    config.quarantined = status.cases;
    remarks
}

/// The entries whose tests passed in all of these attempts. The attempts are sorted from the newest to the oldest, and are read only
/// until each entry is decided. Most entries are decided early, because their tests fail.
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
    status: &QuarantineStatus<'_>,
    suite: &str,
    cases: &[TestId],
    unneeded: Vec<&QuarantineEntry>,
) -> Vec<String> {
    let unknown = status.unknown.iter().map(|entry| {
        let likely = closest(&entry.test, cases.iter().map(TestId::as_str));
        let hint = likely.map_or_else(String::new, |likely| format!("did you mean `{likely}`? If not, "));
        let elsewhere = if entry.suite.is_none() {
            format!("; if the test belongs to another suite than {suite}, add the key `suite`")
        } else {
            String::new()
        };
        let QuarantineEntry { place, test, .. } = entry;
        format!("{place}: no test is named `{test}`, which is in quarantine; {hint}remove the entry{elsewhere}")
    });
    let expired = status.expired.iter().map(|entry| {
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
