//! How long tests took in a recorded run.

use std::collections::HashMap;
use std::time::Duration;

use super::record::Record;
use crate::model::{Event, Outcome};

impl Record {
    /// The length of every test that ran; of one that ran several times, the mean.
    #[must_use]
    pub(crate) fn durations(&self) -> HashMap<String, Duration> {
        let mut sums: HashMap<&str, (Duration, u32)> = HashMap::new();
        for event in &self.events {
            let Event::CaseFinished(case) = event else { continue };
            // What was left out or cut off says nothing about its length.
            if !matches!(case.report.outcome, Outcome::Skipped | Outcome::Interrupted) {
                let (sum, times) = sums.entry(case.id.as_str()).or_default();
                *sum += case.elapsed;
                *times += 1;
            }
        }
        sums.into_iter().map(|(id, (sum, times))| (id.to_owned(), sum / times)).collect()
    }
}
