//! Times of one thing measured several times, and how rounds of several things are interleaved.

use std::time::Duration;

use crate::failure::{Context, Failure};
use crate::progress;

/// Times of one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    sorted: Vec<Duration>,
}

impl Samples {
    pub(crate) fn add(&mut self, sample: Duration) {
        let place = self.sorted.partition_point(|known| *known <= sample);
        self.sorted.insert(place, sample);
    }

    pub(crate) fn median(&self) -> Duration {
        let upper = self.at(self.sorted.len() / 2);
        let lower = self.at(self.sorted.len().saturating_sub(1) / 2);
        (upper + lower) / 2
    }

    pub(crate) fn least(&self) -> Duration {
        self.at(0)
    }

    pub(crate) fn most(&self) -> Duration {
        self.at(self.sorted.len().saturating_sub(1))
    }

    fn at(&self, place: usize) -> Duration {
        self.sorted.get(place).copied().unwrap_or_default()
    }
}

/// How many times things are measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    pub(crate) what: &'static str,
    pub(crate) warm_ups: usize,
    pub(crate) counted: usize,
}

/// Measures each thing once per round, so that whatever slows the machine slows them all.
pub(crate) fn interleave<Thing>(
    rounds: Rounds,
    things: &[Thing],
    name: impl Fn(&Thing) -> String,
    mut measure: impl FnMut(usize, &Thing) -> Result<Duration, Failure>,
) -> Result<Vec<Samples>, Failure> {
    let mut samples = vec![Samples::default(); things.len()];
    for round in 0..rounds.warm_ups + rounds.counted {
        let counted = (round + 1).saturating_sub(rounds.warm_ups);
        progress::round(rounds.what, counted, rounds.counted);
        for (thing, samples) in things.iter().zip(&mut samples) {
            let sample = measure(round, thing).context(|| format!("measuring {} of {}", rounds.what, name(thing)))?;
            if counted > 0 {
                samples.add(sample);
            }
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        let mut samples = Samples::default();
        assert_eq!(samples.median(), Duration::ZERO);
        for milliseconds in [9, 1, 4] {
            samples.add(Duration::from_millis(milliseconds));
        }
        assert_eq!(samples.median(), Duration::from_millis(4));
        samples.add(Duration::from_millis(5));
        assert_eq!(samples.median(), Duration::from_micros(4_500));
        assert_eq!(samples.least(), Duration::from_millis(1));
        assert_eq!(samples.most(), Duration::from_millis(9));
    }

    #[test]
    fn rounds_alternate_and_warm_ups_do_not_count() -> Result<(), Failure> {
        let rounds = Rounds { what: "test", warm_ups: 1, counted: 2 };
        let mut order = String::new();
        let samples = interleave(
            rounds,
            &["a", "b"],
            |name| (*name).to_owned(),
            |round, name| {
                order.push_str(name);
                Ok(Duration::from_secs(if round == 0 { 100 } else { 1 }))
            },
        )?;
        assert_eq!(order, "ababab");
        assert_eq!(samples.len(), 2);
        assert!(samples.iter().all(|s| s.most() == Duration::from_secs(1)));
        Ok(())
    }
}
