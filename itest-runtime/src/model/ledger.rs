//! The file format of a ledger: the external resources that a process acquired, how to give them back, and whether that was done.
//!
//! A line is a checksum (CRC-32 in hexadecimal), a space, JSON, and a line feed. Lines are only appended. The checksum shows whether a
//! line is incomplete or damaged.

use serde::{Deserialize, Serialize};

use super::mark::Mark;

/// The version of the format. It is increased when the meaning of a line changes; readers ignore unknown fields.
pub(crate) const LEDGER_VERSION: u32 = 1;

/// One line of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LedgerLine {
    /// The header, which is the first line.
    Ledger {
        /// The version of the format.
        version: u32,
        /// The mark by which the processes that the owner started are found.
        #[serde(default)]
        mark: Option<Mark>,
    },
    /// A resource is about to be acquired.
    Taken(LedgerEntry),
    /// A process began to give the resource back.
    Tried {
        /// The number of the entry.
        number: u64,
        /// The id of the recovery that this try was part of.
        recovery: String,
    },
    /// A signal ended the process that tried to give the resource back, so that its try does not count.
    Interrupted {
        /// The number of the entry.
        number: u64,
        /// The id of the recovery that the try was part of.
        recovery: String,
    },
    /// The resource was given back.
    #[serde(rename = "given")]
    GivenBack {
        /// The number of the entry.
        number: u64,
    },
    /// The owner has ended normally, and has ended the processes that it started. This is the last line.
    Closed {},
}

/// An entry of a ledger: a resource, as the teardown function that gives it back and the function's arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LedgerEntry {
    /// The number in this ledger. Entries with higher numbers are given back first.
    pub number: u64,
    /// The name of the registered teardown function.
    pub function: String,
    /// The arguments as JSON.
    pub arguments: String,
}

/// An entry whose resource was not given back yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutstandingEntry {
    /// The entry.
    pub taken: LedgerEntry,
    /// The ids of the recoveries that tried to give it back.
    pub tried: Vec<String>,
}

/// The contents of a ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LedgerContents {
    /// The mark by which the processes that the owner started are found.
    pub mark: Option<Mark>,
    /// Whether the owner ended normally.
    pub closed: bool,
    /// The entries to give back, in the order in which to do so.
    pub outstanding: Vec<OutstandingEntry>,
    /// The numbers of damaged lines, counted from 1. An incomplete last line is not included, because its resource was not acquired.
    pub damaged: Vec<usize>,
}

impl LedgerContents {
    fn find(&mut self, number: u64) -> Option<&mut OutstandingEntry> {
        self.outstanding.iter_mut().find(|outstanding| outstanding.taken.number == number)
    }
}

impl LedgerLine {
    /// The line with its checksum and line feed.
    pub(crate) fn encode(&self) -> serde_json::Result<String> {
        let json = serde_json::to_string(self)?;
        Ok(format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())))
    }

    fn decode(line: &str) -> Option<Self> {
        let (checksum, json) = line.split_once(' ')?;
        let checksum = u32::from_str_radix(checksum, 16).ok()?;
        if crc32fast::hash(json.as_bytes()) != checksum {
            return None;
        }
        serde_json::from_str(json).ok()
    }
}

/// Reads a ledger. The file may be incomplete or damaged.
#[must_use]
pub(crate) fn read_ledger(bytes: &[u8]) -> LedgerContents {
    let mut reading = LedgerContents::default();
    for (position, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(line) = line.strip_suffix(b"\n") else { continue };
        match std::str::from_utf8(line).ok().and_then(LedgerLine::decode) {
            None => reading.damaged.push(position + 1),
            Some(LedgerLine::Ledger { mark, .. }) => reading.mark = mark,
            Some(LedgerLine::Closed {}) => reading.closed = true,
            Some(LedgerLine::Taken(taken)) => {
                reading.outstanding.push(OutstandingEntry { taken, tried: Vec::new() });
            }
            Some(LedgerLine::Tried { number, recovery }) => {
                if let Some(outstanding) = reading.find(number) {
                    outstanding.tried.push(recovery);
                }
            }
            Some(LedgerLine::Interrupted { number, recovery }) => {
                if let Some(outstanding) = reading.find(number)
                    && let Some(last) = outstanding.tried.iter().rposition(|tried| *tried == recovery)
                {
                    outstanding.tried.remove(last);
                }
            }
            Some(LedgerLine::GivenBack { number }) => {
                reading.outstanding.retain(|outstanding| outstanding.taken.number != number);
            }
        }
    }
    reading.outstanding.reverse();
    reading
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{any_mutations, mutated};

    fn taken(number: u64) -> LedgerEntry {
        LedgerEntry { number, function: "drop_database".to_owned(), arguments: format!("\"a\\n{number}\"") }
    }

    fn ledger(lines: &[LedgerLine]) -> Vec<u8> {
        lines.iter().map(|line| line.encode().unwrap()).collect::<String>().into_bytes()
    }

    #[test]
    fn newest_entry_is_given_back_first() {
        let bytes = ledger(&[
            LedgerLine::Ledger { version: LEDGER_VERSION, mark: None },
            LedgerLine::Taken(taken(1)),
            LedgerLine::Taken(taken(2)),
            LedgerLine::Taken(taken(3)),
            LedgerLine::GivenBack { number: 2 },
            LedgerLine::Tried { number: 1, recovery: "a".to_owned() },
        ]);
        let reading = read_ledger(&bytes);
        let left: Vec<_> = reading.outstanding.iter().map(|left| (left.taken.number, left.tried.len())).collect();
        assert_eq!(left, [(3, 0), (1, 1)]);
        assert_eq!(reading.damaged, [0_usize; 0]);
    }

    #[test]
    fn try_interrupted_by_signal_does_not_count() {
        let tried = |recovery: &str| LedgerLine::Tried { number: 1, recovery: recovery.to_owned() };
        let bytes = ledger(&[
            LedgerLine::Taken(taken(1)),
            tried("a"),
            tried("b"),
            LedgerLine::Interrupted { number: 1, recovery: "a".to_owned() },
            LedgerLine::Interrupted { number: 1, recovery: "another".to_owned() },
        ]);
        assert_eq!(read_ledger(&bytes).outstanding[0].tried, ["b"]);
    }

    proptest! {
        /// If a write stops at any byte, all complete lines before it are read.
        #[test]
        fn incomplete_line_loses_only_itself(cut in 0_usize..400) {
            let lines: Vec<_> = (1..=4).map(|number| LedgerLine::Taken(taken(number))).collect();
            let bytes = ledger(&lines);
            let cut = cut.min(bytes.len());
            let whole = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
            let reading = read_ledger(&bytes[..cut]);
            prop_assert_eq!(reading.outstanding.len(), whole);
            prop_assert!(reading.damaged.is_empty());
        }

        /// Reading a damaged file, or lines with extreme numbers, does not panic.
        #[test]
        fn mutated_ledger_is_read_without_a_panic(mutations in any_mutations(), number: u64, reseal: bool) {
            let lines = [
                LedgerLine::Ledger { version: LEDGER_VERSION, mark: Some(Mark::new("A", "b")) },
                LedgerLine::Taken(taken(number)),
                LedgerLine::Taken(taken(2)),
                LedgerLine::Tried { number: 2, recovery: "r".to_owned() },
                LedgerLine::GivenBack { number },
                LedgerLine::Closed {},
            ];
            let mut bytes = mutated(ledger(&lines), &mutations);
            if reseal {
                // The checksums are corrected, so that the changed lines are read and not only rejected.
                let sealed = |line: &str| {
                    let json = line.split_once(' ').map_or(line, |(_, json)| json);
                    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
                };
                bytes = String::from_utf8_lossy(&bytes).lines().map(sealed).collect::<String>().into_bytes();
            }
            let _ = read_ledger(&bytes);
        }

        /// A changed byte is always detected, and only its line is lost.
        #[test]
        fn damaged_line_is_detected_and_loses_only_itself(at: prop::sample::Index, byte: u8) {
            let lines: Vec<_> = (1..=4).map(|number| LedgerLine::Taken(taken(number))).collect();
            let mut bytes = ledger(&lines);
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != b'\n' && byte != b'\n' && !bytes[at].eq_ignore_ascii_case(&byte));
            bytes[at] = byte;
            let reading = read_ledger(&bytes);
            prop_assert_eq!(reading.outstanding.len(), 3);
            prop_assert_eq!(reading.damaged.len(), 1);
        }
    }
}
