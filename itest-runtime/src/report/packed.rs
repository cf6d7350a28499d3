//! The short form of a finished case in a record.
//!
//! A test that did not fail is told by a few numbers, its name, and what it wrote. JSON would cost more than the whole of an
//! empty test, because test binaries are built without optimizations.
//!
//! An entry is a head of four 64-bit numbers, the name, the place, a number and a description for each phase, stdout, and
//! stderr. Numbers are little-endian; of the first one the lowest byte is zero, as which no line of text begins.

use std::time::Duration;

use crate::model::{
    AttemptReport, CaseIndex, CaseReport, Outcome, Output, Phase, PhaseTime, SourceLocation, TestId, WorkerId,
};

/// What an entry begins with; no line of JSON does.
pub(super) const MARK: u8 = 0;

const HEAD: usize = 32;

/// The longest name and the longest place.
const LONGEST_NAME: usize = u16::MAX as usize;

/// The longest description of a phase.
const LONGEST_DESCRIPTION: usize = 0xfff;

/// The longest phase, some 78 hours.
const LONGEST_PHASE: u128 = 0xffff_ffff_ffff;

/// Whether the short form says everything, but for the length of the test, which must be the sum of its phases.
fn covers(case: &CaseReport) -> bool {
    let CaseReport { report, output, quarantine: None, .. } = case else { return false };
    let AttemptReport { outcome: Outcome::Passed | Outcome::Flaky, skip_reason: None, kept: None, .. } = report else {
        return false;
    };
    report.failures.is_empty()
        && report.leaks.is_empty()
        && case.id.as_str().len() <= LONGEST_NAME
        && case.location.as_str().len() <= LONGEST_NAME
        && output.stdout.len() + output.stderr.len() < u32::MAX as usize / 2
        && report.phases.len() <= 0xff
        && report.phases.iter().all(|phase| {
            phase.description.as_ref().is_none_or(|words| words.len() <= LONGEST_DESCRIPTION)
                && phase.elapsed.as_nanos() <= LONGEST_PHASE
        })
}

/// Makes `to` the entry of a case, if the short form says everything of it, and says whether it does.
pub(super) fn encode(case: &CaseReport, to: &mut Vec<u8>) -> bool {
    if !covers(case) {
        return false;
    }
    to.clear();
    let CaseReport { id, location, report, output, .. } = case;
    let (name, place) = (id.as_str().as_bytes(), location.as_str().as_bytes());
    let described: usize = report.phases.iter().map(|phase| words(phase).len()).sum();
    let body =
        name.len() + place.len() + 8 * report.phases.len() + described + output.stdout.len() + output.stderr.len();
    let is_flaky = u64::from(report.outcome == Outcome::Flaky);
    // Few and large numbers: where nothing is inlined each call counts.
    let first = u64::from(MARK) | is_flaky << 8 | (report.phases.len() as u64) << 16 | (body as u64) << 32;
    let second = name.len() as u64 | (place.len() as u64) << 16 | u64::from(case.worker.0) << 32;
    let third = u64::from(case.attempts) | (output.stdout.len() as u64) << 32;
    let started = u64::try_from(case.started.as_nanos()).unwrap_or(u64::MAX);
    to.reserve(HEAD + body);
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

/// Reads the entry that the bytes begin with, and says what is behind it; nothing if it is cut off or makes no sense.
pub(super) fn decode(bytes: &[u8]) -> Option<(CaseReport, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let (numbers, _) = head.as_chunks::<8>();
    let [first, second, third, started] = numbers else { return None };
    let [first, second, third, started] = [first, second, third, started].map(|number| u64::from_le_bytes(*number));
    let [_, is_flaky, phases, ..] = first.to_le_bytes();
    let (body, rest) = rest.split_at_checked(usize::try_from(first >> 32).ok()?)?;
    let (name, body) = text(body, second & 0xffff)?;
    let (place, mut body) = text(body, second >> 16 & 0xffff)?;
    let mut times = Vec::with_capacity(usize::from(phases));
    for _ in 0..phases {
        let (number, behind) = body.split_first_chunk()?;
        let number = u64::from_le_bytes(*number);
        let (words, behind) = text(behind, number >> 4 & 0xfff)?;
        body = behind;
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
        fn what_is_written_is_read(cases in proptest::collection::vec(any_case(), 0..5)) {
            let (mut bytes, mut entry) = (Vec::new(), Vec::new());
            for case in &cases {
                prop_assert!(encode(case, &mut entry));
                bytes.extend_from_slice(&entry);
            }
            let mut rest = bytes.as_slice();
            for case in &cases {
                prop_assert_eq!(rest.first(), Some(&MARK));
                let (read, behind) = decode(rest).unwrap();
                prop_assert_eq!(&read, case);
                rest = behind;
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn what_is_cut_off_or_damaged_is_no_panic(case in any_case(), cut in any::<prop::sample::Index>(), flip: u8) {
            let mut bytes = Vec::new();
            prop_assert!(encode(&case, &mut bytes));
            let at = cut.index(bytes.len());
            prop_assert!(decode(&bytes[..at]).is_none());
            bytes[at] ^= flip;
            let _ = decode(&bytes);
        }
    }
}
