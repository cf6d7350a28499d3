//! Interleaved rounds of several measurements.

use std::time::Duration;

use figures::{Context, Failure, Samples};

use crate::progress;

/// The number of rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    pub(crate) what: &'static str,
    pub(crate) warm_ups: usize,
    pub(crate) counted: usize,
}

/// Measures each thing once per round, so that a slow moment of the machine affects all of them.
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
