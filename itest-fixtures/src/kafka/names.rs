//! The names of a test's topics and groups, which all begin with the same prefix.

use std::hash::{BuildHasher, RandomState};

use itest_runtime::Error;

/// The beginning of all names.
const PREFIX: &str = "itest-";

/// The longest name of a topic that Kafka accepts.
const MAX_NAME_BYTES: usize = 249;

/// The beginning of the names of a worker's tests.
pub(super) fn new_prefix() -> String {
    let number = RandomState::new().hash_one(std::process::id());
    format!("{PREFIX}{}-{number:016x}-", std::process::id())
}

/// The names of the topics and groups of one test.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    /// The names of a worker's test with this number.
    pub(super) fn new(prefix_of_worker: &str, number: u32) -> Self {
        Self { prefix: format!("{prefix_of_worker}{number}-") }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The full name in the cluster, from the name that the test uses. A full name stays as it is.
    ///
    /// # Errors
    ///
    /// When Kafka does not accept such a name.
    pub(super) fn full(&self, name: &str) -> Result<String, Error> {
        let full = format!("{}{}", self.prefix, self.short(name));
        let is_valid = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        if self.short(name).is_empty() || !full.chars().all(is_valid) || full.len() > MAX_NAME_BYTES {
            let most = MAX_NAME_BYTES.saturating_sub(self.prefix.len());
            return Err(Error::new(format!(
                "{name:?} is no name of Kafka: use 1 to {most} letters, digits, `.`, `_` and `-`"
            )));
        }
        Ok(full)
    }

    /// The name that the test uses, from itself or from the full name.
    pub(super) fn short<'n>(&self, name: &'n str) -> &'n str {
        name.strip_prefix(&self.prefix).unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_test_is_read_from_its_full_name() {
        let names = Names::new("itest-1-ab-", 7);
        assert_eq!(names.full("orders").unwrap(), "itest-1-ab-7-orders");
        assert_eq!(names.full("itest-1-ab-7-orders").unwrap(), "itest-1-ab-7-orders");
        assert_eq!(names.short("itest-1-ab-7-orders"), "orders");
        assert_eq!(names.short("itest-1-ab-70-orders"), "itest-1-ab-70-orders");
    }

    #[test]
    fn name_that_kafka_does_not_accept_is_an_error() {
        let names = Names::new("itest-1-ab-", 7);
        for name in ["", "a b", "a/b", "ä", &"a".repeat(MAX_NAME_BYTES)] {
            assert!(names.full(name).unwrap_err().to_string().contains("is no name of Kafka"), "{name}");
        }
    }
}
