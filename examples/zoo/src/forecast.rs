//! Forecasts, from the key, the outcome of each test in a run in one process, from the tests that ran before it.

use crate::key::{Key, Kind, Truth};

/// The expected outcome of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forecast {
    /// The test passes.
    Passes,
    /// The test fails.
    Fails,
    /// The outcome is random.
    Either,
}

impl Forecast {
    /// Whether the actual outcome agrees with the forecast.
    #[must_use]
    pub fn holds(self, has_passed: bool) -> bool {
        self == Self::Either || has_passed == (self == Self::Passes)
    }
}

/// The expected outcome of `id` after the tests in `before`, which ran in the same process one after the other.
#[must_use]
pub fn forecast(key: &Key, before: &[&str], id: &str) -> Forecast {
    let Some(truth) = key.tests.get(id) else { return Forecast::Passes };
    let fails = match truth.kind {
        Kind::Victim => is_prepared(truth, before),
        Kind::Brittle => !is_prepared(truth, before),
        Kind::NotIdempotent => before.contains(&id),
        // In a single process, no other test runs at the same time.
        Kind::Contention => false,
        Kind::Flaky | Kind::Broken | Kind::Environment if truth.rate < 1.0 => return Forecast::Either,
        Kind::Flaky | Kind::Broken | Kind::Environment => true,
    };
    if fails { Forecast::Fails } else { Forecast::Passes }
}

/// Whether one of the sets of culprits has run completely, and no cleaner since.
fn is_prepared(truth: &Truth, before: &[&str]) -> bool {
    let last_cleaner = before.iter().rposition(|name| truth.cleaners.iter().any(|cleaner| cleaner == name));
    let completions = truth.culprits.iter().filter_map(|set| completion(set, truth.any_order, before));
    completions.max() > last_cleaner
}

/// The position at which a set was last completed.
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
    fn one_culprit_suffices_until_a_cleaner_runs() {
        let key = "kind = 'victim'\nculprits = [['a'], ['b']]\ncleaners = ['c']";
        assert!(
            fails(key, &["a"]) && fails(key, &["b", "x"]) && fails(key, &["c", "a"]) && fails(key, &["a", "c", "b"])
        );
        assert!(!fails(key, &[]) && !fails(key, &["a", "c"]) && !fails(key, &["b", "x", "c"]) && !fails(key, &["c"]));
    }

    #[test]
    fn set_of_two_culprits_needs_its_order() {
        let key = "kind = 'brittle'\nculprits = [['a', 'b']]";
        assert!(!fails(key, &["a", "x", "b"]) && !fails(key, &["b", "a", "b"]) && !fails(key, &["a", "b", "a"]));
        assert!(fails(key, &["b", "a"]) && fails(key, &["a"]) && fails(key, &["b"]) && fails(key, &[]));
        let free = format!("{key}\nany_order = true");
        assert!(!fails(&free, &["b", "a"]) && fails(&free, &["b"]));
    }
}
