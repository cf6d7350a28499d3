//! How often a stub is expected to answer.

use std::fmt;
use std::ops::{Range, RangeFrom, RangeInclusive, RangeTo, RangeToInclusive};

/// How often a stub is expected to answer: a number, or a range such as `2..`, `1..=3` and `..=1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    least: u32,
    most: Option<u32>,
}

impl Times {
    pub(super) const AT_LEAST_ONCE: Self = Self { least: 1, most: None };

    pub(super) fn allows_another_after(self, count: u32) -> bool {
        self.most.is_none_or(|most| count < most)
    }

    pub(super) fn is_reached_by(self, count: u32) -> bool {
        count >= self.least
    }

    /// Whether the number of answers is limited.
    pub(super) fn is_limited(self) -> bool {
        self.most.is_some()
    }

    /// Whether no number of answers is right.
    pub(super) fn is_impossible(self) -> bool {
        self.most.is_some_and(|most| most < self.least || most == 0)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (1, Some(1)) => formatter.write_str("once"),
            (least, Some(most)) if least == most => write!(formatter, "{least} times"),
            (0, Some(most)) => write!(formatter, "at most {most} times"),
            (least, Some(most)) => write!(formatter, "{least} to {most} times"),
            (0, None) => formatter.write_str("any number of times"),
            (1, None) => formatter.write_str("at least once"),
            (least, None) => write!(formatter, "at least {least} times"),
        }
    }
}

impl From<u32> for Times {
    fn from(times: u32) -> Self {
        Self { least: times, most: Some(times) }
    }
}

impl From<RangeFrom<u32>> for Times {
    fn from(range: RangeFrom<u32>) -> Self {
        Self { least: range.start, most: None }
    }
}

impl From<RangeInclusive<u32>> for Times {
    fn from(range: RangeInclusive<u32>) -> Self {
        Self { least: *range.start(), most: Some(*range.end()) }
    }
}

impl From<Range<u32>> for Times {
    fn from(range: Range<u32>) -> Self {
        // The range `0..0` becomes `0..=0`, which is impossible as well.
        Self { least: range.start, most: Some(range.end.saturating_sub(1)) }
    }
}

impl From<RangeTo<u32>> for Times {
    fn from(range: RangeTo<u32>) -> Self {
        Self::from(0..range.end)
    }
}

impl From<RangeToInclusive<u32>> for Times {
    fn from(range: RangeToInclusive<u32>) -> Self {
        Self { least: 0, most: Some(range.end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_described_in_words() {
        let words =
            [Times::from(1), 3.into(), (2..).into(), (1..=3).into(), (0..).into(), (..=4).into(), (1..3).into()];
        let words = words.map(|times| times.to_string());
        let expected =
            ["once", "3 times", "at least 2 times", "1 to 3 times", "any number of times", "at most 4 times"];
        assert_eq!(words[..6], expected);
        assert_eq!(words[6], "1 to 2 times");
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "the test is about such ranges")]
    fn impossible_times_are_known() {
        assert!(
            Times::from(0).is_impossible() && Times::from(3..=2).is_impossible() && Times::from(2..2).is_impossible()
        );
        assert!(!Times::from(..=1).is_impossible() && !Times::AT_LEAST_ONCE.is_impossible());
    }
}
