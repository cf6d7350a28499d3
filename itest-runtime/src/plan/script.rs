//! A script: what runs where and in which order, said beforehand.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;

use super::admission::{Locks, strongest};
use crate::model::{After, Case, Lane, Lock, Place};

/// So many steps of a single lane are handed out ahead: what a worker does not take must fit into its socket.
const HELD_AHEAD: usize = 64;

/// Steps that are taken in their order, each by the worker of its lane.
///
/// Locks hold as in any run. A script cannot come to a standstill: a step waits for earlier ones only.
#[derive(Debug)]
pub(crate) struct Script {
    steps: Vec<(Case, Place)>,
    /// How many rounds there are; none: until somebody stops it.
    last: Option<NonZeroU32>,
    begun: u32,
    waiting: VecDeque<(Case, Place)>,
    /// What was handed out and has not ended.
    running: Vec<(Lane, Vec<Lock>)>,
    /// How many steps of each lane wait.
    left: HashMap<Lane, usize>,
    locks: Locks,
    /// How many lanes a round has. With one there is nobody to wait for, and steps are held ahead.
    lanes: u32,
}

impl Script {
    /// Cases and their places, in their order; all of them run once in every round.
    #[must_use]
    pub(crate) fn new(cases: Vec<Case>, places: Vec<Place>, last: Option<NonZeroU32>) -> Self {
        let lanes = places.iter().map(|place| place.lane.0 + 1).max().unwrap_or(0);
        Self {
            steps: cases.into_iter().zip(places).collect(),
            last,
            begun: 0,
            waiting: VecDeque::new(),
            running: Vec::new(),
            left: HashMap::new(),
            locks: Locks::default(),
            lanes,
        }
    }

    /// Lets the steps of another round wait, if there is one, in lanes of its own.
    pub(crate) fn begin_round(&mut self) {
        if self.steps.is_empty() || self.last.is_some_and(|last| self.begun >= last.get()) {
            return;
        }
        let first = self.begun * self.lanes;
        for (case, place) in &self.steps {
            let lane = Lane(first + place.lane.0);
            *self.left.entry(lane).or_default() += 1;
            let case = Case { round: self.begun + 1, ..case.clone() };
            self.waiting.push_back((case, Place { lane, ..*place }));
        }
        self.begun += 1;
    }

    /// How many rounds have begun.
    #[must_use]
    pub(crate) fn begun(&self) -> u32 {
        self.begun
    }

    /// The number of steps that wait.
    #[must_use]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Every lock that any step needs, each once, in its strongest mode.
    #[must_use]
    pub(crate) fn all_locks(&self) -> Vec<Lock> {
        strongest(self.steps.iter().flat_map(|(case, _)| &case.locks))
    }

    /// Whether a lane has nothing left to run.
    #[must_use]
    pub(crate) fn is_over(&self, lane: Lane) -> bool {
        self.left.get(&lane).is_none_or(|left| *left == 0)
    }

    /// The next step, if it may begin; its locks are taken.
    pub(crate) fn next(&mut self) -> Option<(Case, Lane)> {
        let (case, place) = self.waiting.front()?;
        if self.lanes == 1 && self.running.len() >= HELD_AHEAD {
            return None;
        }
        if self.lanes > 1 {
            let is_free = self.running.iter().all(|(lane, _)| *lane != place.lane);
            let is_time = place.after == After::Begun || self.running.is_empty();
            if !is_free || !is_time || !self.locks.admits(&case.locks) {
                return None;
            }
        }
        let (case, place) = self.waiting.pop_front()?;
        self.locks.take(&case.locks);
        self.running.push((place.lane, case.locks.clone()));
        if let Some(left) = self.left.get_mut(&place.lane) {
            *left -= 1;
        }
        Some((case, place.lane))
    }

    /// Puts a step back at the front, as if it had never been taken.
    pub(crate) fn put_back(&mut self, lane: Lane, case: Case) {
        self.finish(lane);
        *self.left.entry(lane).or_default() += 1;
        self.waiting.push_front((case, Place { lane, after: After::Begun }));
    }

    /// The oldest step of a lane has ended.
    pub(crate) fn finish(&mut self, lane: Lane) {
        if let Some(position) = self.running.iter().position(|(running, _)| *running == lane) {
            let (_, locks) = self.running.remove(position);
            self.locks.give_back(&locks);
        }
    }

    /// Lets go of everything that waits, and says how much that was.
    pub(crate) fn drain(&mut self) -> usize {
        self.left.clear();
        self.waiting.drain(..).count()
    }
}

/// Lanes side by side in lockstep, as steps in their order: what stands at one place in them begins together.
#[must_use]
pub(crate) fn lockstep<C: Copy>(lanes: &[Vec<C>]) -> Vec<(C, Place)> {
    let longest = lanes.iter().map(Vec::len).max().unwrap_or(0);
    let beat = |position: usize| {
        let beside = (0..).zip(lanes).filter_map(move |(number, lane)| Some((*lane.get(position)?, Lane(number))));
        beside.enumerate().map(|(first, (case, lane))| {
            (case, Place { lane, after: if first == 0 { After::Ended } else { After::Begun } })
        })
    };
    (0..longest).flat_map(beat).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{CaseIndex, CaseMeta, LockMode, SourceLocation, TestId};

    fn case(number: u32, locks: Vec<Lock>) -> Case {
        Case {
            id: TestId::new(format!("test_{number}")),
            index: CaseIndex(number),
            location: SourceLocation::new(""),
            meta: &CaseMeta::PLAIN,
            locks,
            round: 1,
        }
    }

    fn script(lanes: &[Vec<u32>], rounds: u32) -> Script {
        let (cases, places) = lockstep(lanes).into_iter().map(|(number, place)| (case(number, vec![]), place)).unzip();
        let mut script = Script::new(cases, places, NonZeroU32::new(rounds));
        script.begin_round();
        script
    }

    fn numbers(script: &mut Script) -> Vec<(u32, u32)> {
        std::iter::from_fn(|| script.next()).map(|(case, lane)| (case.index.0, lane.0)).collect()
    }

    #[test]
    fn what_stands_at_one_place_begins_together_and_nothing_before_it() {
        let mut script = script(&[vec![1, 2], vec![3, 4]], 1);
        assert_eq!(numbers(&mut script), [(1, 0), (3, 1)]);
        script.finish(Lane(0));
        assert_eq!(numbers(&mut script), [], "the other one of the first beat still runs");
        script.finish(Lane(1));
        assert_eq!(numbers(&mut script), [(2, 0), (4, 1)]);
        assert!(script.is_over(Lane(0)));
    }

    #[test]
    fn one_lane_is_handed_out_ahead_and_every_round_has_lanes_of_its_own() {
        let mut script = script(&[vec![1, 2, 1]], 2);
        assert_eq!(numbers(&mut script), [(1, 0), (2, 0), (1, 0)]);
        script.put_back(Lane(0), case(1, vec![]));
        assert_eq!(numbers(&mut script), [(1, 0)]);
        script.begin_round();
        assert_eq!(numbers(&mut script), [(1, 1), (2, 1), (1, 1)]);
        script.begin_round();
        assert_eq!((numbers(&mut script), script.begun()), (vec![], 2));
    }

    proptest! {
        #[test]
        fn every_step_is_taken_once_in_its_lanes_order_and_locks_hold(
            lanes in proptest::collection::vec(proptest::collection::vec((0_u32..50, any::<bool>()), 0..8), 1..4),
            ends in proptest::collection::vec(any::<prop::sample::Index>(), 60),
        ) {
            let locks = |alone: bool| if alone { vec![Lock { key: "a".to_owned(), mode: LockMode::Exclusive }] } else { vec![] };
            let (cases, places): (Vec<_>, Vec<_>) =
                lockstep(&lanes).into_iter().map(|((number, alone), place)| (case(number, locks(alone)), place)).unzip();
            let mut script = Script::new(cases, places, NonZeroU32::new(1));
            script.begin_round();
            let mut taken: Vec<Vec<u32>> = vec![Vec::new(); lanes.len()];
            let mut running: Vec<(Case, Lane)> = Vec::new();
            let mut ends = ends.iter().cycle();
            loop {
                while let Some((case, lane)) = script.next() {
                    let beside = running.iter().any(|(other, beside)| {
                        *beside != lane && !other.locks.is_empty() && !case.locks.is_empty()
                    });
                    prop_assert!(!beside, "two of them hold one lock");
                    taken[lane.0 as usize].push(case.index.0);
                    running.push((case, lane));
                }
                if running.is_empty() {
                    break;
                }
                let position = ends.next().map_or(0, |end| end.index(running.len()));
                let (_, lane) = running.swap_remove(position);
                script.finish(lane);
            }
            let expected: Vec<Vec<u32>> = lanes.iter().map(|lane| lane.iter().map(|(number, _)| *number).collect()).collect();
            prop_assert_eq!(taken, expected);
        }
    }
}
