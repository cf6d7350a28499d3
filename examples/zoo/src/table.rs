//! What the tables of both scores consist of.

use std::collections::BTreeMap;
use std::io::{self, Write};

/// The number of correct results, and of all results.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Share {
    right: u64,
    of: u64,
}

impl Share {
    pub(crate) fn add(&mut self, is_right: bool) {
        self.right += u64::from(is_right);
        self.of += 1;
    }

    pub(crate) fn reaches(self, percent: u64) -> bool {
        self.right * 100 >= self.of * percent
    }

    pub(crate) fn in_words(self) -> String {
        if self.of == 0 { "-".to_owned() } else { format!("{}/{}", self.right, self.of) }
    }
}

/// Prints lines with the number of times that each of them occurred.
pub(crate) fn list(out: &mut dyn Write, title: &str, lines: &BTreeMap<String, u64>) -> io::Result<()> {
    writeln!(out, "\n{title}: {}", lines.values().sum::<u64>())?;
    lines.iter().try_for_each(|(line, times)| writeln!(out, "  {times} x {line}"))
}
