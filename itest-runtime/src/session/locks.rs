//! The locks of a run, which its processes hold or wait for.

use std::collections::HashMap;

use tokio::sync::oneshot;

use super::message::Connection;
use super::wire::Reply;
use crate::model::Lock;
use crate::plan::LockQueue;

/// The locks that clients hold, and the requests that wait.
#[derive(Debug, Default)]
pub(super) struct Locks {
    queue: LockQueue<Connection>,
    /// The channels for the answers to waiting clients.
    replies: HashMap<Connection, oneshot::Sender<Reply>>,
    /// The clients that ended without releasing their locks. The locks stay held until the clients' resources are given back.
    orphaned: Vec<Connection>,
}

impl Locks {
    /// Requests locks for a client, which gets an answer as soon as it has all of them.
    pub(super) fn request(&mut self, client: Connection, locks: Vec<Lock>, reply: oneshot::Sender<Reply>) {
        self.queue.join(client, locks);
        self.replies.insert(client, reply);
        self.grant();
    }

    /// Releases the locks of a client, or removes its waiting request.
    pub(super) fn release(&mut self, client: Connection) {
        self.queue.leave(client);
        self.replies.remove(&client);
        self.grant();
    }

    /// Handles a client that has ended without releasing its locks. The locks stay held until [`Self::release_all_of`]. Returns
    /// whether the client held locks.
    pub(super) fn orphan(&mut self, client: Connection) -> bool {
        let holds = self.queue.holds(client);
        if holds {
            self.orphaned.push(client);
        } else {
            self.release(client);
        }
        holds
    }

    /// Releases the locks of a process that has ended, after all its resources were given back.
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
    fn locks_of_a_crashed_process_are_released_after_its_recovery() {
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
    fn process_that_dies_while_it_waits_holds_no_lock() {
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
