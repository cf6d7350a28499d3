//! Remarks in the summary of a run on something that cost time: how often it happened, why, and in which tests.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::TestId;

/// So many tests are named for each cause.
const NAMED_TESTS: usize = 3;

/// Something that cost time in some of the cases in which it could have, and why.
///
/// It makes no run fail. Remarks of several workers about the same thing are added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// What happened, as it stands after a number: `databases replaced by new clones`.
    what: String,
    /// In how many cases it could have happened.
    of: usize,
    /// Why it happened, and in which tests.
    causes: BTreeMap<String, Vec<String>>,
}

impl Remark {
    /// A remark on something that has not happened yet; `what` stands after a number.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    /// Counts a case in which it did not happen.
    pub fn avoided(&mut self) {
        self.of = self.of.saturating_add(1);
    }

    /// Counts a case in which it happened.
    pub fn happened(&mut self, cause: impl Into<String>, test: &TestId) {
        self.of = self.of.saturating_add(1);
        self.causes.entry(cause.into()).or_default().push(test.as_str().to_owned());
    }

    /// Adds a remark to others: to that on the same thing, if there is one. What has never happened is not worth a remark.
    pub(crate) fn add_to(self, remarks: &mut Vec<Self>) {
        match remarks.iter_mut().find(|other| other.what == self.what) {
            Some(other) => {
                // A damaged record may hold any number.
                other.of = other.of.saturating_add(self.of);
                for (cause, tests) in self.causes {
                    other.causes.entry(cause).or_default().extend(tests);
                }
            }
            None => remarks.push(self),
        }
    }

    /// Whether it happened at all.
    pub(crate) fn has_happened(&self) -> bool {
        !self.causes.is_empty()
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times: usize = self.causes.values().map(Vec::len).sum();
        write!(formatter, "{times} of {} {}", self.of, self.what)?;
        let mut causes: Vec<_> = self.causes.iter().collect();
        causes.sort_by_key(|(_, tests)| std::cmp::Reverse(tests.len()));
        for (place, (cause, tests)) in causes.into_iter().enumerate() {
            let mut tests: Vec<&str> = tests.iter().map(String::as_str).collect();
            tests.sort_unstable();
            let named = tests.iter().take(NAMED_TESTS).copied().collect::<Vec<_>>().join(", ");
            let separator = if place == 0 { ": " } else { "; " };
            write!(formatter, "{separator}{cause} ({named}")?;
            match tests.len().saturating_sub(NAMED_TESTS) {
                0 => formatter.write_str(")")?,
                more => write!(formatter, " and {more} more)")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_of_several_workers_are_added_up_and_name_some_tests() {
        let mut remarks = Vec::new();
        for worker in ["a", "b"] {
            let mut remark = Remark::new("cups were broken");
            remark.avoided();
            for number in (0..3).rev() {
                remark.happened("they fell", &TestId::new(format!("{worker}{number}")));
            }
            remark.add_to(&mut remarks);
        }
        let mut hot = Remark::new("cups were broken");
        hot.happened("they were hot", &TestId::new("c"));
        hot.add_to(&mut remarks);
        Remark::new("plates were broken").add_to(&mut remarks);
        let lines: Vec<_> = remarks.iter().filter(|remark| remark.has_happened()).map(ToString::to_string).collect();
        assert_eq!(lines, ["7 of 9 cups were broken: they fell (a0, a1, a2 and 3 more); they were hot (c)"]);
    }
}
