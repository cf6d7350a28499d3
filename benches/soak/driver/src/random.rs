//! Random choices that a seed repeats: the `SplitMix64` of Steele, Lea and Flood.

use std::time::Duration;

/// A pseudo-random sequence.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The sequence of one round. Rounds do not depend on each other.
    pub(crate) fn of_round(seed: u64, round: u32) -> Self {
        let mut random = Self { state: seed ^ (u64::from(round) << 32) };
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A random number below `limit`.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.next() % u64::from(limit.max(1))).unwrap_or(0)
    }

    /// Returns true with this probability in percent.
    pub(crate) fn percent(&mut self, probability: u32) -> bool {
        self.below(100) < probability
    }

    /// A random element.
    pub(crate) fn one_of<'t, Thing>(&mut self, things: &'t [Thing]) -> Option<&'t Thing> {
        let position = self.below(u32::try_from(things.len()).unwrap_or(u32::MAX));
        things.get(usize::try_from(position).ok()?)
    }

    /// A duration with a log-uniform distribution: each order of magnitude is equally likely.
    pub(crate) fn log_uniform(&mut self, least: Duration, most: Duration) -> Duration {
        let span = (most.as_secs_f64() / least.as_secs_f64()).max(1.0).ln();
        least.mul_f64((self.fraction() * span).exp())
    }

    /// A duration with a uniform distribution up to `most`.
    pub(crate) fn uniform(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.fraction())
    }

    fn fraction(&mut self) -> f64 {
        f64::from(self.below(u32::MAX)) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_repeats_its_choices_and_rounds_differ() {
        let drawn = |seed, round| {
            let mut random = Random::of_round(seed, round);
            (0..10).map(|_| random.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(7, 3), drawn(7, 3));
        assert_ne!(drawn(7, 3), drawn(7, 4));
        assert_ne!(drawn(7, 3), drawn(8, 3));
    }

    #[test]
    fn log_uniform_durations_stay_in_bounds() {
        let mut random = Random::of_round(1, 1);
        let (least, most) = (Duration::from_millis(1), Duration::from_secs(2));
        let drawn: Vec<_> = (0..1_000).map(|_| random.log_uniform(least, most)).collect();
        assert!(drawn.iter().all(|moment| *moment >= least && *moment <= most));
        let early = drawn.iter().filter(|moment| **moment < Duration::from_millis(45)).count();
        assert!((400..600).contains(&early), "half of them lie below the geometric mean: {early}");
    }
}
