//! Bisection: finds the tests that are required for an effect on a later test, such as its failure.
//!
//! This is delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 2002),
//! adapted to tests. Usually a single test is the cause, so halves are tried first. Otherwise the required tests are
//! found from the last to the first, each by a binary search. The search does not assume that more tests make the
//! effect more likely: if one prefix is not sufficient and a longer one is, then some test between them makes the
//! difference.

/// The candidates that are required for the effect, in their order. `has_effect` runs the given tests and returns
/// whether they have the effect. It is known that all candidates together have it, and that no tests do not.
///
/// # Errors
///
/// When `has_effect` returns an error.
pub(crate) fn required_tests<T: Copy, E>(
    candidates: &[T],
    mut has_effect: impl FnMut(&[T]) -> Result<bool, E>,
) -> Result<Vec<T>, E> {
    let candidates = halved(candidates, &mut has_effect)?;
    if candidates.len() <= 1 {
        return Ok(candidates.to_vec());
    }
    let mut required: Vec<T> = Vec::new();
    let mut rest = candidates;
    loop {
        let (mut too_few, mut sufficient) = (0, rest.len());
        while sufficient - too_few > 1 {
            let middle = usize::midpoint(too_few, sufficient);
            let tried: Vec<T> = rest[..middle].iter().chain(&required).copied().collect();
            if has_effect(&tried)? {
                sufficient = middle;
            } else {
                too_few = middle;
            }
        }
        required.insert(0, rest[sufficient - 1]);
        rest = &rest[..sufficient - 1];
        if rest.is_empty() || has_effect(&required)? {
            break;
        }
    }
    without_unneeded(required, has_effect)
}

/// Keeps one half of the candidates for as long as one half is sufficient.
fn halved<'t, T, E>(candidates: &'t [T], has_effect: &mut impl FnMut(&[T]) -> Result<bool, E>) -> Result<&'t [T], E> {
    let mut candidates = candidates;
    while candidates.len() > 1 {
        let (first, second) = candidates.split_at(candidates.len() / 2);
        // The second half is tried first, because later tests are less likely to be cleaned up.
        if has_effect(second)? {
            candidates = second;
        } else if has_effect(first)? {
            candidates = first;
        } else {
            break;
        }
    }
    Ok(candidates)
}

/// Removes each test without which the others still have the effect.
fn without_unneeded<T: Copy, E>(
    mut required: Vec<T>,
    mut has_effect: impl FnMut(&[T]) -> Result<bool, E>,
) -> Result<Vec<T>, E> {
    let mut position = 0;
    while required.len() > 1 && position < required.len() {
        let mut fewer = required.clone();
        fewer.remove(position);
        if has_effect(&fewer)? {
            required = fewer;
        } else {
            position += 1;
        }
    }
    Ok(required)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// The effect occurs after all culprits in this order, if no cleaner ran after the first of them.
    fn after(ran: &[u32], culprits: &[u32], cleaners: &[u32]) -> bool {
        let mut armed = 0;
        for test in ran {
            if armed < culprits.len() && *test == culprits[armed] {
                armed += 1;
            } else if cleaners.contains(test) {
                armed = 0;
            }
        }
        armed == culprits.len()
    }

    fn bisected(count: u32, culprits: &[u32], cleaners: &[u32]) -> (Vec<u32>, u32) {
        let all: Vec<u32> = (0..count).collect();
        let mut probes = 0;
        let required = required_tests(&all, |ran| {
            probes += 1;
            Ok::<_, Infallible>(after(ran, culprits, cleaners))
        });
        let Ok(required) = required;
        (required, probes)
    }

    #[test]
    fn single_culprit_takes_at_most_twice_the_logarithm_of_probes() {
        for count in [1_u32, 2, 3, 10, 100, 1_000] {
            for culprit in (0..count).step_by(7) {
                let (required, probes) = bisected(count, &[culprit], &[]);
                assert_eq!(required, [culprit]);
                assert!(probes <= 2 * count.ilog2() + 6, "{probes} probes for {count}");
            }
        }
    }

    proptest! {
        #[test]
        fn all_culprits_are_identified_despite_cleaners(
            count in 1_u32..120,
            picks in proptest::collection::vec(any::<prop::sample::Index>(), 1..4),
            cleaners in proptest::collection::vec(any::<prop::sample::Index>(), 0..3),
        ) {
            let culprits: std::collections::BTreeSet<u32> = picks.iter().map(|pick| u32::try_from(pick.index(count as usize)).unwrap()).collect();
            let culprits: Vec<u32> = culprits.into_iter().collect();
            let cleaners: Vec<u32> = cleaners.iter().map(|pick| u32::try_from(pick.index(count as usize)).unwrap())
                .filter(|cleaner| !culprits.contains(cleaner)).collect();
            let all: Vec<u32> = (0..count).collect();
            prop_assume!(after(&all, &culprits, &cleaners));
            let (required, probes) = bisected(count, &culprits, &cleaners);
            prop_assert_eq!(&required, &culprits);
            let each = 2 * (count.ilog2() + 2);
            prop_assert!(probes <= each * (u32::try_from(culprits.len()).unwrap() + 1) + 6, "{} probes for {:?} of {}", probes, culprits, count);
        }
    }
}
