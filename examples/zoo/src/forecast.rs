//! What the key says of a run in one process: how each test ends, from what ran before it.

use crate::key::{Key, Kind, Truth};

/// How a test will end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forecast {
    /// It passes.
    Passes,
    /// It does not.
    Fails,
    /// Chance decides.
    Either,
}

impl Forecast {
    /// Whether it came as it was foreseen.
    #[must_use]
    pub fn holds(self, has_passed: bool) -> bool {
        self == Self::Either || has_passed == (self == Self::Passes)
    }
}

/// How `id` ends after these, which ran in the same process one after the other.
#[must_use]
pub fn forecast(key: &Key, before: &[&str], id: &str) -> Forecast {
    let Some(truth) = key.tests.get(id) else { return Forecast::Passes };
    let fails = match truth.kind {
        Kind::Victim => is_prepared(truth, before),
        Kind::Brittle => !is_prepared(truth, before),
        Kind::NotIdempotent => before.contains(&id),
        // Nobody is beside it.
        Kind::Contention => false,
        Kind::Flaky | Kind::Broken | Kind::Environment if truth.rate < 1.0 => return Forecast::Either,
        Kind::Flaky | Kind::Broken | Kind::Environment => true,
    };
    if fails { Forecast::Fails } else { Forecast::Passes }
}

/// Whether one of the sets of culprits has run, and no cleaner since.
fn is_prepared(truth: &Truth, before: &[&str]) -> bool {
    let last_cleaner = before.iter().rposition(|name| truth.cleaners.iter().any(|cleaner| cleaner == name));
    let completions = truth.culprits.iter().filter_map(|set| completion(set, truth.any_order, before));
    completions.max() > last_cleaner
}

/// Where a set was last completed.
fn completion(set: &[String], any_order: bool, before: &[&str]) -> Option<usize> {
    let last = |name: &String| before.iter().rposition(|ran| ran == name);
    if any_order {
        let positions: Option<Vec<_>> = set.iter().map(last).collect();
        return positions?.into_iter().max();
    }
    let (end, first) = set.split_last()?;
    let end = last(end)?;
    let mut rest = before[..end].iter();
    first.iter().all(|name| rest.any(|ran| ran == name)).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(key: &str, before: &[&str]) -> bool {
        let key: Key = toml::from_str(&format!("[it]\n{key}")).unwrap();
        forecast(&key, before, "it") == Forecast::Fails
    }

    #[test]
    fn one_is_enough_until_a_cleaner_comes() {
        let key = "kind = 'victim'\nculprits = [['a'], ['b']]\ncleaners = ['c']";
        assert!(
            fails(key, &["a"]) && fails(key, &["b", "x"]) && fails(key, &["c", "a"]) && fails(key, &["a", "c", "b"])
        );
        assert!(!fails(key, &[]) && !fails(key, &["a", "c"]) && !fails(key, &["b", "x", "c"]) && !fails(key, &["c"]));
    }

    #[test]
    fn two_are_needed_in_their_order() {
        let key = "kind = 'brittle'\nculprits = [['a', 'b']]";
        assert!(!fails(key, &["a", "x", "b"]) && !fails(key, &["b", "a", "b"]) && !fails(key, &["a", "b", "a"]));
        assert!(fails(key, &["b", "a"]) && fails(key, &["a"]) && fails(key, &["b"]) && fails(key, &[]));
        let free = format!("{key}\nany_order = true");
        assert!(!fails(&free, &["b", "a"]) && fails(&free, &["b"]));
    }
}
