//! Finds out which of many tests are needed for something to happen.
//!
//! Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 2002) cut to what
//! tests need: mostly one of them is to blame, so halves are tried first; otherwise the needed ones are found from the last to the
//! first, each by a binary search. Nothing is assumed about what the others do, also not that more of them make it likelier:
//! between a beginning that does not suffice and one that does there is a test that makes the difference.

/// The tests of `candidates` that are needed, in their order; `happens` tells whether it happens after those that it is given.
/// It is known to happen after all of them, and not to happen after none.
///
/// # Errors
///
/// Those of `happens`.
pub(crate) fn needed<T: Copy, E>(
    candidates: &[T],
    mut happens: impl FnMut(&[T]) -> Result<bool, E>,
) -> Result<Vec<T>, E> {
    let candidates = halved(candidates, &mut happens)?;
    if candidates.len() <= 1 {
        return Ok(candidates.to_vec());
    }
    let mut required: Vec<T> = Vec::new();
    let mut rest = candidates;
    loop {
        let (mut too_few, mut enough) = (0, rest.len());
        while enough - too_few > 1 {
            let middle = usize::midpoint(too_few, enough);
            let tried: Vec<T> = rest[..middle].iter().chain(&required).copied().collect();
            if happens(&tried)? {
                enough = middle;
            } else {
                too_few = middle;
            }
        }
        required.insert(0, rest[enough - 1]);
        rest = &rest[..enough - 1];
        if rest.is_empty() || happens(&required)? {
            break;
        }
    }
    without_idle(required, happens)
}

/// Half of the candidates as long as one half suffices.
fn halved<'t, T, E>(candidates: &'t [T], happens: &mut impl FnMut(&[T]) -> Result<bool, E>) -> Result<&'t [T], E> {
    let mut candidates = candidates;
    while candidates.len() > 1 {
        let (first, second) = candidates.split_at(candidates.len() / 2);
        // What was done last is undone least.
        if happens(second)? {
            candidates = second;
        } else if happens(first)? {
            candidates = first;
        } else {
            break;
        }
    }
    Ok(candidates)
}

/// Leaves out each one without which it happens as well.
fn without_idle<T: Copy, E>(
    mut required: Vec<T>,
    mut happens: impl FnMut(&[T]) -> Result<bool, E>,
) -> Result<Vec<T>, E> {
    let mut position = 0;
    while required.len() > 1 && position < required.len() {
        let mut fewer = required.clone();
        fewer.remove(position);
        if happens(&fewer)? {
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

    /// Happens after all of these, in this order, unless a cleaner came after the last of them.
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

    fn found(count: u32, culprits: &[u32], cleaners: &[u32]) -> (Vec<u32>, u32) {
        let all: Vec<u32> = (0..count).collect();
        let mut probes = 0;
        let found = needed(&all, |ran| {
            probes += 1;
            Ok::<_, Infallible>(after(ran, culprits, cleaners))
        });
        let Ok(found) = found;
        (found, probes)
    }

    #[test]
    fn a_single_one_takes_no_more_than_twice_the_logarithm() {
        for count in [1_u32, 2, 3, 10, 100, 1_000] {
            for culprit in (0..count).step_by(7) {
                let (found, probes) = found(count, &[culprit], &[]);
                assert_eq!(found, [culprit]);
                assert!(probes <= 2 * count.ilog2() + 6, "{probes} probes for {count}");
            }
        }
    }

    proptest! {
        #[test]
        fn all_needed_ones_are_found_whatever_the_others_do(
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
            let (found, probes) = found(count, &culprits, &cleaners);
            prop_assert_eq!(&found, &culprits);
            let each = 2 * (count.ilog2() + 2);
            prop_assert!(probes <= each * (u32::try_from(culprits.len()).unwrap() + 1) + 6, "{} probes for {:?} of {}", probes, culprits, count);
        }
    }
}
