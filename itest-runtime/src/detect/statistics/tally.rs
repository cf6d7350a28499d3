//! How many runs there were, and how many of them failed.

use serde::{Deserialize, Serialize};

/// How one run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Run {
    /// Nothing was wrong.
    Passed,
    /// It failed, whatever the way.
    Failed,
}

/// Runs and the failures among them; never more failures than runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "Counts")]
pub(crate) struct Tally {
    runs: u32,
    failures: u32,
}

impl Tally {
    /// So many runs, of which so many failed. More failures than runs mean that every run failed.
    #[must_use]
    pub(crate) fn new(runs: u32, failures: u32) -> Self {
        Self { runs, failures: failures.min(runs) }
    }

    /// Counts one more run. A tally that is full (2^32 − 1 runs) stays as it is.
    pub(crate) fn record(&mut self, run: Run) {
        let Some(runs) = self.runs.checked_add(1) else { return };
        self.runs = runs;
        self.failures += u32::from(run == Run::Failed);
    }

    /// Both tallies as one; what does not fit any more (2^32 − 1 runs) is left out.
    #[must_use]
    pub(crate) fn add(self, other: Self) -> Self {
        let runs = self.runs.saturating_add(other.runs);
        Self::new(runs, self.failures.saturating_add(other.failures))
    }

    /// All runs.
    #[must_use]
    pub(crate) fn runs(self) -> u32 {
        self.runs
    }

    /// Those of them that failed.
    #[must_use]
    pub(crate) fn failures(self) -> u32 {
        self.failures
    }

    /// Those of them that passed.
    #[must_use]
    pub(crate) fn passes(self) -> u32 {
        self.runs - self.failures
    }

    /// The share of the runs that failed, from 0 to 1; none before the first run.
    #[must_use]
    pub(crate) fn rate(self) -> Option<f64> {
        (self.runs > 0).then(|| f64::from(self.failures) / f64::from(self.runs))
    }
}

/// A tally as somebody wrote it down, which may be wrong.
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
    fn a_full_tally_stays_possible() {
        let mut full = Tally::new(u32::MAX, 7);
        full.record(Run::Failed);
        assert_eq!(full, Tally::new(u32::MAX, 7));
        let both = Tally::new(u32::MAX, u32::MAX).add(Tally::new(3, 3));
        assert_eq!((both.runs(), both.failures(), both.passes()), (u32::MAX, u32::MAX, 0));
        assert_eq!(Tally::new(3, 5), Tally::new(3, 3));
    }

    #[test]
    fn a_tally_survives_json_and_an_impossible_one_is_refused() {
        let written = serde_json::to_string(&Tally::new(59, 3)).unwrap();
        assert_eq!(written, r#"{"runs":59,"failures":3}"#);
        assert_eq!(serde_json::from_str::<Tally>(&written).unwrap(), Tally::new(59, 3));
        let refused = serde_json::from_str::<Tally>(r#"{"runs":3,"failures":5}"#).unwrap_err().to_string();
        assert!(refused.starts_with("5 failures in 3 runs: there cannot be more failures than runs"), "{refused}");
    }
}
