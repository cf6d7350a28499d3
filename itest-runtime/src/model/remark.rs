//! Remarks in the summary of a run about an event that cost time: how often the event happened, why, and in which tests.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::TestId;
use super::sorting::{sort, sort_by_key};

/// The maximum number of tests that are named for each cause.
const MAX_NAMED_TESTS: usize = 3;

/// A count of an event that cost time, with its causes. The event happened in some of the cases in which it was possible.
///
/// A remark does not fail a run. Remarks of several workers about the same event are added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The description of the event, which follows a number: `databases replaced by new clones`.
    what: String,
    /// The number of cases in which the event was possible.
    #[serde(rename = "of")]
    total: usize,
    /// The causes of the event, each with the tests in which it happened.
    causes: BTreeMap<String, Vec<String>>,
}

impl Remark {
    /// Creates a remark about an event that has not happened yet. `what` follows a number in the summary.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    /// Counts a case in which the event did not happen.
    pub fn avoided(&mut self) {
        self.total = self.total.saturating_add(1);
    }

    /// Counts a case in which the event happened.
    pub fn happened(&mut self, cause: impl Into<String>, test: &TestId) {
        self.total = self.total.saturating_add(1);
        self.causes.entry(cause.into()).or_default().push(test.as_str().to_owned());
    }

    /// Adds the remark to a list, and merges it with a remark about the same event.
    pub(crate) fn add_to(self, remarks: &mut Vec<Self>) {
        match remarks.iter_mut().find(|other| other.what == self.what) {
            Some(other) => {
                // A damaged record may hold any number.
                other.total = other.total.saturating_add(self.total);
                for (cause, tests) in self.causes {
                    other.causes.entry(cause).or_default().extend(tests);
                }
            }
            None => remarks.push(self),
        }
    }

    /// Whether the event happened at least once. Other remarks are not shown.
    pub(crate) fn has_happened(&self) -> bool {
        !self.causes.is_empty()
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times: usize = self.causes.values().map(Vec::len).sum();
        write!(formatter, "{times} of {} {}", self.total, self.what)?;
        let mut causes: Vec<_> = self.causes.iter().collect();
        sort_by_key(&mut causes, |(_, tests)| std::cmp::Reverse(tests.len()));
        for (position, (cause, tests)) in causes.into_iter().enumerate() {
            let mut tests: Vec<&str> = tests.iter().map(String::as_str).collect();
            sort(&mut tests);
            let named = tests.iter().take(MAX_NAMED_TESTS).copied().collect::<Vec<_>>().join(", ");
            let separator = if position == 0 { ": " } else { "; " };
            write!(formatter, "{separator}{cause} ({named}")?;
            match tests.len().saturating_sub(MAX_NAMED_TESTS) {
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
    fn remarks_of_several_workers_are_added_up() {
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
