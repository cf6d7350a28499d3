//! Repeated measurements of one duration.

use std::time::Duration;

/// Measured durations of one operation.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    sorted: Vec<Duration>,
}

impl Samples {
    /// Adds a sample.
    pub fn add(&mut self, sample: Duration) {
        let place = self.sorted.partition_point(|known| *known <= sample);
        self.sorted.insert(place, sample);
    }

    /// The median. With an even number of samples it is the mean of the two in the middle.
    #[must_use]
    pub fn median(&self) -> Duration {
        let upper = self.at(self.sorted.len() / 2);
        let lower = self.at(self.sorted.len().saturating_sub(1) / 2);
        (upper + lower) / 2
    }

    /// The shortest sample.
    #[must_use]
    pub fn least(&self) -> Duration {
        self.at(0)
    }

    /// The longest sample.
    #[must_use]
    pub fn most(&self) -> Duration {
        self.at(self.sorted.len().saturating_sub(1))
    }

    /// The number of samples.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The number of samples above a limit.
    #[must_use]
    pub fn above(&self, limit: Duration) -> usize {
        self.sorted.len() - self.sorted.partition_point(|sample| *sample <= limit)
    }

    fn at(&self, place: usize) -> Duration {
        self.sorted.get(place).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_sample() {
        let mut samples = Samples::default();
        assert_eq!(samples.median(), Duration::ZERO);
        for milliseconds in [9, 1, 4, 5] {
            samples.add(Duration::from_millis(milliseconds));
        }
        assert_eq!(samples.median(), Duration::from_micros(4_500));
        assert_eq!((samples.least(), samples.most()), (Duration::from_millis(1), Duration::from_millis(9)));
        assert_eq!((samples.count(), samples.above(Duration::from_millis(5))), (4, 1));
    }
}
