//! The beacon: where a worker is and what it has not said yet, kept where it survives the worker.

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

/// The time since some fixed moment, the same for all processes of this machine.
#[must_use]
pub(crate) fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Where a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The running case; `None` when the worker gives back its own fixtures.
    pub(crate) case: Option<CaseIndex>,
    /// The phase.
    pub(crate) phase: Phase,
    /// When the phase should have ended, on the clock of [`monotonic`].
    pub(crate) deadline: Option<Duration>,
}

/// Case (4 bytes), phase (1), a mark that anything was written (1), length of the unsent frames (2), deadline (8).
const HEAD: usize = 16;

/// The most bytes of unsent frames.
const UNSENT: usize = 2048;

impl Position {
    fn encode(self, unsent: usize) -> [u8; HEAD] {
        let deadline = self.deadline.map_or(0, |deadline| u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX));
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&self.case.map_or(u32::MAX, |case| case.0).to_le_bytes());
        head[4] = self.phase.number();
        head[5] = 1;
        head[6..8].copy_from_slice(&u16::try_from(unsent).unwrap_or(0).to_le_bytes());
        head[8..].copy_from_slice(&deadline.to_le_bytes());
        head
    }

    fn decode(head: [u8; HEAD]) -> Option<(Self, usize)> {
        let (case, rest) = head.split_first_chunk()?;
        let ([phase, 1], rest) = rest.split_first_chunk()? else { return None };
        let (unsent, deadline) = rest.split_first_chunk()?;
        let case = Some(u32::from_le_bytes(*case)).filter(|case| *case != u32::MAX).map(CaseIndex);
        let deadline = u64::from_le_bytes(deadline.try_into().ok()?);
        let deadline = (deadline != 0).then(|| Duration::from_nanos(deadline));
        let position = Self { case, phase: Phase::from_number(*phase)?, deadline };
        Some((position, usize::from(u16::from_le_bytes(*unsent))))
    }
}

/// The worker's side.
#[derive(Debug)]
pub(crate) struct Beacon {
    file: File,
    unsent: RefCell<Vec<u8>>,
}

impl Beacon {
    /// Makes a beacon that has no name and vanishes with its last user.
    ///
    /// # Errors
    ///
    /// When the system has neither memory nor a temp dir for two kilobytes.
    pub(super) fn new() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        let file = File::from(rustix::fs::memfd_create("itest-beacon", rustix::fs::MemfdFlags::CLOEXEC)?);
        #[cfg(not(target_os = "linux"))]
        let file = tempfile::tempfile()?;
        Ok(Self { file, unsent: RefCell::default() })
    }

    /// Tells where the worker is, and what it holds back. A beacon that cannot be written costs only the phase in a crash
    /// report.
    pub(crate) fn show(&self, position: Position) {
        let unsent = self.unsent.borrow();
        let head = position.encode(unsent.len());
        // In one write, so that what is held back is safe as soon as the next test has begun.
        let _ = if unsent.is_empty() {
            self.file.write_all_at(&head, 0)
        } else {
            self.file.write_all_at(&[&head, unsent.as_slice()].concat(), 0)
        };
    }

    /// Holds a report back, to be sent together with later ones; false if there is no room for it.
    pub(super) fn hold_back(&self, message: &Message) -> bool {
        let mut unsent = self.unsent.borrow_mut();
        unsent.len() + 128 <= UNSENT && append(&mut unsent, message).is_ok()
    }

    /// Everything that was held back, to be sent now.
    pub(super) fn take_unsent(&self) -> Vec<u8> {
        self.unsent.take()
    }

    /// The part of the beacon that panics are written to.
    ///
    /// # Errors
    ///
    /// When the process has no file descriptor left.
    pub(crate) fn panic_log(&self) -> io::Result<PanicLog> {
        Ok(PanicLog::new(self.file.try_clone()?))
    }

    /// The supervisor's side.
    pub(super) fn reader(&self) -> io::Result<OwnedFd> {
        self.file.as_fd().try_clone_to_owned()
    }
}

/// The supervisor's side.
#[derive(Debug)]
pub(crate) struct BeaconReader {
    file: File,
}

impl BeaconReader {
    pub(super) fn new(descriptor: OwnedFd) -> Self {
        Self { file: File::from(descriptor) }
    }

    /// Where the worker is or was, if it ever said so.
    #[must_use]
    pub(crate) fn position(&self) -> Option<Position> {
        self.read().map(|(position, _)| position)
    }

    /// The reports that the worker held back when it last said where it is.
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

    /// The panics of one of the worker's attempts that fail it, in their order.
    #[must_use]
    pub(crate) fn panics(&self, attempt: u32) -> Vec<PanicRecord> {
        panic_log::read(&self.file, attempt)
    }

    fn read(&self) -> Option<(Position, Vec<u8>)> {
        // A read beside a write can be torn. What is read twice in a row is whole.
        let mut earlier = self.read_once()?;
        for _ in 0..8 {
            let now = self.read_once()?;
            if now == earlier {
                let (position, unsent) = Position::decode(*now.first_chunk()?)?;
                let frames = now.get(HEAD..HEAD + unsent)?.to_vec();
                return Some((position, frames));
            }
            earlier = now;
        }
        None
    }

    fn read_once(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; HEAD + UNSENT];
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
        fn a_position_survives_the_journey(case: Option<u16>, phase in 0..Phase::ALL.len(), deadline in 1_u64..) {
            let position = Position {
                case: case.map(|case| CaseIndex(u32::from(case))),
                phase: Phase::ALL[phase],
                deadline: Some(Duration::from_nanos(deadline)),
            };
            let beacon = Beacon::new().unwrap();
            let reader = BeaconReader::new(beacon.reader().unwrap());
            prop_assert_eq!(reader.position(), None);
            beacon.show(position);
            prop_assert_eq!(reader.position(), Some(position));
        }
    }

    #[test]
    fn what_is_held_back_can_be_read_once_the_next_test_has_begun() {
        let beacon = Beacon::new().unwrap();
        let reader = BeaconReader::new(beacon.reader().unwrap());
        let report = |case| AttemptReport { outcome: Outcome::Passed, ..AttemptReport::interrupted(CaseIndex(case)) };
        let position = Position { case: Some(CaseIndex(9)), phase: Phase::Body, deadline: None };
        for case in 0..3 {
            assert!(beacon.hold_back(&Message::Finished { report: report(case), wrote: false }));
        }
        assert_eq!(reader.unsent(), []);
        beacon.show(position);
        assert_eq!(reader.unsent(), [report(0), report(1), report(2)]);
        assert!(!beacon.take_unsent().is_empty());
        beacon.show(position);
        assert_eq!(reader.unsent(), []);
    }

    #[test]
    fn no_more_is_held_back_than_there_is_room_for() {
        let beacon = Beacon::new().unwrap();
        let message = Message::Finished { report: AttemptReport::interrupted(CaseIndex(1)), wrote: false };
        let held = (0..1_000).filter(|_| beacon.hold_back(&message)).count();
        assert!(held > 10);
        assert!(beacon.take_unsent().len() <= UNSENT);
    }
}
