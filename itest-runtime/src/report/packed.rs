//! The binary form of a finished case in a record, for tests that passed.
//!
//! Such a test needs only a few numbers, its name and its output. Writing it as JSON would take longer than running an
//! empty test, because test binaries are built without optimizations.
//!
//! An entry is a header of four 64-bit numbers, the name, the location, a number and a description for each phase,
//! stdout and stderr. Numbers are little-endian. The lowest byte of the first number is zero; no line of JSON starts
//! with that byte.

use std::time::Duration;

use crate::model::{
    AttemptReport, CaseIndex, CaseReport, Outcome, Output, Phase, PhaseTime, SourceLocation, TestId, WorkerId,
};

/// The first byte of an entry; no line of JSON starts with it.
pub(super) const ENTRY_MARK: u8 = 0;

const HEADER_BYTES: usize = 32;

/// The longest name and the longest location, in bytes.
const MAX_NAME_BYTES: usize = u16::MAX as usize;

/// The longest description of a phase, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 0xfff;

/// The longest duration of a phase in nanoseconds, about 78 hours.
const MAX_PHASE_NANOS: u128 = 0xffff_ffff_ffff;

/// Whether the binary form can represent the case. It does not check the duration of the case, which must be the sum of
/// its phases.
fn is_representable(case: &CaseReport) -> bool {
    let CaseReport { report, output, quarantine: None, .. } = case else { return false };
    let AttemptReport { outcome: Outcome::Passed | Outcome::Flaky, skip_reason: None, kept: None, .. } = report else {
        return false;
    };
    report.failures.is_empty()
        && report.leaks.is_empty()
        && report.notes.is_empty()
        && report.exchanges.is_empty()
        && case.id.as_str().len() <= MAX_NAME_BYTES
        && case.location.as_str().len() <= MAX_NAME_BYTES
        && output.stdout.len() + output.stderr.len() < u32::MAX as usize / 2
        && report.phases.len() <= 0xff
        && report.phases.iter().all(|phase| {
            phase.description.as_ref().is_none_or(|words| words.len() <= MAX_DESCRIPTION_BYTES)
                && phase.elapsed.as_nanos() <= MAX_PHASE_NANOS
        })
}

/// Writes the entry of a case to `to`, and returns whether the entry represents the case completely.
pub(super) fn encode(case: &CaseReport, to: &mut Vec<u8>) -> bool {
    if !is_representable(case) {
        return false;
    }
    to.clear();
    let CaseReport { id, location, report, output, .. } = case;
    let (name, place) = (id.as_str().as_bytes(), location.as_str().as_bytes());
    let description_bytes: usize = report.phases.iter().map(|phase| words(phase).len()).sum();
    let body = name.len()
        + place.len()
        + 8 * report.phases.len()
        + description_bytes
        + output.stdout.len()
        + output.stderr.len();
    let is_flaky = u64::from(report.outcome == Outcome::Flaky);
    // The header has few, large numbers, because each call costs time in a binary that is built without optimization.
    let first = u64::from(ENTRY_MARK) | is_flaky << 8 | (report.phases.len() as u64) << 16 | (body as u64) << 32;
    let second = name.len() as u64 | (place.len() as u64) << 16 | u64::from(case.worker.0) << 32;
    let third = u64::from(case.attempts) | (output.stdout.len() as u64) << 32;
    let started = u64::try_from(case.started.as_nanos()).unwrap_or(u64::MAX);
    to.reserve(HEADER_BYTES + body);
    to.extend_from_slice(&(u128::from(first) | u128::from(second) << 64).to_le_bytes());
    to.extend_from_slice(&(u128::from(third) | u128::from(started) << 64).to_le_bytes());
    to.extend_from_slice(name);
    to.extend_from_slice(place);
    let mut elapsed = 0_u64;
    for phase in &report.phases {
        let nanos = u64::try_from(phase.elapsed.as_nanos()).unwrap_or(u64::MAX);
        elapsed = elapsed.saturating_add(nanos);
        let words = words(phase);
        let number = u64::from(phase.phase.number()) | (words.len() as u64) << 4 | nanos << 16;
        to.extend_from_slice(&number.to_le_bytes());
        if !words.is_empty() {
            to.extend_from_slice(words.as_bytes());
        }
    }
    if !output.stdout.is_empty() || !output.stderr.is_empty() {
        to.extend_from_slice(&output.stdout);
        to.extend_from_slice(&output.stderr);
    }
    case.elapsed.as_nanos() == u128::from(elapsed)
}

fn words(phase: &PhaseTime) -> &str {
    phase.description.as_deref().unwrap_or_default()
}

/// Reads the entry at the beginning of the bytes, and returns it with the remaining bytes. Returns `None` if the entry
/// is cut off or invalid.
pub(super) fn decode(bytes: &[u8]) -> Option<(CaseReport, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let (numbers, _) = head.as_chunks::<8>();
    let [first, second, third, started] = numbers else { return None };
    let [first, second, third, started] = [first, second, third, started].map(|number| u64::from_le_bytes(*number));
    let [_, is_flaky, phases, ..] = first.to_le_bytes();
    let (body, rest) = rest.split_at_checked(usize::try_from(first >> 32).ok()?)?;
    let (name, body) = text(body, second & 0xffff)?;
    let (place, mut body) = text(body, second >> 16 & 0xffff)?;
    let mut times = Vec::with_capacity(usize::from(phases));
    for _ in 0..phases {
        let (number, after) = body.split_first_chunk()?;
        let number = u64::from_le_bytes(*number);
        let (words, after) = text(after, number >> 4 & 0xfff)?;
        body = after;
        times.push(PhaseTime {
            phase: Phase::from_number((number & 0xf) as u8)?,
            description: Some(words).filter(|words| !words.is_empty()).map(str::to_owned),
            elapsed: Duration::from_nanos(number >> 16),
        });
    }
    let (stdout, stderr) = body.split_at_checked(usize::try_from(third >> 32).ok()?)?;
    let outcome = if is_flaky == 1 { Outcome::Flaky } else { Outcome::Passed };
    let report = AttemptReport { outcome, phases: times, ..AttemptReport::interrupted(CaseIndex(0)) };
    let case = CaseReport {
        id: TestId::new(name),
        location: SourceLocation::new(place.to_owned()),
        worker: WorkerId(u32::try_from(second >> 32).ok()?),
        lane: None,
        attempts: u32::try_from(third & 0xffff_ffff).ok()?,
        elapsed: report.elapsed(),
        report,
        output: Output { stdout: stdout.to_vec(), stderr: stderr.to_vec() },
        started: Duration::from_nanos(started),
        quarantine: None,
    };
    Some((case, rest))
}

fn text(bytes: &[u8], length: u64) -> Option<(&str, &[u8])> {
    let (text, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_case() -> impl Strategy<Value = CaseReport> {
        let phase = (prop::sample::select(Phase::ALL.to_vec()), proptest::option::of("[a-z ü]{1,20}"), 0_u64..1 << 40);
        let phases = proptest::collection::vec(phase, 0..6);
        let bytes = || proptest::collection::vec(any::<u8>(), 0..50);
        (any::<bool>(), "[a-z:'\n]{0,40}", phases, bytes(), bytes(), any::<(u32, u32, u32)>()).prop_map(
            |(is_flaky, name, phases, stdout, stderr, (worker, attempts, started))| {
                let phases = phases.into_iter().map(|(phase, description, nanos)| PhaseTime {
                    phase,
                    description,
                    elapsed: Duration::from_nanos(nanos),
                });
                let outcome = if is_flaky { Outcome::Flaky } else { Outcome::Passed };
                let report =
                    AttemptReport { outcome, phases: phases.collect(), ..AttemptReport::interrupted(CaseIndex(0)) };
                CaseReport {
                    id: TestId::new(name),
                    location: SourceLocation::new("tests/a.rs:3:1"),
                    worker: WorkerId(worker),
                    lane: None,
                    attempts,
                    elapsed: report.elapsed(),
                    report,
                    output: Output { stdout, stderr },
                    started: Duration::from_nanos(u64::from(started)),
                    quarantine: None,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn written_cases_are_read_back_unchanged(cases in proptest::collection::vec(any_case(), 0..5)) {
            let (mut bytes, mut entry) = (Vec::new(), Vec::new());
            for case in &cases {
                prop_assert!(encode(case, &mut entry));
                bytes.extend_from_slice(&entry);
            }
            let mut rest = bytes.as_slice();
            for case in &cases {
                prop_assert_eq!(rest.first(), Some(&ENTRY_MARK));
                let (read, after) = decode(rest).unwrap();
                prop_assert_eq!(&read, case);
                rest = after;
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn truncated_or_damaged_entry_does_not_panic(case in any_case(), cut in any::<prop::sample::Index>(), flip: u8) {
            let mut bytes = Vec::new();
            prop_assert!(encode(&case, &mut bytes));
            let at = cut.index(bytes.len());
            prop_assert!(decode(&bytes[..at]).is_none());
            bytes[at] ^= flip;
            let _ = decode(&bytes);
        }
    }
}
