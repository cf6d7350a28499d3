//! Which part of a suite runs here, when several machines share it.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of several parts of a suite, counted from 1: `2/5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedShard")]
pub(crate) struct Shard {
    index: NonZeroU32,
    count: NonZeroU32,
}

/// A part as it is read, which may not exist.
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
    /// Part `index` of `count`, both from 1.
    ///
    /// # Errors
    ///
    /// There is no such part.
    pub(crate) fn new(index: u32, count: u32) -> Result<Self, String> {
        let Some(count) = NonZeroU32::new(count) else { return Err("a suite cannot be split into 0 parts".to_owned()) };
        match NonZeroU32::new(index) {
            Some(index) if index <= count => Ok(Self { index, count }),
            _ => Err(format!("there is no part {index} of {count}; parts are counted from 1 to {count}")),
        }
    }

    /// Its number, from 1.
    #[must_use]
    pub(crate) fn index(self) -> u32 {
        self.index.get()
    }

    /// How many parts there are.
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

/// What was said about the part that runs here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sharding {
    /// Everything runs.
    #[default]
    Whole,
    /// This part.
    Part(Shard),
    /// One of so many; the surroundings know which.
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

/// What decides which part a test belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ShardBy {
    /// Its name alone.
    #[default]
    Hash,
    /// How long all tests took in the past, so that the parts take equally long.
    Durations,
}

/// The part that a run was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardFacts {
    /// Which part.
    #[serde(flatten)]
    pub shard: Shard,
    /// What decided.
    pub by: ShardBy,
    /// Differs between files of past durations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// Who said so.
    #[serde(default)]
    pub source: String,
    /// How many tests of the selection the other parts have.
    #[serde(default)]
    pub left_to_others: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_reads_as_it_is_written() {
        for text in ["none", "1/1", "2/5", "auto/8"] {
            assert_eq!(text.parse::<Sharding>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_part_that_is_not_there_is_refused_in_words() {
        let refused = |text: &str| text.parse::<Sharding>().unwrap_err();
        assert_eq!(refused("5/4"), "there is no part 5 of 4; parts are counted from 1 to 4");
        assert_eq!(refused("0/3"), "there is no part 0 of 3; parts are counted from 1 to 3");
        assert_eq!(refused("auto/0"), "a suite cannot be split into 0 parts");
        for nonsense in ["", "3", "a/b", "1/", "/2", "-1/3", "1/3/5", "auto", "1 / 2", "99999999999/3"] {
            assert!(refused(nonsense).contains("such as 2/5"), "{nonsense}");
        }
    }
}
