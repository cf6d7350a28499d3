//! A queue of owners, such as the connections of worker processes, that wait for locks.

use std::collections::VecDeque;

use super::admission::Locks;
use crate::model::Lock;

/// A fair queue for locks without deadlocks, by the rules of [`Admission`](super::Admission): an owner takes all its
/// locks at once, and locks that an owner waits for are not given to owners behind it.
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
    /// Adds an owner at the end of the queue.
    pub(crate) fn join(&mut self, owner: K, locks: Vec<Lock>) {
        self.waiting.push_back((owner, locks));
    }

    /// Removes an owner from the queue, and releases its locks if it holds them.
    pub(crate) fn leave(&mut self, owner: K) {
        self.waiting.retain(|(waiting, _)| *waiting != owner);
        for (_, locks) in self.holding.extract_if(.., |(holding, _)| *holding == owner) {
            self.locks.release(&locks);
        }
    }

    /// Whether the owner holds its locks.
    #[must_use]
    pub(crate) fn holds(&self, owner: K) -> bool {
        self.holding.iter().any(|(holding, _)| *holding == owner)
    }

    /// The next owner whose locks are all free; it holds them from now on.
    pub(crate) fn next(&mut self) -> Option<K> {
        let mut reserved = self.locks.clone();
        let position = self.waiting.iter().position(|(_, locks)| reserved.admits_or_reserves(locks))?;
        let (owner, locks) = self.waiting.remove(position)?;
        self.locks.acquire(&locks);
        self.holding.push((owner, locks));
        Some(owner)
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
    fn waiting_owner_is_not_overtaken_for_the_same_lock() {
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
    fn owner_that_leaves_the_queue_blocks_no_other_owner() {
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
