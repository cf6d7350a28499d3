//! Who waits for which locks, and whose turn it is.

use std::collections::VecDeque;

use super::admission::Locks;
use crate::model::Lock;

/// A queue for locks, fair and free of deadlock by the rules of [`Admission`](super::Admission): all locks of one are taken
/// together, and what somebody waits for is not given to those behind.
#[derive(Debug)]
pub(crate) struct LockQueue<K> {
    waiting: VecDeque<(K, Vec<Lock>)>,
    holding: Vec<(K, Vec<Lock>)>,
    locks: Locks,
}

impl<K> Default for LockQueue<K> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), holding: Vec::new(), locks: Locks::default() }
    }
}

impl<K: Copy + PartialEq> LockQueue<K> {
    /// Joins the end of the queue.
    pub(crate) fn join(&mut self, who: K, locks: Vec<Lock>) {
        self.waiting.push_back((who, locks));
    }

    /// Leaves, waiting or holding.
    pub(crate) fn leave(&mut self, who: K) {
        self.waiting.retain(|(waiting, _)| *waiting != who);
        for (_, locks) in self.holding.extract_if(.., |(holding, _)| *holding == who) {
            self.locks.give_back(&locks);
        }
    }

    /// Whether its locks are taken.
    #[must_use]
    pub(crate) fn holds(&self, who: K) -> bool {
        self.holding.iter().any(|(holding, _)| *holding == who)
    }

    /// The next one whose turn it is; its locks are taken.
    pub(crate) fn next(&mut self) -> Option<K> {
        let mut reserved = self.locks.clone();
        let position = self.waiting.iter().position(|(_, locks)| reserved.admits_or_reserves(locks))?;
        let (who, locks) = self.waiting.remove(position)?;
        self.locks.take(&locks);
        self.holding.push((who, locks));
        Some(who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LockMode;

    fn lock(key: &str, mode: LockMode) -> Lock {
        Lock { key: key.to_owned(), mode }
    }

    #[test]
    fn who_waits_is_not_overtaken_by_those_who_want_the_same() {
        let mut queue = LockQueue::default();
        queue.join(1, vec![lock("a", LockMode::Shared)]);
        queue.join(2, vec![lock("a", LockMode::Exclusive), lock("b", LockMode::Exclusive)]);
        queue.join(3, vec![lock("a", LockMode::Shared)]);
        queue.join(4, vec![lock("b", LockMode::Exclusive)]);
        queue.join(5, vec![lock("c", LockMode::Exclusive)]);
        let mut admitted = || std::iter::from_fn(|| queue.next()).collect::<Vec<_>>();
        assert_eq!(admitted(), [1, 5]);
        queue.leave(1);
        assert_eq!(std::iter::from_fn(|| queue.next()).collect::<Vec<_>>(), [2]);
        queue.leave(2);
        assert_eq!(std::iter::from_fn(|| queue.next()).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn who_gives_up_waiting_is_in_nobodys_way() {
        let mut queue = LockQueue::default();
        queue.join(1, vec![lock("a", LockMode::Exclusive)]);
        queue.join(2, vec![lock("a", LockMode::Exclusive)]);
        queue.join(3, vec![lock("a", LockMode::Exclusive)]);
        assert_eq!(queue.next(), Some(1));
        queue.leave(2);
        assert_eq!(queue.next(), None);
        queue.leave(1);
        assert_eq!(queue.next(), Some(3));
    }
}
