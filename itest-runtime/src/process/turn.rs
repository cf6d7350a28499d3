//! How a worker is told what to run: a few bytes for each case, for there are thousands of them.

use crate::model::{CaseIndex, Turn};

/// The length of a turn.
pub(super) const TURN: usize = 12;

/// A turn as it is sent.
pub(super) fn write(turn: Turn) -> [u8; TURN] {
    let mut bytes = [0; TURN];
    let numbers = [turn.case.0, turn.attempt, turn.round];
    for (place, number) in bytes.as_chunks_mut().0.iter_mut().zip(numbers) {
        *place = number.to_le_bytes();
    }
    bytes
}

/// A turn as it was sent.
pub(super) fn read(bytes: [u8; TURN]) -> Turn {
    let mut numbers = bytes.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number));
    let mut next = || numbers.next().unwrap_or_default();
    Turn { case: CaseIndex(next()), attempt: next(), round: next() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_arrives_as_it_was_sent() {
        let turn = Turn { case: CaseIndex(0x0102_0304), attempt: 3, round: u32::MAX };
        assert_eq!(read(write(turn)), turn);
    }
}
