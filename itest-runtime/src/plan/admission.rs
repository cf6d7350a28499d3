//! Which waiting case may start now, given what the running ones hold.

use std::collections::{HashMap, VecDeque};

use crate::model::{Case, Lock, LockMode};

/// The locks that running cases hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Locks {
    held: HashMap<String, Held>,
}

#[derive(Debug, Clone, Copy)]
enum Held {
    Shared(usize),
    Exclusive,
}

impl Locks {
    /// Whether all of these can be taken together.
    #[must_use]
    pub(crate) fn admits(&self, locks: &[Lock]) -> bool {
        locks.iter().all(|lock| match (self.held.get(&lock.key), lock.mode) {
            (None, _) | (Some(Held::Shared(_)), LockMode::Shared) => true,
            (Some(_), _) => false,
        })
    }

    /// Takes locks that [`Self::admits`] said yes to.
    pub(crate) fn take(&mut self, locks: &[Lock]) {
        for lock in locks {
            match lock.mode {
                LockMode::Exclusive => {
                    self.held.insert(lock.key.clone(), Held::Exclusive);
                }
                LockMode::Shared => {
                    let holders = self.held.entry(lock.key.clone()).or_insert(Held::Shared(0));
                    if let Held::Shared(count) = holders {
                        *count += 1;
                    }
                }
            }
        }
    }

    /// Whether these can be taken; if not, they are as good as taken for everyone behind.
    pub(super) fn admits_or_reserves(&mut self, locks: &[Lock]) -> bool {
        let free = self.admits(locks);
        if !free {
            self.take(locks);
        }
        free
    }

    /// Gives back what [`Self::take`] took.
    pub(crate) fn give_back(&mut self, locks: &[Lock]) {
        for lock in locks {
            match self.held.get_mut(&lock.key) {
                Some(Held::Shared(count)) if *count > 1 => *count -= 1,
                _ => {
                    self.held.remove(&lock.key);
                }
            }
        }
    }
}

/// The cases that wait to be started, in the order of the run.
///
/// A case starts only when all its locks are free, and takes them together: nobody holds one lock while waiting for
/// another, so there is no deadlock. A case that is passed over keeps its place, and the locks it waits for are reserved
/// for it against everyone behind it, so no case waits for ever.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    waiting: VecDeque<Case>,
    locks: Locks,
}

impl Admission {
    /// Takes the cases in the order in which they should start.
    #[must_use]
    pub(crate) fn new(ordered: Vec<Case>) -> Self {
        Self { waiting: ordered.into(), locks: Locks::default() }
    }

    /// Lets more cases wait, behind the others.
    pub(crate) fn extend(&mut self, ordered: Vec<Case>) {
        self.waiting.extend(ordered);
    }

    /// The number of cases that wait.
    #[must_use]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Every lock that any waiting case needs, each once, in its strongest mode.
    #[must_use]
    pub(crate) fn all_locks(&self) -> Vec<Lock> {
        strongest(self.waiting.iter().flat_map(|case| &case.locks))
    }

    /// The next case that may start; its locks are taken.
    pub(crate) fn next(&mut self) -> Option<Case> {
        if let Some(case) = self.next_without_locks() {
            return Some(case);
        }
        let mut reserved = self.locks.clone();
        let position = self.waiting.iter().position(|case| reserved.admits_or_reserves(&case.locks))?;
        let case = self.waiting.remove(position)?;
        self.locks.take(&case.locks);
        Some(case)
    }

    /// The next case, if it needs no lock: only such cases may be held ahead of their time.
    pub(crate) fn next_without_locks(&mut self) -> Option<Case> {
        if self.waiting.front()?.locks.is_empty() { self.waiting.pop_front() } else { None }
    }

    /// Puts a case back at the front, as if it had never been taken.
    pub(crate) fn put_back(&mut self, case: Case) {
        self.locks.give_back(&case.locks);
        self.waiting.push_front(case);
    }

    /// Gives back the locks of a case that ended.
    pub(crate) fn finish(&mut self, case: &Case) {
        self.locks.give_back(&case.locks);
    }

    /// Everything that waits, which will not be started any more.
    pub(crate) fn drain(&mut self) -> Vec<Case> {
        self.waiting.drain(..).collect()
    }
}

/// Each lock once, in its strongest mode.
pub(super) fn strongest<'l>(locks: impl Iterator<Item = &'l Lock>) -> Vec<Lock> {
    let mut all: Vec<Lock> = Vec::new();
    for lock in locks {
        match all.iter_mut().find(|known| known.key == lock.key) {
            None => all.push(lock.clone()),
            Some(known) if lock.mode == LockMode::Exclusive => known.mode = LockMode::Exclusive,
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

    fn started(admission: &mut Admission) -> Option<u32> {
        admission.next().map(|case| case.index.0)
    }

    #[test]
    fn a_blocked_case_is_passed_over_and_keeps_its_place() {
        let mut admission =
            Admission::new(vec![case(0, vec![exclusive("db")]), case(1, vec![exclusive("db")]), case(2, vec![])]);
        let first = admission.next();
        assert_eq!(started(&mut admission), Some(2));
        assert_eq!(started(&mut admission), None);
        admission.finish(first.as_ref().unwrap());
        assert_eq!(started(&mut admission), Some(1));
    }

    #[test]
    fn readers_share_and_a_waiting_writer_is_not_starved_by_them() {
        let mut admission = Admission::new(vec![
            case(0, vec![shared("db")]),
            case(1, vec![shared("db")]),
            case(2, vec![exclusive("db")]),
            case(3, vec![shared("db")]),
        ]);
        let readers: Vec<_> = (0..2).filter_map(|_| admission.next()).collect();
        assert_eq!(readers.len(), 2);
        assert_eq!(started(&mut admission), None, "the reader behind the writer must wait");
        for case in &readers {
            admission.finish(case);
        }
        assert_eq!(started(&mut admission), Some(2));
    }

    #[test]
    fn a_case_put_back_is_the_next_one() {
        let mut admission = Admission::new(vec![case(0, vec![exclusive("db")]), case(1, vec![])]);
        if let Some(taken) = admission.next() {
            admission.put_back(taken);
        }
        assert_eq!(started(&mut admission), Some(0));
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
        fn every_case_runs_once_and_never_beside_one_it_excludes(
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
                            let conflict = other.locks.iter().any(|held| held.key == lock.key
                                && (held.mode == LockMode::Exclusive || lock.mode == LockMode::Exclusive));
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
