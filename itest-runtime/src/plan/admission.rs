//! Admission control: decides which waiting case may start, given the locks of the running cases.

use std::collections::{HashMap, VecDeque};

use crate::model::{Case, Lock, LockMode};

/// The locks that running cases hold, by key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Locks {
    states: HashMap<String, LockState>,
}

#[derive(Debug, Clone, Copy)]
enum LockState {
    Shared(usize),
    Exclusive,
}

impl Locks {
    /// Whether all of these locks are free at once.
    #[must_use]
    pub(crate) fn admits(&self, locks: &[Lock]) -> bool {
        locks.iter().all(|lock| match (self.states.get(&lock.key), lock.mode) {
            (None, _) | (Some(LockState::Shared(_)), LockMode::Shared) => true,
            (Some(_), _) => false,
        })
    }

    /// Marks the locks as held. The caller has checked them with [`Self::admits`].
    pub(crate) fn acquire(&mut self, locks: &[Lock]) {
        for lock in locks {
            match lock.mode {
                LockMode::Exclusive => {
                    self.states.insert(lock.key.clone(), LockState::Exclusive);
                }
                LockMode::Shared => {
                    let holders = self.states.entry(lock.key.clone()).or_insert(LockState::Shared(0));
                    if let LockState::Shared(count) = holders {
                        *count += 1;
                    }
                }
            }
        }
    }

    /// Whether all of these locks are free. If not, they are marked as held, so that cases further back in the queue
    /// cannot take them first.
    pub(super) fn admits_or_reserves(&mut self, locks: &[Lock]) -> bool {
        let free = self.admits(locks);
        if !free {
            self.acquire(locks);
        }
        free
    }

    /// Releases locks that were taken with [`Self::acquire`].
    pub(crate) fn release(&mut self, locks: &[Lock]) {
        for lock in locks {
            match self.states.get_mut(&lock.key) {
                Some(LockState::Shared(count)) if *count > 1 => *count -= 1,
                _ => {
                    self.states.remove(&lock.key);
                }
            }
        }
    }
}

/// The queue of cases that have not started yet, in the order of the run.
///
/// A case starts only when all its locks are free, and takes all of them at once. No case holds one lock while it waits
/// for another, so there is no deadlock. A case that is passed over keeps its place, and the locks it waits for are
/// reserved for it against every case behind it, so each case starts in the end.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    waiting: VecDeque<Case>,
    locks: Locks,
}

impl Admission {
    /// Creates the queue from cases in the order in which they should start.
    #[must_use]
    pub(crate) fn new(ordered: Vec<Case>) -> Self {
        Self { waiting: ordered.into(), locks: Locks::default() }
    }

    /// Adds cases at the end of the queue.
    pub(crate) fn extend(&mut self, ordered: Vec<Case>) {
        self.waiting.extend(ordered);
    }

    /// The number of waiting cases.
    #[must_use]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// All locks that the waiting cases need: each key once, exclusive if any case needs it exclusively.
    #[must_use]
    pub(crate) fn all_locks(&self) -> Vec<Lock> {
        strongest(self.waiting.iter().flat_map(|case| &case.locks))
    }

    /// Removes the next case that may start from the queue, and takes its locks.
    pub(crate) fn next(&mut self) -> Option<Case> {
        if let Some(case) = self.next_without_locks() {
            return Some(case);
        }
        let mut reserved = self.locks.clone();
        let position = self.waiting.iter().position(|case| reserved.admits_or_reserves(&case.locks))?;
        let case = self.waiting.remove(position)?;
        self.locks.acquire(&case.locks);
        Some(case)
    }

    /// Removes the first case from the queue if it needs no locks. Only such cases may be sent to a worker before it is
    /// free, because a lock must not be held while its case waits in a worker.
    pub(crate) fn next_without_locks(&mut self) -> Option<Case> {
        if self.waiting.front()?.locks.is_empty() { self.waiting.pop_front() } else { None }
    }

    /// Returns a case that did not start to the front of the queue, and releases its locks.
    pub(crate) fn put_back(&mut self, case: Case) {
        self.locks.release(&case.locks);
        self.waiting.push_front(case);
    }

    /// Releases the locks of a case that ended.
    pub(crate) fn finish(&mut self, case: &Case) {
        self.locks.release(&case.locks);
    }

    /// Removes all waiting cases from the queue; they will not run.
    pub(crate) fn drain(&mut self) -> Vec<Case> {
        self.waiting.drain(..).collect()
    }
}

/// Each key once, exclusive if any of the locks is exclusive.
pub(super) fn strongest<'l>(locks: impl Iterator<Item = &'l Lock>) -> Vec<Lock> {
    let mut all: Vec<Lock> = Vec::new();
    for lock in locks {
        match all.iter_mut().find(|existing| existing.key == lock.key) {
            None => all.push(lock.clone()),
            Some(existing) if lock.mode == LockMode::Exclusive => existing.mode = LockMode::Exclusive,
            Some(_) => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{CaseIndex, CaseMeta, SourceLocation, TestId};

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

    fn exclusive(key: &str) -> Lock {
        Lock { key: key.to_owned(), mode: LockMode::Exclusive }
    }

    fn shared(key: &str) -> Lock {
        Lock { key: key.to_owned(), mode: LockMode::Shared }
    }

    fn next_number(admission: &mut Admission) -> Option<u32> {
        admission.next().map(|case| case.index.0)
    }

    #[test]
    fn blocked_case_is_passed_over_and_keeps_its_place() {
        let mut admission =
            Admission::new(vec![case(0, vec![exclusive("db")]), case(1, vec![exclusive("db")]), case(2, vec![])]);
        let first = admission.next();
        assert_eq!(next_number(&mut admission), Some(2));
        assert_eq!(next_number(&mut admission), None);
        admission.finish(first.as_ref().unwrap());
        assert_eq!(next_number(&mut admission), Some(1));
    }

    #[test]
    fn waiting_exclusive_lock_is_not_starved_by_shared_locks() {
        let mut admission = Admission::new(vec![
            case(0, vec![shared("db")]),
            case(1, vec![shared("db")]),
            case(2, vec![exclusive("db")]),
            case(3, vec![shared("db")]),
        ]);
        let readers: Vec<_> = (0..2).filter_map(|_| admission.next()).collect();
        assert_eq!(readers.len(), 2);
        assert_eq!(next_number(&mut admission), None, "the reader behind the writer must wait");
        for case in &readers {
            admission.finish(case);
        }
        assert_eq!(next_number(&mut admission), Some(2));
    }

    #[test]
    fn case_that_is_put_back_is_next() {
        let mut admission = Admission::new(vec![case(0, vec![exclusive("db")]), case(1, vec![])]);
        if let Some(taken) = admission.next() {
            admission.put_back(taken);
        }
        assert_eq!(next_number(&mut admission), Some(0));
    }

    fn any_locks() -> impl Strategy<Value = Vec<Lock>> {
        proptest::collection::btree_map(0_u8..4, any::<bool>(), 0..3).prop_map(|locks| {
            locks
                .into_iter()
                .map(|(key, alone)| {
                    let key = key.to_string();
                    if alone { exclusive(&key) } else { shared(&key) }
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn every_case_runs_once_and_never_beside_a_conflicting_case(
            all_locks in proptest::collection::vec(any_locks(), 0..40),
            workers in 1_usize..5,
            ends in proptest::collection::vec(any::<prop::sample::Index>(), 200),
        ) {
            let count = all_locks.len();
            let cases = (0_u32..).zip(all_locks).map(|(number, locks)| case(number, locks)).collect();
            let mut admission = Admission::new(cases);
            let mut running: Vec<Case> = Vec::new();
            let mut done = 0;
            let mut ends = ends.into_iter().cycle();
            while done < count {
                while running.len() < workers {
                    let Some(next) = admission.next() else { break };
                    for other in &running {
                        for lock in &next.locks {
                            let conflict = other.locks.iter().any(|running_lock| running_lock.key == lock.key
                                && (running_lock.mode == LockMode::Exclusive || lock.mode == LockMode::Exclusive));
                            prop_assert!(!conflict, "{} beside {}", next.id, other.id);
                        }
                    }
                    running.push(next);
                }
                prop_assert!(!running.is_empty(), "nothing runs, yet {} wait", admission.waiting());
                if let Some(end) = ends.next() {
                    let ended = running.swap_remove(end.index(running.len()));
                    admission.finish(&ended);
                    done += 1;
                }
            }
            prop_assert_eq!(admission.waiting(), 0);
        }
    }
}
