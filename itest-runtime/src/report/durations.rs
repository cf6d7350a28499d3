//! The durations of tests in a record.

use std::collections::HashMap;
use std::time::Duration;

use super::record::Record;
use crate::model::{Event, Outcome};

impl Record {
    /// The duration of each test that ran. If a test ran several times, it is the mean.
    #[must_use]
    pub(crate) fn durations(&self) -> HashMap<String, Duration> {
        let mut sums: HashMap<&str, (Duration, u32)> = HashMap::new();
        for event in &self.events {
            let Event::CaseFinished(case) = event else { continue };
            // A skipped or interrupted test does not show how long the test takes.
            if !matches!(case.report.outcome, Outcome::Skipped | Outcome::Interrupted) {
                let (sum, times) = sums.entry(case.id.as_str()).or_default();
                *sum += case.elapsed;
                *times += 1;
            }
        }
        sums.into_iter().map(|(id, (sum, times))| (id.to_owned(), sum / times)).collect()
    }
}
