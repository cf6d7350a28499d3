//! The encoding of a turn, which tells a worker which case to run. It is short, because a run can have thousands of cases.

use crate::model::{CaseIndex, Turn};

/// The length of an encoded turn: three little-endian numbers of 4 bytes.
pub(super) const TURN_BYTES: usize = 12;

/// Encodes a turn.
pub(super) fn encode(turn: Turn) -> [u8; TURN_BYTES] {
    let mut bytes = [0; TURN_BYTES];
    let numbers = [turn.case.0, turn.attempt, turn.round];
    for (chunk, number) in bytes.as_chunks_mut().0.iter_mut().zip(numbers) {
        *chunk = number.to_le_bytes();
    }
    bytes
}

/// Decodes a turn.
pub(super) fn decode(bytes: [u8; TURN_BYTES]) -> Turn {
    let mut numbers = bytes.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number));
    let mut next = || numbers.next().unwrap_or_default();
    Turn { case: CaseIndex(next()), attempt: next(), round: next() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_turn_decodes_to_the_same_turn() {
        let turn = Turn { case: CaseIndex(0x0102_0304), attempt: 3, round: u32::MAX };
        assert_eq!(decode(encode(turn)), turn);
    }
}
