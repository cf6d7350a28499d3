//! Differences between two times that were measured in the same round. They can be negative.

use std::time::Duration;

/// Paired differences in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    sorted: Vec<f64>,
}

impl Differences {
    /// Adds the difference of a round: `time` minus `baseline`, both divided by `count`.
    pub(crate) fn add(&mut self, time: Duration, baseline: Duration, count: u32) {
        let difference = (time.as_secs_f64() - baseline.as_secs_f64()) * 1e3 / f64::from(count);
        let place = self.sorted.partition_point(|known| *known <= difference);
        self.sorted.insert(place, difference);
    }

    /// The median. With an even number of rounds it is the mean of the two in the middle.
    pub(crate) fn median(&self) -> f64 {
        let upper = self.at(self.sorted.len() / 2);
        let lower = self.at(self.sorted.len().saturating_sub(1) / 2);
        f64::midpoint(lower, upper)
    }

    /// The middle half of the differences, as text: `0.1 to 0.3 ms`.
    pub(crate) fn middle_half(&self) -> String {
        let (lower, upper) = (self.at(self.sorted.len() / 4), self.at(self.sorted.len() * 3 / 4));
        format!("{lower:.2} to {upper:.2} ms")
    }

    fn at(&self, place: usize) -> f64 {
        self.sorted.get(place).copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_negative_and_positive_differences_is_the_middle_one() {
        let mut differences = Differences::default();
        for milliseconds in [30, 0, 13] {
            differences.add(Duration::from_millis(milliseconds), Duration::from_millis(10), 1);
        }
        assert!((differences.median() - 3.0).abs() < 1e-9, "{differences:?}");
    }
}
