//! A script: a fixed list of steps, each with its lane and its place in the order.

use std::collections::{HashMap, VecDeque};
use std::num::{NonZeroU32, NonZeroUsize};

use super::admission::{Locks, strongest};
use crate::model::{After, Case, Lane, Lock, Place};

/// The most steps of a single lane that are assigned ahead of time. The messages of steps that the worker has not read
/// yet must fit into its socket buffer.
const MAX_ASSIGNED_AHEAD: usize = 64;

/// Steps that start in their order, each in the worker of its lane.
///
/// Locks are respected as in any run. A script cannot deadlock, because a step waits only for earlier steps.
#[derive(Debug)]
pub(crate) struct Script {
    steps: Vec<(Case, Place)>,
    /// The number of rounds; `None` if the script repeats until it is stopped.
    last: Option<NonZeroU32>,
    begun: u32,
    waiting: VecDeque<(Case, Place)>,
    /// The steps that were assigned and have not ended: their lanes and locks.
    running: Vec<(Lane, Vec<Lock>)>,
    /// The number of waiting steps of each lane.
    left: HashMap<Lane, usize>,
    locks: Locks,
    /// The number of lanes of a round. With one lane a step never waits for another lane, so steps are assigned ahead
    /// of time.
    lanes: u32,
}

impl Script {
    /// Creates a script from cases and their places, in their order. All of them run once in every round.
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

    /// Adds the steps of the next round, if there is one. Each round has its own lanes.
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

    /// The number of rounds that have started.
    #[must_use]
    pub(crate) fn begun(&self) -> u32 {
        self.begun
    }

    /// The number of waiting steps.
    #[must_use]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// All locks that the steps need: each key once, exclusive if any step needs it exclusively.
    #[must_use]
    pub(crate) fn all_locks(&self) -> Vec<Lock> {
        strongest(self.steps.iter().flat_map(|(case, _)| &case.locks))
    }

    /// Whether no step of the lane is waiting.
    #[must_use]
    pub(crate) fn is_over(&self, lane: Lane) -> bool {
        self.left.get(&lane).is_none_or(|left| *left == 0)
    }

    /// Removes the next step if it may start, and takes its locks.
    pub(crate) fn next(&mut self) -> Option<(Case, Lane)> {
        let (case, place) = self.waiting.front()?;
        if self.lanes == 1 && self.running.len() >= MAX_ASSIGNED_AHEAD {
            return None;
        }
        if self.lanes > 1 {
            let is_free = self.running.iter().all(|(lane, _)| *lane != place.lane);
            let is_turn = match place.after {
                After::Begun => true,
                After::Ended => self.running.is_empty(),
                After::FewerRun(number) => self.running.len() < number,
            };
            if !is_free || !is_turn || !self.locks.admits(&case.locks) {
                return None;
            }
        }
        let (case, place) = self.waiting.pop_front()?;
        self.locks.acquire(&case.locks);
        self.running.push((place.lane, case.locks.clone()));
        if let Some(left) = self.left.get_mut(&place.lane) {
            *left -= 1;
        }
        Some((case, place.lane))
    }

    /// Returns a step that did not start to the front, and releases its locks.
    pub(crate) fn put_back(&mut self, lane: Lane, case: Case) {
        self.finish(lane);
        *self.left.entry(lane).or_default() += 1;
        self.waiting.push_front((case, Place { lane, after: After::Begun }));
    }

    /// Releases the locks of the lane's oldest running step, which has ended.
    pub(crate) fn finish(&mut self, lane: Lane) {
        if let Some(position) = self.running.iter().position(|(running, _)| *running == lane) {
            let (_, locks) = self.running.remove(position);
            self.locks.release(&locks);
        }
    }

    /// Removes all waiting steps and returns their number.
    pub(crate) fn drain(&mut self) -> usize {
        self.left.clear();
        self.waiting.drain(..).count()
    }
}

/// Turns lanes into steps that run in lockstep: the steps at the same position of all lanes start together, after all
/// steps of the position before have ended.
#[must_use]
pub(crate) fn lockstep<C: Copy>(lanes: &[Vec<C>]) -> Vec<(C, Place)> {
    let longest = lanes.iter().map(Vec::len).max().unwrap_or(0);
    let steps_at = |position: usize| {
        let cases_at_position =
            (0..).zip(lanes).filter_map(move |(number, lane)| Some((*lane.get(position)?, Lane(number))));
        cases_at_position.enumerate().map(|(index, (case, lane))| {
            (case, Place { lane, after: if index == 0 { After::Ended } else { After::Begun } })
        })
    };
    (0..longest).flat_map(steps_at).collect()
}

/// The steps of which each runs in a lane of its own, at most this number at a time.
#[must_use]
pub(crate) fn one_lane_each(count: usize, at_a_time: NonZeroUsize) -> Vec<Place> {
    (0..).map(Lane).take(count).map(|lane| Place { lane, after: After::FewerRun(at_a_time.get()) }).collect()
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
    fn steps_at_one_position_start_together_after_the_position_before() {
        let mut script = script(&[vec![1, 2], vec![3, 4]], 1);
        assert_eq!(numbers(&mut script), [(1, 0), (3, 1)]);
        script.finish(Lane(0));
        assert_eq!(numbers(&mut script), [], "the other step of the first position still runs");
        script.finish(Lane(1));
        assert_eq!(numbers(&mut script), [(2, 0), (4, 1)]);
        assert!(script.is_over(Lane(0)));
    }

    #[test]
    fn single_lane_is_assigned_ahead_and_each_round_has_new_lanes() {
        let mut script = script(&[vec![1, 2, 1]], 2);
        assert_eq!(numbers(&mut script), [(1, 0), (2, 0), (1, 0)]);
        script.put_back(Lane(0), case(1, vec![]));
        assert_eq!(numbers(&mut script), [(1, 0)]);
        script.begin_round();
        assert_eq!(numbers(&mut script), [(1, 1), (2, 1), (1, 1)]);
        script.begin_round();
        assert_eq!((numbers(&mut script), script.begun()), (vec![], 2));
    }

    #[test]
    fn steps_with_lanes_of_their_own_start_as_others_end() {
        let places = one_lane_each(4, NonZeroUsize::new(2).unwrap());
        let mut script = Script::new((0..4).map(|number| case(number, vec![])).collect(), places, NonZeroU32::new(1));
        script.begin_round();
        assert_eq!(numbers(&mut script), [(0, 0), (1, 1)]);
        script.finish(Lane(1));
        assert_eq!(numbers(&mut script), [(2, 2)]);
        assert!(script.is_over(Lane(2)) && !script.is_over(Lane(3)));
        script.finish(Lane(0));
        assert_eq!(numbers(&mut script), [(3, 3)]);
    }

    proptest! {
        #[test]
        fn every_step_runs_once_in_lane_order_and_locks_are_respected(
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
                    let conflicts = running.iter().any(|(other, running_lane)| {
                        *running_lane != lane && !other.locks.is_empty() && !case.locks.is_empty()
                    });
                    prop_assert!(!conflicts, "two running steps hold the same lock");
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
