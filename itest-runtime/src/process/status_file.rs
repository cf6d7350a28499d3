//! The status file: the position and the unsent reports of a worker, in a file in memory that outlives the worker.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::panic_log::{self, PanicLog};
use super::wire::{Message, Receiver, append};
use crate::model::{AttemptReport, CaseIndex, PanicRecord, Phase};

/// The time on the monotonic clock of the system, which all processes of this machine share.
#[must_use]
pub(crate) fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// What a worker is doing: the case and the phase that it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The running case. `None` while the worker tears down its own fixtures.
    pub(crate) case: Option<CaseIndex>,
    /// The phase.
    pub(crate) phase: Phase,
    /// The time by which the phase must have ended, on the clock of [`monotonic`].
    pub(crate) deadline: Option<Duration>,
}

/// The header: case (4 bytes), phase (1), 1 if a position was written (1), length of the unsent frames (2), deadline (8).
const HEADER_BYTES: usize = 16;

/// The most bytes of unsent frames in the file.
const MAX_UNSENT_BYTES: usize = 2048;

/// The most bytes of one report in its short form.
const MAX_REPORT_BYTES: usize = 128;

impl Position {
    fn encode(self, unsent: usize) -> [u8; HEADER_BYTES] {
        let deadline = self.deadline.map_or(0, |deadline| u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX));
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&self.case.map_or(u32::MAX, |case| case.0).to_le_bytes());
        header[4] = self.phase.number();
        header[5] = 1;
        header[6..8].copy_from_slice(&u16::try_from(unsent).unwrap_or(0).to_le_bytes());
        header[8..].copy_from_slice(&deadline.to_le_bytes());
        header
    }

    fn decode(header: [u8; HEADER_BYTES]) -> Option<(Self, usize)> {
        let (case, rest) = header.split_first_chunk()?;
        let ([phase, 1], rest) = rest.split_first_chunk()? else { return None };
        let (unsent, deadline) = rest.split_first_chunk()?;
        let case = Some(u32::from_le_bytes(*case)).filter(|case| *case != u32::MAX).map(CaseIndex);
        let deadline = u64::from_le_bytes(deadline.try_into().ok()?);
        let deadline = (deadline != 0).then(|| Duration::from_nanos(deadline));
        let position = Self { case, phase: Phase::from_number(*phase)?, deadline };
        Some((position, usize::from(u16::from_le_bytes(*unsent))))
    }
}

/// The status file, on the worker's side.
#[derive(Debug)]
pub(crate) struct StatusFile {
    file: File,
    unsent: RefCell<Vec<u8>>,
}

impl StatusFile {
    /// Creates a file without a name. The system removes it when the last descriptor of it is closed.
    ///
    /// # Errors
    ///
    /// When the file cannot be created in memory, or outside of Linux in the temp dir.
    pub(super) fn new() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        let file = File::from(rustix::fs::memfd_create("itest-status", rustix::fs::MemfdFlags::CLOEXEC)?);
        #[cfg(not(target_os = "linux"))]
        let file = tempfile::tempfile()?;
        Ok(Self { file, unsent: RefCell::default() })
    }

    /// Writes the position of the worker and its unsent reports. A failure is ignored, because it costs only the phase in a
    /// crash report.
    pub(crate) fn write_position(&self, position: Position) {
        let unsent = self.unsent.borrow();
        let header = position.encode(unsent.len());
        // Position and reports are written in one call, so that no unsent report can be lost once the next test has begun.
        let _ = if unsent.is_empty() {
            self.file.write_all_at(&header, 0)
        } else {
            self.file.write_all_at(&[&header, unsent.as_slice()].concat(), 0)
        };
    }

    /// Buffers a report, so that it is sent together with later ones. Returns false if the buffer is full.
    pub(super) fn buffer(&self, message: &Message) -> bool {
        let mut unsent = self.unsent.borrow_mut();
        unsent.len() + MAX_REPORT_BYTES <= MAX_UNSENT_BYTES && append(&mut unsent, message).is_ok()
    }

    /// Takes all buffered reports, as frames that can be sent.
    pub(super) fn take_unsent(&self) -> Vec<u8> {
        self.unsent.take()
    }

    /// The part of the file that holds the panics.
    ///
    /// # Errors
    ///
    /// When the process cannot open another file descriptor.
    pub(crate) fn panic_log(&self) -> io::Result<PanicLog> {
        Ok(PanicLog::new(self.file.try_clone()?))
    }

    /// A descriptor of the file for the supervisor.
    pub(super) fn reader(&self) -> io::Result<OwnedFd> {
        self.file.as_fd().try_clone_to_owned()
    }
}

/// The status file, on the supervisor's side.
#[derive(Debug)]
pub(crate) struct StatusReader {
    file: File,
}

impl StatusReader {
    pub(super) fn new(descriptor: OwnedFd) -> Self {
        Self { file: File::from(descriptor) }
    }

    /// The last position that the worker has written. `None` if it has written none, or if the file is damaged.
    #[must_use]
    pub(crate) fn position(&self) -> Option<Position> {
        self.read().map(|(position, _)| position)
    }

    /// The reports that were unsent when the worker last wrote its position.
    #[must_use]
    pub(crate) fn unsent(&self) -> Vec<AttemptReport> {
        let Some((_, frames)) = self.read() else { return Vec::new() };
        let mut receiver = Receiver::from_frames(frames);
        let frames = std::iter::from_fn(|| receiver.next_frame::<Message>()?.ok());
        frames
            .filter_map(|message| match message {
                Message::Finished { report, .. } => Some(report),
                Message::Ready { .. } | Message::LeaveSubscriber | Message::ShutDown { .. } => None,
            })
            .collect()
    }

    /// The panics of an attempt that make the attempt fail, in the order in which they happened.
    #[must_use]
    pub(crate) fn panics(&self, attempt: u32) -> Vec<PanicRecord> {
        panic_log::read(&self.file, attempt)
    }

    fn read(&self) -> Option<(Position, Vec<u8>)> {
        // A read during a write can return a mix of old and new bytes. Two equal reads in a row are taken as consistent.
        const MAX_READS: u32 = 8;
        let mut earlier = self.read_once()?;
        for _ in 0..MAX_READS {
            let now = self.read_once()?;
            if now == earlier {
                let (position, unsent) = Position::decode(*now.first_chunk()?)?;
                let frames = now.get(HEADER_BYTES..HEADER_BYTES + unsent)?.to_vec();
                return Some((position, frames));
            }
            earlier = now;
        }
        None
    }

    fn read_once(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; HEADER_BYTES + MAX_UNSENT_BYTES];
        let length = self.file.read_at(&mut bytes, 0).ok()?;
        bytes.truncate(length);
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Outcome;

    proptest! {
        #[test]
        fn position_is_read_as_it_was_written(case: Option<u16>, phase in 0..Phase::ALL.len(), deadline in 1_u64..) {
            let position = Position {
                case: case.map(|case| CaseIndex(u32::from(case))),
                phase: Phase::ALL[phase],
                deadline: Some(Duration::from_nanos(deadline)),
            };
            let status = StatusFile::new().unwrap();
            let reader = StatusReader::new(status.reader().unwrap());
            prop_assert_eq!(reader.position(), None);
            status.write_position(position);
            prop_assert_eq!(reader.position(), Some(position));
        }
    }

    #[test]
    fn buffered_reports_can_be_read_when_the_next_test_has_begun() {
        let status = StatusFile::new().unwrap();
        let reader = StatusReader::new(status.reader().unwrap());
        let report = |case| AttemptReport { outcome: Outcome::Passed, ..AttemptReport::interrupted(CaseIndex(case)) };
        let position = Position { case: Some(CaseIndex(9)), phase: Phase::Body, deadline: None };
        for case in 0..3 {
            assert!(status.buffer(&Message::Finished { report: report(case), wrote: false }));
        }
        assert_eq!(reader.unsent(), []);
        status.write_position(position);
        assert_eq!(reader.unsent(), [report(0), report(1), report(2)]);
        assert!(!status.take_unsent().is_empty());
        status.write_position(position);
        assert_eq!(reader.unsent(), []);
    }

    #[test]
    fn full_buffer_accepts_no_more_reports() {
        let status = StatusFile::new().unwrap();
        let message = Message::Finished { report: AttemptReport::interrupted(CaseIndex(1)), wrote: false };
        let buffered = (0..1_000).filter(|_| status.buffer(&message)).count();
        assert!(buffered > 10);
        assert!(status.take_unsent().len() <= MAX_UNSENT_BYTES);
    }
}
