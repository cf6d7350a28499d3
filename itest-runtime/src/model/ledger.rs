//! The lines of a ledger: what a process took from the outside world, how to give it back, and whether that was done.
//!
//! A line is a checksum (CRC-32 in hexadecimal), a blank, JSON, and a line feed. Lines are only ever appended. One that was
//! not written to its end, or not as it was meant, is known by its checksum.

use serde::{Deserialize, Serialize};

use super::mark::Mark;

/// Raised when a line changes its meaning; unknown fields are passed over.
pub(crate) const LEDGER_VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LedgerLine {
    /// The first line.
    Ledger {
        /// Of this format.
        version: u32,
        /// The variable, and its value, by which what the process started is found.
        #[serde(default)]
        mark: Option<Mark>,
    },
    /// Something is about to be taken.
    Taken(Taken),
    /// A process began to give it back.
    Tried {
        /// What.
        number: u64,
        /// Which attempt at the whole ledger this was part of.
        recovery: String,
    },
    /// The process that tried was ended by a signal: its try does not count.
    Interrupted {
        /// What.
        number: u64,
        /// Which attempt at the whole ledger the try was part of.
        recovery: String,
    },
    /// It was given back.
    Given {
        /// What.
        number: u64,
    },
    /// The last line of a process that ends in good order: it has seen to what it started by itself.
    Closed {},
}

/// A resource and the way to give it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    /// Its number in this ledger; later ones are given back first.
    pub number: u64,
    /// The registered teardown function.
    pub function: String,
    /// Its arguments, as JSON.
    pub arguments: String,
}

/// A resource that was not given back yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outstanding {
    /// What it is.
    pub taken: Taken,
    /// The recoveries that tried.
    pub tried: Vec<String>,
}

/// What a ledger says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LedgerReading {
    /// By what the processes are found that the ledger's owner started.
    pub mark: Option<Mark>,
    /// Whether the ledger's owner ended in good order.
    pub closed: bool,
    /// What is left to do, in the order in which to do it.
    pub outstanding: Vec<Outstanding>,
    /// The numbers, from 1, of lines that cannot be trusted. A last line that was cut off is none of them: what it was
    /// about has not been taken.
    pub damaged: Vec<usize>,
}

impl LedgerReading {
    fn find(&mut self, number: u64) -> Option<&mut Outstanding> {
        self.outstanding.iter_mut().find(|outstanding| outstanding.taken.number == number)
    }
}

impl LedgerLine {
    /// The line with its checksum and its end.
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

/// Reads a ledger, whatever state it is in.
#[must_use]
pub(crate) fn read_ledger(bytes: &[u8]) -> LedgerReading {
    let mut reading = LedgerReading::default();
    for (position, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(line) = line.strip_suffix(b"\n") else { continue };
        match std::str::from_utf8(line).ok().and_then(LedgerLine::decode) {
            None => reading.damaged.push(position + 1),
            Some(LedgerLine::Ledger { mark, .. }) => reading.mark = mark,
            Some(LedgerLine::Closed {}) => reading.closed = true,
            Some(LedgerLine::Taken(taken)) => {
                reading.outstanding.push(Outstanding { taken, tried: Vec::new() });
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
            Some(LedgerLine::Given { number }) => {
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

    fn taken(number: u64) -> Taken {
        Taken { number, function: "drop_database".to_owned(), arguments: format!("\"a\\n{number}\"") }
    }

    fn ledger(lines: &[LedgerLine]) -> Vec<u8> {
        lines.iter().map(|line| line.encode().unwrap()).collect::<String>().into_bytes()
    }

    #[test]
    fn what_was_taken_last_is_given_back_first() {
        let bytes = ledger(&[
            LedgerLine::Ledger { version: LEDGER_VERSION, mark: None },
            LedgerLine::Taken(taken(1)),
            LedgerLine::Taken(taken(2)),
            LedgerLine::Taken(taken(3)),
            LedgerLine::Given { number: 2 },
            LedgerLine::Tried { number: 1, recovery: "a".to_owned() },
        ]);
        let reading = read_ledger(&bytes);
        let left: Vec<_> = reading.outstanding.iter().map(|left| (left.taken.number, left.tried.len())).collect();
        assert_eq!(left, [(3, 0), (1, 1)]);
        assert_eq!(reading.damaged, [0_usize; 0]);
    }

    #[test]
    fn a_try_that_a_signal_interrupted_does_not_count() {
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
        /// Wherever the writing stopped, everything that was written before it counts.
        #[test]
        fn a_torn_line_costs_only_itself(cut in 0_usize..400) {
            let lines: Vec<_> = (1..=4).map(|number| LedgerLine::Taken(taken(number))).collect();
            let bytes = ledger(&lines);
            let cut = cut.min(bytes.len());
            let whole = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
            let reading = read_ledger(&bytes[..cut]);
            prop_assert_eq!(reading.outstanding.len(), whole);
            prop_assert!(reading.damaged.is_empty());
        }

        /// Whatever became of the file, and whatever numbers its lines have, reading it is no panic.
        #[test]
        fn mutated_ledger_is_read_without_a_panic(mutations in any_mutations(), number: u64, reseal: bool) {
            let lines = [
                LedgerLine::Ledger { version: LEDGER_VERSION, mark: Some(Mark::new("A", "b")) },
                LedgerLine::Taken(taken(number)),
                LedgerLine::Taken(taken(2)),
                LedgerLine::Tried { number: 2, recovery: "r".to_owned() },
                LedgerLine::Given { number },
                LedgerLine::Closed {},
            ];
            let mut bytes = mutated(ledger(&lines), &mutations);
            if reseal {
                // With checksums that fit, so that the changes are read.
                let sealed = |line: &str| {
                    let json = line.split_once(' ').map_or(line, |(_, json)| json);
                    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
                };
                bytes = String::from_utf8_lossy(&bytes).lines().map(sealed).collect::<String>().into_bytes();
            }
            let _ = read_ledger(&bytes);
        }

        /// No byte can be changed without being noticed, and no other line is lost by it.
        #[test]
        fn a_damaged_line_is_noticed_and_costs_only_itself(at: prop::sample::Index, byte: u8) {
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
