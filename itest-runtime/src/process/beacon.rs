//! The beacon: a worker's position, kept where it survives the worker.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::model::{CaseIndex, Phase};

/// The time since some fixed moment, the same for all processes of this machine.
#[must_use]
pub(crate) fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Where a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The case in hand; `None` between cases and when the worker gives back its own fixtures.
    pub case: Option<CaseIndex>,
    /// The phase.
    pub phase: Phase,
    /// When the phase should have ended, on the clock of [`monotonic`].
    pub deadline: Option<Duration>,
}

const PHASES: [Phase; 6] = [Phase::Setup, Phase::Arrange, Phase::Act, Phase::Assert, Phase::Body, Phase::Teardown];

/// Case, phase, deadline, and a sum that tells a torn read.
const SIZE: usize = 24;

impl Position {
    fn encode(self) -> [u8; SIZE] {
        let case = self.case.map_or(u32::MAX, |case| case.0);
        let phase = PHASES.iter().position(|phase| *phase == self.phase).unwrap_or(0);
        let phase = u32::try_from(phase).unwrap_or(0);
        let deadline = self.deadline.map_or(0, |deadline| u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX));
        let mut bytes = [0; SIZE];
        bytes[0..4].copy_from_slice(&case.to_le_bytes());
        bytes[4..8].copy_from_slice(&phase.to_le_bytes());
        bytes[8..16].copy_from_slice(&deadline.to_le_bytes());
        let sum = sum(&bytes);
        bytes[16..24].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn decode(bytes: [u8; SIZE]) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        if number(16..24) != sum(&bytes) {
            return None;
        }
        let case = u32::try_from(number(0..4)).ok().filter(|case| *case != u32::MAX);
        let deadline = number(8..16);
        Some(Self {
            case: case.map(CaseIndex),
            phase: *PHASES.get(usize::try_from(number(4..8)).ok()?)?,
            deadline: (deadline != 0).then(|| Duration::from_nanos(deadline)),
        })
    }
}

fn sum(bytes: &[u8; SIZE]) -> u64 {
    bytes[..16].iter().fold(1, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}

/// The worker's side.
#[derive(Debug)]
pub(crate) struct Beacon {
    file: File,
}

impl Beacon {
    /// Makes a beacon that has no name and vanishes with its last user.
    ///
    /// # Errors
    ///
    /// When the system has neither memory nor a temp dir for 24 bytes.
    pub(super) fn new() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        let file = File::from(rustix::fs::memfd_create("itest-beacon", rustix::fs::MemfdFlags::CLOEXEC)?);
        #[cfg(not(target_os = "linux"))]
        let file = tempfile::tempfile()?;
        Ok(Self { file })
    }

    /// Tells where the worker is. A beacon that cannot be written costs only the phase in a crash report.
    pub(crate) fn show(&self, position: Position) {
        let _ = self.file.write_all_at(&position.encode(), 0);
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
        // A read beside a write can be torn; the next one is whole.
        (0..3).find_map(|_| {
            let mut bytes = [0; SIZE];
            self.file.read_exact_at(&mut bytes, 0).ok()?;
            Position::decode(bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_position_survives_the_journey(case: Option<u16>, phase in 0..PHASES.len(), deadline in 1_u64..) {
            let position = Position {
                case: case.map(|case| CaseIndex(u32::from(case))),
                phase: PHASES[phase],
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
    fn a_torn_position_is_not_believed() {
        let mut bytes = Position { case: None, phase: Phase::Act, deadline: None }.encode();
        bytes[0] ^= 1;
        assert_eq!(Position::decode(bytes), None);
    }
}
