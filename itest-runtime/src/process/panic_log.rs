//! The log of panics: the first and the last panics of the running attempt, in a file that outlives the process.
//!
//! The log is a part of the status file: an array of slots of equal size. The first panics of an attempt keep their slots,
//! because the first panic is usually the cause of the others. All later panics share the other slots.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::model::{PanicRecord, Problem, sort_by_key};

/// The offset of the first slot in the status file. The position and the unsent reports need less space.
const FIRST_SLOT_OFFSET: u64 = 4096;

/// The size of a slot: a header, and a panic as JSON.
const SLOT_BYTES: usize = 4096;

/// The header of a slot: the number of the attempt and the length of the JSON, 4 bytes each.
const HEADER_BYTES: usize = 8;

/// The number of slots for the first panics.
const FIRST_SLOTS: u32 = 3;

/// The number of slots for the last panics.
const LAST_SLOTS: u32 = 3;

const SLOTS: usize = (FIRST_SLOTS + LAST_SLOTS) as usize;

/// The most characters of a shortened message. They fit into a slot even if each of them is escaped.
const MAX_MESSAGE_CHARACTERS: usize = 500;

/// The log of panics, on the worker's side.
#[derive(Debug)]
pub(crate) struct PanicLog {
    file: File,
    /// The number of the running attempt in this worker, counted from 0.
    attempt: AtomicU32,
    /// The sequence number of the latest panic in each slot.
    latest: [AtomicU32; SLOTS],
}

impl PanicLog {
    pub(super) fn new(file: File) -> Self {
        Self { file, attempt: AtomicU32::new(0), latest: Default::default() }
    }

    /// Begins another attempt. The panics of earlier attempts are no longer returned by [`read`].
    pub(crate) fn begin(&self, attempt: u32) {
        self.attempt.store(attempt, Ordering::Relaxed);
        self.latest.iter().for_each(|latest| latest.store(0, Ordering::Relaxed));
    }

    /// Writes a panic or its new state, unless a later panic has taken its slot. A failure is ignored, because it costs only the
    /// text of the panic in a crash report.
    pub(crate) fn write(&self, record: &PanicRecord) {
        let slot = slot_of(record.sequence);
        let latest = self.latest.get(slot as usize).map(|latest| latest.fetch_max(record.sequence, Ordering::Relaxed));
        if latest.is_some_and(|latest| latest > record.sequence) {
            return;
        }
        let Some(json) = encode(record) else { return };
        let mut bytes = Vec::with_capacity(HEADER_BYTES + json.len());
        bytes.extend(self.attempt.load(Ordering::Relaxed).to_le_bytes());
        bytes.extend(u32::try_from(json.len()).unwrap_or(0).to_le_bytes());
        bytes.extend(json);
        let _ = self.file.write_all_at(&bytes, offset(slot));
    }
}

/// Reads the panics of an attempt that make the attempt fail, in the order in which they happened.
pub(super) fn read(file: &File, attempt: u32) -> Vec<PanicRecord> {
    let slots = 0..FIRST_SLOTS + LAST_SLOTS;
    let mut records: Vec<_> = slots.filter_map(|slot| read_slot(file, slot, attempt).ok().flatten()).collect();
    records.retain(|record| !record.is_settled);
    sort_by_key(&mut records, |record| record.sequence);
    records
}

fn read_slot(file: &File, slot: u32, attempt: u32) -> io::Result<Option<PanicRecord>> {
    let mut bytes = vec![0; SLOT_BYTES];
    let length = file.read_at(&mut bytes, offset(slot))?;
    bytes.truncate(length);
    let record = || {
        let (of_attempt, rest) = bytes.split_first_chunk()?;
        let (length, json) = rest.split_first_chunk()?;
        let json = json.get(..u32::from_le_bytes(*length) as usize)?;
        (u32::from_le_bytes(*of_attempt) == attempt).then(|| serde_json::from_slice(json).ok())?
    };
    Ok(record())
}

/// Encodes a panic as JSON that fits into a slot. A long message is shortened.
fn encode(record: &PanicRecord) -> Option<Vec<u8>> {
    let fits = |json: &Vec<u8>| json.len() <= SLOT_BYTES - HEADER_BYTES;
    if let Some(json) = serde_json::to_vec(record).ok().filter(fits) {
        return Some(json);
    }
    let mut message: String = record.problem.message.chars().take(MAX_MESSAGE_CHARACTERS).collect();
    message.push('…');
    let problem = Problem { message, backtrace: None, location: record.problem.location.clone() };
    let thread = record.thread.as_ref().map(|thread| thread.chars().take(100).collect());
    serde_json::to_vec(&PanicRecord { thread, problem, ..record.clone() }).ok().filter(fits)
}

fn slot_of(sequence: u32) -> u32 {
    match sequence.checked_sub(FIRST_SLOTS) {
        None => sequence,
        Some(later) => FIRST_SLOTS + later % LAST_SLOTS,
    }
}

fn offset(slot: u32) -> u64 {
    FIRST_SLOT_OFFSET + u64::from(slot) * SLOT_BYTES as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Phase;

    fn record(sequence: u32, message: &str) -> PanicRecord {
        let problem = Problem::new(message);
        PanicRecord { sequence, phase: Phase::Act, thread: None, problem, is_settled: false }
    }

    fn messages(file: &File, attempt: u32) -> Vec<String> {
        read(file, attempt).into_iter().map(|record| record.problem.message).collect()
    }

    #[test]
    fn log_keeps_first_and_last_panics_in_order() {
        let file = tempfile::tempfile().unwrap();
        let log = PanicLog::new(file.try_clone().unwrap());
        log.begin(7);
        assert_eq!(messages(&file, 7), [""; 0]);
        for sequence in 0..20 {
            log.write(&record(sequence, &sequence.to_string()));
        }
        assert_eq!(messages(&file, 7), ["0", "1", "2", "17", "18", "19"]);
        assert_eq!(messages(&file, 8), [""; 0]);
    }

    #[test]
    fn caught_panic_is_not_returned() {
        let file = tempfile::tempfile().unwrap();
        let log = PanicLog::new(file.try_clone().unwrap());
        log.write(&record(0, "caught"));
        log.write(&record(1, "not caught"));
        log.write(&PanicRecord { is_settled: true, ..record(0, "caught") });
        assert_eq!(messages(&file, 0), ["not caught"]);
    }

    /// A test catches panics 3, 4 and 5. Then a thread panics, and its panic 6 takes the slot of panic 3.
    #[test]
    fn late_update_of_a_panic_keeps_a_later_panic() {
        let file = tempfile::tempfile().unwrap();
        let log = PanicLog::new(file.try_clone().unwrap());
        (0..7).for_each(|sequence| log.write(&record(sequence, &sequence.to_string())));
        (0..6).for_each(|sequence| log.write(&PanicRecord { is_settled: true, ..record(sequence, "caught") }));
        assert_eq!(messages(&file, 0), ["6"]);
    }

    #[test]
    fn long_message_is_shortened() {
        let file = tempfile::tempfile().unwrap();
        let log = PanicLog::new(file.try_clone().unwrap());
        log.write(&record(0, &"\u{1}".repeat(10_000)));
        let [message] = <[String; 1]>::try_from(messages(&file, 0)).unwrap();
        assert!(message.starts_with('\u{1}') && message.ends_with('…'));
    }
}
