//! Newtypes for ids and numbers, so that the compiler tells them apart.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The stable name of a test or of one of its cases: `module::test` or `module::test::case`.
///
/// As in libtest, the name does not include the crate's name.
#[derive(Clone)]
pub struct TestId(Name);

/// The name of a test is a static text of the program. The name of a case is composed at run time.
#[derive(Clone)]
enum Name {
    Static(&'static str),
    Shared(Arc<str>),
}

impl TestId {
    /// Wraps a full name.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(Name::Shared(name.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Static(name) => name,
            Name::Shared(name) => name,
        }
    }
}

impl From<Cow<'static, str>> for TestId {
    fn from(name: Cow<'static, str>) -> Self {
        match name {
            Cow::Borrowed(name) => Self(Name::Static(name)),
            Cow::Owned(name) => Self::new(name),
        }
    }
}

impl PartialEq for TestId {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for TestId {}

impl PartialOrd for TestId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TestId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for TestId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Serialize for TestId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TestId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::new)
    }
}

impl fmt::Debug for TestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("TestId").field(&self.as_str()).finish()
    }
}

impl fmt::Display for TestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A case's position in the registry. It is the same in every process of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct CaseIndex(pub u32);

impl CaseIndex {
    /// The position as an index into a slice.
    #[must_use]
    pub(crate) fn position(self) -> usize {
        self.0 as usize
    }
}

/// A worker's number, counted from 0. A replacement worker has a new number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(pub u32);

impl fmt::Display for WorkerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "worker {}", self.0)
    }
}

/// The number that determines a run's order and its random data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl fmt::Display for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number.map(Self).map_err(|_| {
            "expected a whole number from 0 to 18446744073709551615, or 0x and hexadecimal digits".to_owned()
        })
    }
}

/// A hash of a seed and a text. The function must never change.
///
/// Eight bytes at a time are multiplied in and rotated. Then the finalizer of `SplitMix64` (Steele, Lea, Flood: "Fast
/// splittable pseudorandom number generators", OOPSLA 2014) turns similar inputs into very different outputs.
#[must_use]
pub(crate) fn mix(seed: Seed, text: &str) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (chunks, rest) = text.as_bytes().as_chunks::<8>();
    let mut hash = seed.0.wrapping_mul(FACTOR) ^ text.len() as u64;
    for chunk in chunks {
        hash = (hash ^ u64::from_le_bytes(*chunk)).wrapping_mul(FACTOR).rotate_left(29);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_is_parsed_from_its_display_form() {
        let seed = Seed(u64::MAX);
        assert_eq!(seed.to_string().parse(), Ok(seed));
        assert_eq!("0xff".parse(), Ok(Seed(255)));
        assert!("-1".parse::<Seed>().is_err());
        assert!("banana".parse::<Seed>().is_err());
    }

    #[test]
    fn hash_of_seed_and_text_never_changes() {
        // Records of runs contain seeds. A different hash would silently give their runs a different order.
        assert_eq!(mix(Seed(0), ""), 0);
        assert_eq!(mix(Seed(7), "orders::pay"), 2_480_830_882_654_885_385);
    }
}
