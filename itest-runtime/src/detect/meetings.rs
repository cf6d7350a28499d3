//! Who meets whom: rounds in which every test runs once, such that in few rounds each two have run beside each other.
//!
//! Tests are laid out in a table with a column for each lane and a prime number `m` of rows. In round `r`, beat `b` has from
//! column `c` the test in row `b + c·r` modulo `m`: two tests of different columns meet in exactly one of `m` rounds (a
//! transversal design from mutually orthogonal Latin squares; Bose and Shrikhande, 1960). Tests of one column have not met then:
//! each column is laid out as a table of its own, and all columns have their rounds together.

/// One round: beats, each with what runs side by side.
pub(crate) type Round<T> = Vec<Vec<T>>;

/// Rounds in which each two of these meet at least once, with so many lanes; the groups have their rounds side by side, so that
/// only members of one group must meet.
#[must_use]
pub(crate) fn meetings<T: Copy>(groups: &[Vec<T>], lanes: usize) -> Vec<Round<T>> {
    let lanes = lanes.max(2);
    let mut rounds = Vec::new();
    let mut groups: Vec<Vec<T>> = groups.iter().filter(|group| group.len() > 1).cloned().collect();
    while !groups.is_empty() {
        let tables: Vec<Vec<Vec<T>>> = groups.iter().map(|group| columns(group, lanes)).collect();
        let most = tables.iter().map(|table| rows_of(table)).max().unwrap_or(0);
        for round in 0..most {
            let beats = tables.iter().filter(|table| round < rows_of(table)).flat_map(|table| beats(table, round));
            rounds.push(beats.collect());
        }
        groups = tables.into_iter().flatten().filter(|column| column.len() > 1).collect();
    }
    rounds
}

/// Dealt out like cards, so that columns are equally long.
fn columns<T: Copy>(group: &[T], lanes: usize) -> Vec<Vec<T>> {
    let lanes = lanes.min(group.len());
    (0..lanes).map(|column| group.iter().skip(column).step_by(lanes).copied().collect()).collect()
}

/// At least as many as the longest column has, at least as many as there are columns, and prime: then the rows that two columns
/// contribute in different rounds are all different.
fn rows_of<T>(table: &[Vec<T>]) -> usize {
    let longest = table.iter().map(Vec::len).max().unwrap_or(0);
    let most = longest.max(table.len()).max(2);
    // Between a number and twice that number there is a prime (Chebyshev, 1852).
    (most..=2 * most).find(|number| is_prime(*number)).unwrap_or(most)
}

fn is_prime(number: usize) -> bool {
    (2..=number.isqrt()).all(|factor| !number.is_multiple_of(factor))
}

fn beats<T: Copy>(table: &[Vec<T>], round: usize) -> Vec<Vec<T>> {
    let rows = rows_of(table);
    let beat = |first: usize| {
        let of_column = |(column, tests): (usize, &Vec<T>)| tests.get((first + column * round) % rows).copied();
        table.iter().enumerate().filter_map(of_column).collect::<Vec<_>>()
    };
    (0..rows).map(beat).filter(|beat| !beat.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_two_of_a_group_meet_and_nobody_runs_twice_in_a_round(
            sizes in proptest::collection::vec(0_usize..40, 0..4),
            lanes in 2_usize..6,
        ) {
            let mut next = 0;
            let groups: Vec<Vec<usize>> = sizes.iter().map(|size| { next += size; (next - size..next).collect() }).collect();
            let mut met = BTreeSet::new();
            for round in meetings(&groups, lanes) {
                let mut ran = BTreeSet::new();
                for beat in &round {
                    prop_assert!(beat.len() <= lanes);
                    for test in beat {
                        prop_assert!(ran.insert(*test), "{test} runs twice in one round");
                        met.extend(beat.iter().filter(|other| *other > test).map(|other| (*test, *other)));
                    }
                }
            }
            for group in &groups {
                for (position, one) in group.iter().enumerate() {
                    for other in &group[position + 1..] {
                        prop_assert!(met.contains(&(*one, *other)), "{one} and {other} never meet");
                    }
                }
            }
        }
    }

    #[test]
    fn few_rounds_suffice() {
        let all: Vec<usize> = (0..260).collect();
        let rounds = meetings(&[all], 4).len();
        assert!(rounds < 110, "{rounds} rounds");
    }
}
