//! Counts of runs and failures.

use serde::{Deserialize, Serialize};

/// The outcome of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Run {
    /// The test passed.
    Passed,
    /// The test failed in any way.
    Failed,
}

/// A number of runs and the number of failures among them, which is never greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "Counts")]
pub(crate) struct Tally {
    runs: u32,
    failures: u32,
}

impl Tally {
    /// Creates a tally. If there are more failures than runs, every run counts as failed.
    #[must_use]
    pub(crate) fn new(runs: u32, failures: u32) -> Self {
        Self { runs, failures: failures.min(runs) }
    }

    /// Counts one more run. A full tally (2^32 − 1 runs) does not change.
    pub(crate) fn record(&mut self, run: Run) {
        let Some(runs) = self.runs.checked_add(1) else { return };
        self.runs = runs;
        self.failures += u32::from(run == Run::Failed);
    }

    /// The sum of both tallies, limited to 2^32 − 1 runs.
    #[must_use]
    pub(crate) fn add(self, other: Self) -> Self {
        let runs = self.runs.saturating_add(other.runs);
        Self::new(runs, self.failures.saturating_add(other.failures))
    }

    /// The number of runs.
    #[must_use]
    pub(crate) fn runs(self) -> u32 {
        self.runs
    }

    /// The number of failed runs.
    #[must_use]
    pub(crate) fn failures(self) -> u32 {
        self.failures
    }

    /// The number of passed runs.
    #[must_use]
    pub(crate) fn passes(self) -> u32 {
        self.runs - self.failures
    }

    /// The share of failed runs, from 0 to 1; `None` before the first run.
    #[must_use]
    pub(crate) fn rate(self) -> Option<f64> {
        (self.runs > 0).then(|| f64::from(self.failures) / f64::from(self.runs))
    }
}

/// A tally as it is read from a file, before it is validated.
#[derive(Debug, Deserialize)]
struct Counts {
    runs: u32,
    failures: u32,
}

impl TryFrom<Counts> for Tally {
    type Error = String;

    fn try_from(Counts { runs, failures }: Counts) -> Result<Self, Self::Error> {
        if failures > runs {
            return Err(format!("{failures} failures in {runs} runs: there cannot be more failures than runs"));
        }
        Ok(Self { runs, failures })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_one_by_one_and_together() {
        let mut tally = Tally::default();
        assert_eq!(tally.rate(), None);
        for run in [Run::Passed, Run::Failed, Run::Passed, Run::Passed] {
            tally.record(run);
        }
        assert_eq!(tally, Tally::new(4, 1));
        assert_eq!(tally.rate(), Some(0.25));
        assert_eq!(tally.add(Tally::new(6, 6)), Tally::new(10, 7));
        assert_eq!(tally.add(Tally::new(6, 6)).passes(), 3);
    }

    #[test]
    fn full_tally_stays_valid() {
        let mut full = Tally::new(u32::MAX, 7);
        full.record(Run::Failed);
        assert_eq!(full, Tally::new(u32::MAX, 7));
        let both = Tally::new(u32::MAX, u32::MAX).add(Tally::new(3, 3));
        assert_eq!((both.runs(), both.failures(), both.passes()), (u32::MAX, u32::MAX, 0));
        assert_eq!(Tally::new(3, 5), Tally::new(3, 3));
    }

    #[test]
    fn tally_survives_json_and_an_invalid_one_is_refused() {
        let written = serde_json::to_string(&Tally::new(59, 3)).unwrap();
        assert_eq!(written, r#"{"runs":59,"failures":3}"#);
        assert_eq!(serde_json::from_str::<Tally>(&written).unwrap(), Tally::new(59, 3));
        let refused = serde_json::from_str::<Tally>(r#"{"runs":3,"failures":5}"#).unwrap_err().to_string();
        assert!(refused.starts_with("5 failures in 3 runs: there cannot be more failures than runs"), "{refused}");
    }
}
