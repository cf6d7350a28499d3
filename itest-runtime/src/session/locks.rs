//! The locks that processes of a run hold against each other, and wait for.

use std::collections::HashMap;

use tokio::sync::oneshot;

use super::message::Connection;
use super::wire::Reply;
use crate::model::Lock;
use crate::plan::LockQueue;

/// The locks that clients hold, and those that they wait for.
#[derive(Debug, Default)]
pub(super) struct Locks {
    queue: LockQueue<Connection>,
    /// Of those that wait.
    replies: HashMap<Connection, oneshot::Sender<Reply>>,
    /// Held for processes that have ended, until everything is given back that they took.
    orphaned: Vec<Connection>,
}

impl Locks {
    /// Grants locks as soon as they are free.
    pub(super) fn request(&mut self, client: Connection, locks: Vec<Lock>, reply: oneshot::Sender<Reply>) {
        self.queue.join(client, locks);
        self.replies.insert(client, reply);
        self.grant();
    }

    /// A client needs its locks no more, or does not wait for them any more.
    pub(super) fn release(&mut self, client: Connection) {
        self.queue.leave(client);
        self.replies.remove(&client);
        self.grant();
    }

    /// A client has ended without having released its locks. They are held until [`Self::release_all_of`]; whether it has any.
    pub(super) fn orphan(&mut self, client: Connection) -> bool {
        let holds = self.queue.holds(client);
        if holds {
            self.orphaned.push(client);
        } else {
            self.release(client);
        }
        holds
    }

    /// A process has ended, and everything is given back that it took.
    pub(super) fn release_all_of(&mut self, process: u32) {
        for client in self.orphaned.extract_if(.., |client| client.process == process).collect::<Vec<_>>() {
            self.release(client);
        }
    }

    fn grant(&mut self) {
        while let Some(client) = self.queue.next() {
            if let Some(reply) = self.replies.remove(&client) {
                let _ = reply.send(Reply::Granted);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LockMode;

    fn exclusive(key: &str) -> Vec<Lock> {
        vec![Lock { key: key.to_owned(), mode: LockMode::Exclusive }]
    }

    fn is_granted(response: &mut oneshot::Receiver<Reply>) -> bool {
        matches!(response.try_recv(), Ok(Reply::Granted))
    }

    #[test]
    fn locks_of_a_crashed_process_are_held_until_it_has_nothing_any_more() {
        let mut locks = Locks::default();
        let [first, second] = [1, 2].map(|process| Connection { number: process.into(), process });
        let (reply, mut granted) = oneshot::channel();
        locks.request(first, exclusive("a"), reply);
        assert!(is_granted(&mut granted));
        let (reply, mut granted) = oneshot::channel();
        locks.request(second, exclusive("a"), reply);

        assert!(locks.orphan(first));
        assert!(!is_granted(&mut granted));
        locks.release_all_of(second.process);
        assert!(!is_granted(&mut granted));
        locks.release_all_of(first.process);
        assert!(is_granted(&mut granted));
    }

    #[test]
    fn a_process_that_dies_while_it_waits_holds_nothing() {
        let mut locks = Locks::default();
        let [first, second, third] = [1, 2, 3].map(|process| Connection { number: process.into(), process });
        let (reply, _granted) = oneshot::channel();
        locks.request(first, exclusive("a"), reply);
        let (reply, _granted) = oneshot::channel();
        locks.request(second, exclusive("a"), reply);
        let (reply, mut granted) = oneshot::channel();
        locks.request(third, exclusive("a"), reply);
        assert!(!locks.orphan(second));
        locks.release(first);
        assert!(is_granted(&mut granted));
    }
}
