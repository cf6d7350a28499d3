//! Shards: the parts of a suite that several machines run.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of several parts of a suite, such as `2/5`. Parts are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedShard")]
pub(crate) struct Shard {
    index: NonZeroU32,
    count: NonZeroU32,
}

/// A part as it is deserialized, before its numbers are checked.
#[derive(Deserialize)]
struct UncheckedShard {
    index: u32,
    count: u32,
}

impl TryFrom<UncheckedShard> for Shard {
    type Error = String;

    fn try_from(UncheckedShard { index, count }: UncheckedShard) -> Result<Self, Self::Error> {
        Self::new(index, count)
    }
}

impl Shard {
    /// Creates part `index` of `count`. Parts are counted from 1.
    ///
    /// # Errors
    ///
    /// If there is no such part.
    pub(crate) fn new(index: u32, count: u32) -> Result<Self, String> {
        let Some(count) = NonZeroU32::new(count) else { return Err("a suite cannot be split into 0 parts".to_owned()) };
        match NonZeroU32::new(index) {
            Some(index) if index <= count => Ok(Self { index, count }),
            _ => Err(format!("there is no part {index} of {count}; parts are counted from 1 to {count}")),
        }
    }

    /// The number of the part, counted from 1.
    #[must_use]
    pub(crate) fn index(self) -> u32 {
        self.index.get()
    }

    /// The number of parts.
    #[must_use]
    pub(crate) fn count(self) -> NonZeroU32 {
        self.count
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

/// The setting for the part of the suite that runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sharding {
    /// The whole suite runs.
    #[default]
    Whole,
    /// This part runs.
    Part(Shard),
    /// One of this number of parts runs. The CI environment says which one.
    Auto(NonZeroU32),
}

impl FromStr for Sharding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected a part and the number of parts, such as 2/5, or auto/5, or none";
        let Some((index, count)) = text.split_once('/') else {
            return if text == "none" { Ok(Self::Whole) } else { Err(EXPECTED.to_owned()) };
        };
        let number = |text: &str| text.parse::<u32>().map_err(|_| EXPECTED.to_owned());
        let count = number(count)?;
        if index == "auto" {
            return Shard::new(1, count).map(|shard| Self::Auto(shard.count));
        }
        Shard::new(number(index)?, count).map(Self::Part)
    }
}

impl fmt::Display for Sharding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => formatter.write_str("none"),
            Self::Part(shard) => shard.fmt(formatter),
            Self::Auto(count) => write!(formatter, "auto/{count}"),
        }
    }
}

/// The criterion that assigns tests to parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ShardBy {
    /// The hash of the test's name.
    #[default]
    Hash,
    /// The past durations of the tests, so that all parts take about the same time.
    Durations,
}

/// The part of the suite that a run executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardFacts {
    /// The part.
    #[serde(flatten)]
    pub shard: Shard,
    /// The criterion that assigned the tests.
    pub by: ShardBy,
    /// An id of the past durations. It differs between files with different durations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// The source of the setting, such as a flag or the CI environment.
    #[serde(default)]
    pub source: String,
    /// The number of selected tests in the other parts.
    #[serde(default)]
    pub left_to_others: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_is_parsed_from_its_display_form() {
        for text in ["none", "1/1", "2/5", "auto/8"] {
            assert_eq!(text.parse::<Sharding>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn invalid_part_is_rejected_with_a_message() {
        let error = |text: &str| text.parse::<Sharding>().unwrap_err();
        assert_eq!(error("5/4"), "there is no part 5 of 4; parts are counted from 1 to 4");
        assert_eq!(error("0/3"), "there is no part 0 of 3; parts are counted from 1 to 3");
        assert_eq!(error("auto/0"), "a suite cannot be split into 0 parts");
        for nonsense in ["", "3", "a/b", "1/", "/2", "-1/3", "1/3/5", "auto", "1 / 2", "99999999999/3"] {
            assert!(error(nonsense).contains("such as 2/5"), "{nonsense}");
        }
    }
}
