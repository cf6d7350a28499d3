//! Pairwise concurrent runs: a schedule of few rounds in which each pair of tests runs at the same time at least once,
//! and each test runs once per round.
//!
//! Tests are arranged in a table with a column for each lane and a prime number `m` of rows. In round `r`, time slot
//! `s` takes from column `c` the test in row `s + c·r` modulo `m`: two tests of different columns run together in
//! exactly one of `m` rounds (a transversal design from mutually orthogonal Latin squares; Bose and Shrikhande, 1960).
//! Tests of the same column have not run together then, so each column is arranged as a table of its own in the next
//! step, and all columns share the rounds of that step.

/// One round: a list of time slots, each with the tests that run at the same time.
pub(crate) type Round<T> = Vec<Vec<T>>;

/// Rounds in which each pair of tests of a group runs together at least once, with at most `lanes` tests at a time. The
/// groups share the rounds, and tests of different groups need not run together.
#[must_use]
pub(crate) fn pairwise_rounds<T: Copy>(groups: &[Vec<T>], lanes: usize) -> Vec<Round<T>> {
    let lanes = lanes.max(2);
    let mut rounds = Vec::new();
    let mut groups: Vec<Vec<T>> = groups.iter().filter(|group| group.len() > 1).cloned().collect();
    while !groups.is_empty() {
        let tables: Vec<Vec<Vec<T>>> = groups.iter().map(|group| columns(group, lanes)).collect();
        let most = tables.iter().map(|table| rows_of(table)).max().unwrap_or(0);
        for round in 0..most {
            let slots = tables.iter().filter(|table| round < rows_of(table)).flat_map(|table| slots(table, round));
            rounds.push(slots.collect());
        }
        groups = tables.into_iter().flatten().filter(|column| column.len() > 1).collect();
    }
    rounds
}

/// Distributes a group over the columns in turn, so that the columns have about equal lengths.
fn columns<T: Copy>(group: &[T], lanes: usize) -> Vec<Vec<T>> {
    let lanes = lanes.min(group.len());
    (0..lanes).map(|column| group.iter().skip(column).step_by(lanes).copied().collect()).collect()
}

/// The number of rows: a prime number that is at least the length of the longest column and at least the number of
/// columns. Then the rows that two columns contribute in different rounds are all different.
fn rows_of<T>(table: &[Vec<T>]) -> usize {
    let longest = table.iter().map(Vec::len).max().unwrap_or(0);
    let most = longest.max(table.len()).max(2);
    // There is a prime number between each number and its double (Chebyshev, 1852).
    (most..=2 * most).find(|number| is_prime(*number)).unwrap_or(most)
}

fn is_prime(number: usize) -> bool {
    (2..=number.isqrt()).all(|factor| !number.is_multiple_of(factor))
}

fn slots<T: Copy>(table: &[Vec<T>], round: usize) -> Vec<Vec<T>> {
    let rows = rows_of(table);
    let slot = |first: usize| {
        let of_column = |(column, tests): (usize, &Vec<T>)| tests.get((first + column * round) % rows).copied();
        table.iter().enumerate().filter_map(of_column).collect::<Vec<_>>()
    };
    (0..rows).map(slot).filter(|slot| !slot.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_pair_of_a_group_runs_together_and_no_test_twice_per_round(
            sizes in proptest::collection::vec(0_usize..40, 0..4),
            lanes in 2_usize..6,
        ) {
            let mut next = 0;
            let groups: Vec<Vec<usize>> = sizes.iter().map(|size| { next += size; (next - size..next).collect() }).collect();
            let mut paired = BTreeSet::new();
            for round in pairwise_rounds(&groups, lanes) {
                let mut ran = BTreeSet::new();
                for slot in &round {
                    prop_assert!(slot.len() <= lanes);
                    for test in slot {
                        prop_assert!(ran.insert(*test), "{test} runs twice in one round");
                        paired.extend(slot.iter().filter(|other| *other > test).map(|other| (*test, *other)));
                    }
                }
            }
            for group in &groups {
                for (position, one) in group.iter().enumerate() {
                    for other in &group[position + 1..] {
                        prop_assert!(paired.contains(&(*one, *other)), "{one} and {other} never run together");
                    }
                }
            }
        }
    }

    #[test]
    fn number_of_rounds_is_small() {
        let all: Vec<usize> = (0..260).collect();
        let rounds = pairwise_rounds(&[all], 4).len();
        assert!(rounds < 110, "{rounds} rounds");
    }
}
