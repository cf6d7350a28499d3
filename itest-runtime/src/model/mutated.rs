//! Damaged and hostile input for property tests. Valid bytes are changed at random, and numbers are replaced by the limits of their types.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Numbers that may cause overflows.
const EXTREMES: [&str; 14] = [
    "0",
    "-1",
    "1",
    "127",
    "255",
    "65535",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "1e308",
];

/// One change of some bytes.
#[derive(Debug, Clone)]
pub(crate) enum Mutation {
    /// A number in the text is replaced by an extreme one.
    Number(Index, &'static str),
    /// A byte is replaced.
    Byte(Index, u8),
    /// The bytes between two positions are removed.
    Cut(Index, Index),
    /// The bytes between two positions are repeated.
    Repeat(Index, Index),
    /// A text is inserted.
    Insert(Index, String),
}

/// A strategy for lists of changes, most of which change numbers.
pub(crate) fn any_mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let index = any::<Index>;
    let mutation = prop_oneof![
        6 => (index(), select(EXTREMES.to_vec())).prop_map(|(at, number)| Mutation::Number(at, number)),
        1 => (index(), any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        1 => (index(), index()).prop_map(|(from, to)| Mutation::Cut(from, to)),
        1 => (index(), index()).prop_map(|(from, to)| Mutation::Repeat(from, to)),
        1 => (index(), "[\\PC\n\r\0\"\\\\]{0,4}").prop_map(|(at, text)| Mutation::Insert(at, text)),
    ];
    vec(mutation, 0..6)
}

/// Applies the changes to the bytes.
pub(crate) fn mutated(mut bytes: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        if bytes.is_empty() {
            return bytes;
        }
        let range = |from: &Index, to: &Index| {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            from.min(to)..from.max(to)
        };
        match mutation {
            Mutation::Number(at, number) => {
                let numbers = numbers(&bytes);
                if !numbers.is_empty() {
                    bytes.splice(numbers[at.index(numbers.len())].clone(), number.bytes());
                }
            }
            Mutation::Byte(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Mutation::Cut(from, to) => drop(bytes.drain(range(from, to))),
            Mutation::Repeat(from, to) => {
                let range = range(from, to);
                let twice = bytes[range.clone()].to_vec();
                bytes.splice(range.start..range.start, twice);
            }
            Mutation::Insert(at, text) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, text.bytes());
            }
        }
    }
    bytes
}

/// The positions of the numbers in a text.
fn numbers(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length > 0 {
            ranges.push(at..at + length);
        }
        at += length + 1;
    }
    ranges
}
