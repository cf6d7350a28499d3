//! Sorts names fast in a program that is built without optimization.
//!
//! A test suite is usually built without optimization. There the standard library's sorting is slow, because it
//! consists of many small generic functions. This module compares numbers that encode most of a name, in one loop.

use crate::model::HarnessError;

/// The properties of a case that decide its place in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NamedCase<'n> {
    /// The case's name.
    pub(crate) name: &'n str,
    /// `file:line:column`
    pub(crate) location: &'n str,
    /// The number of the case within its test.
    pub(crate) row: u32,
}

/// The number of bytes of a name that are encoded in a key.
const KEY_BYTES: usize = 11;

/// The indices of the cases, sorted by name.
///
/// # Errors
///
/// When two cases have the same name.
pub(crate) fn by_name(all: &[NamedCase<'_>]) -> Result<Vec<usize>, HarnessError> {
    let mut positions: Vec<usize> = (0..all.len()).collect();
    sort_by_name(&mut positions, all);
    refuse_duplicates(&positions, all)?;
    Ok(positions)
}

/// The indices of the cases, sorted by a hash of their names.
///
/// # Errors
///
/// When two cases have the same name.
pub(super) fn by_hash(all: &[NamedCase<'_>], hash: impl Fn(&str) -> u64) -> Result<Vec<usize>, HarnessError> {
    let mut positions: Vec<usize> = (0..all.len()).collect();
    let keys = all.iter().map(|named| u128::from(hash(named.name)) << 64).collect();
    sort_by_key(&mut positions, keys, all);
    refuse_duplicates(&positions, all)?;
    Ok(positions)
}

/// Names of one suite often share a long prefix. The key of a name is the bytes after the common prefix, and the number
/// of those bytes.
fn sort_by_name(positions: &mut [usize], all: &[NamedCase<'_>]) {
    let Some(first) = positions.first().map(|position| all[*position].name.as_bytes()) else { return };
    let (mut common, mut longest) = (first.len(), 0);
    for position in &*positions {
        let name = all[*position].name.as_bytes();
        longest = longest.max(name.len());
        if !name.starts_with(&first[..common]) {
            common = first.iter().zip(name).take_while(|(left, right)| left == right).count();
        }
    }
    if longest == common {
        return;
    }
    let mut keys = Vec::with_capacity(positions.len());
    for position in &*positions {
        let rest = &all[*position].name.as_bytes()[common..];
        let mut key = [0; 16];
        let taken = rest.len().min(KEY_BYTES);
        key[..taken].copy_from_slice(&rest[..taken]);
        key[KEY_BYTES] = u8::try_from(rest.len().min(KEY_BYTES + 1)).unwrap_or(u8::MAX);
        keys.push(u128::from_be_bytes(key));
    }
    sort_by_key(positions, keys, all);
}

/// Sorts by keys whose last four bytes are unused, and by name where keys are equal. The unused bytes hold the index.
fn sort_by_key(positions: &mut [usize], mut keys: Vec<u128>, all: &[NamedCase<'_>]) {
    for (key, position) in keys.iter_mut().zip(&*positions) {
        *key |= *position as u128;
    }
    let keys = merge_sort(keys);
    for (position, key) in positions.iter_mut().zip(&keys) {
        let [.., a, b, c, d] = key.to_be_bytes();
        *position = u32::from_be_bytes([a, b, c, d]) as usize;
    }
    let mut start = 0;
    for end in 1..=keys.len() {
        if end == keys.len() || keys[start] >> 32 != keys[end] >> 32 {
            if end - start > 1 {
                sort_by_name(&mut positions[start..end], all);
            }
            start = end;
        }
    }
}

/// Sorts short runs by insertion, and merges adjacent runs until one is left.
fn merge_sort(mut numbers: Vec<u128>) -> Vec<u128> {
    const RUN_LENGTH: usize = 8;
    numbers.chunks_mut(RUN_LENGTH).for_each(insertion_sort);
    let mut merged = vec![0; numbers.len()];
    let mut width = RUN_LENGTH;
    while width < numbers.len() {
        for (run, merged) in numbers.chunks(2 * width).zip(merged.chunks_mut(2 * width)) {
            let (left, right) = run.split_at(run.len().min(width));
            merge(left, right, merged);
        }
        std::mem::swap(&mut numbers, &mut merged);
        width *= 2;
    }
    numbers
}

fn insertion_sort(run: &mut [u128]) {
    for end in 1..run.len() {
        let number = run[end];
        let mut at = end;
        while at > 0 && run[at - 1] > number {
            run[at] = run[at - 1];
            at -= 1;
        }
        run[at] = number;
    }
}

fn merge(left: &[u128], right: &[u128], merged: &mut [u128]) {
    let (mut from_left, mut from_right) = (0, 0);
    let mut to = 0;
    while from_left < left.len() && from_right < right.len() {
        let (first, second) = (left[from_left], right[from_right]);
        if first <= second {
            merged[to] = first;
            from_left += 1;
        } else {
            merged[to] = second;
            from_right += 1;
        }
        to += 1;
    }
    let (rest_of_left, rest_of_right) = merged[to..].split_at_mut(left.len() - from_left);
    rest_of_left.copy_from_slice(&left[from_left..]);
    rest_of_right.copy_from_slice(&right[from_right..]);
}

/// Returns an error if a name occurs twice. The indices are sorted, so equal names are adjacent.
fn refuse_duplicates(positions: &[usize], all: &[NamedCase<'_>]) -> Result<(), HarnessError> {
    for pair in positions.windows(2) {
        let [one, other] = [&all[pair[0]], &all[pair[1]]];
        if one.name == other.name {
            let [first, second] = [one.location.min(other.location), one.location.max(other.location)];
            return Err(HarnessError::DuplicateTest {
                id: one.name.to_owned(),
                first: first.to_owned(),
                second: second.to_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_are_sorted_as_by_the_standard_library(
            names in proptest::collection::hash_set("(module::)?[ab\0é]{0,28}", 0..60),
        ) {
            let all: Vec<_> = names.iter().map(|name| NamedCase { name, location: "a.rs:1:1", row: 0 }).collect();
            let mut expected: Vec<&str> = names.iter().map(String::as_str).collect();
            expected.sort_unstable();
            let by_name: Vec<_> = by_name(&all).unwrap().into_iter().map(|position| all[position].name).collect();
            prop_assert_eq!(&by_name, &expected);
            let by_one_hash = by_hash(&all, |_| 7).unwrap();
            prop_assert_eq!(by_one_hash.into_iter().map(|position| all[position].name).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn hash_takes_precedence_over_name(hashes in proptest::collection::vec(0_u64..5, 0..60)) {
            let names: Vec<_> = hashes.iter().enumerate().map(|(at, hash)| format!("{hash}{at:04}")).collect();
            let all: Vec<_> = names.iter().map(|name| NamedCase { name, location: "a.rs:1:1", row: 0 }).collect();
            let descending = |name: &str| u64::MAX - u64::from(name.as_bytes()[0]);
            let mut expected: Vec<&str> = names.iter().map(String::as_str).collect();
            expected.sort_by_key(|name| (descending(name), *name));
            let sorted = by_hash(&all, descending).unwrap();
            prop_assert_eq!(sorted.into_iter().map(|position| all[position].name).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn duplicate_name_is_refused(
            names in proptest::collection::vec("(module_with_a_long_name::)?[ab]{0,2}", 2..12),
        ) {
            let all: Vec<_> = names.iter().map(|name| NamedCase { name, location: "a.rs:1:1", row: 0 }).collect();
            let is_unique = names.iter().enumerate().all(|(at, name)| !names[..at].contains(name));
            prop_assert_eq!(by_name(&all).is_ok(), is_unique);
            prop_assert_eq!(by_hash(&all, |name| name.len() as u64).is_ok(), is_unique);
        }
    }
}
