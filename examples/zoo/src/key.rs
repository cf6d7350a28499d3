//! The answer key: the lying tests, how they lie, and their culprits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Problem;

/// The truth about every lying test, by name.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Key {
    /// The lying tests.
    pub tests: BTreeMap<String, Truth>,
}

/// The truth about one test.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// The kind of the lie.
    pub kind: Kind,
    /// Sets of tests, each of which suffices, in the order in which its members must run.
    #[serde(default)]
    pub culprits: Vec<Vec<String>>,
    /// Whether the members of a set may run in any order.
    #[serde(default)]
    pub any_order: bool,
    /// Tests that undo what the culprits did.
    #[serde(default)]
    pub cleaners: Vec<String>,
    /// The rate of failures, from 0 to 1; 1 by default.
    #[serde(default = "always")]
    pub rate: f64,
}

fn always() -> f64 {
    1.0
}

/// The kind of a lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Fails after another test.
    Victim,
    /// Passes only after another test.
    Brittle,
    /// Fails when it runs a second time.
    NotIdempotent,
    /// Fails while another test runs.
    Contention,
    /// Fails at random.
    Flaky,
    /// Fails always.
    Broken,
    /// Fails in its setup.
    Environment,
}

impl Kind {
    /// The name of the kind in the key and in verdicts.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Victim => "victim",
            Self::Brittle => "brittle",
            Self::NotIdempotent => "not_idempotent",
            Self::Contention => "contention",
            Self::Flaky => "flaky",
            Self::Broken => "broken",
            Self::Environment => "environment",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

impl Key {
    /// Reads the key of this package.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is no valid key.
    pub fn read() -> Result<Self, Problem> {
        read_toml("answer-key.toml")
    }

    /// Tests that the key names for other tests: polluters, setters, partners, cleaners.
    #[must_use]
    pub fn helpers(&self) -> BTreeSet<&str> {
        let names = self.tests.values().flat_map(|truth| truth.culprits.iter().flatten().chain(&truth.cleaners));
        names.map(String::as_str).collect()
    }
}

/// Reads a key from a file of this package.
pub(crate) fn read_toml<T: DeserializeOwned>(file: &str) -> Result<T, Problem> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Problem::because(format!("cannot read {}", path.display()), error))?;
    toml::from_str(&text).map_err(|error| Problem::because(format!("{} is no answer key", path.display()), error))
}

impl Truth {
    /// Whether the accused sets are culprits of the test: one or more of its sets, and no other.
    #[must_use]
    pub fn is_due_to(&self, accused: &[Vec<String>]) -> bool {
        let sorted = |names: &[String]| {
            let mut names = names.to_vec();
            names.sort_unstable();
            names
        };
        let is_right = |set: &Vec<String>| {
            self.culprits.iter().any(|own| if self.any_order { sorted(own) == sorted(set) } else { own == set })
        };
        !accused.is_empty() && accused.iter().all(is_right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(text: &str) -> Truth {
        toml::from_str(text).unwrap()
    }

    fn sets(sets: &[&[&str]]) -> Vec<Vec<String>> {
        sets.iter().map(|set| set.iter().map(ToString::to_string).collect()).collect()
    }

    #[test]
    fn culprits_must_be_in_order_unless_any_order_is_set() {
        let ordered = truth("kind = 'victim'\nculprits = [['a', 'b'], ['c']]");
        assert!(ordered.is_due_to(&sets(&[&["a", "b"]])) && ordered.is_due_to(&sets(&[&["c"], &["a", "b"]])));
        for wrong in [&[][..], &[&["b", "a"][..]], &[&["a"]], &[&["c"], &["d"]], &[&["a", "b", "c"]]] {
            assert!(!ordered.is_due_to(&sets(wrong)), "{wrong:?}");
        }
        let free = truth("kind = 'victim'\nculprits = [['a', 'b']]\nany_order = true");
        assert!(free.is_due_to(&sets(&[&["b", "a"]])));
    }
}
