//! The recoveries of the session server: for each process of the run that has ended, it executes the ledger and kills the
//! processes that are left.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{Id, JoinSet};

use super::folder::SessionFolder;
use super::kill::kill;
use super::ledger::LedgerFile;
use super::message::{Connection, Disconnect};
use super::recover::recover_ledger;
use super::wire::Reply;
use crate::inject::boxed;
use crate::model::{Mark, RecoveryResult};

/// The running recoveries, and the processes that need one when they end.
#[derive(Debug)]
pub(super) struct Recoveries {
    folder: SessionFolder,
    limit: Duration,
    /// The connections of processes that write a ledger.
    leases: HashSet<Connection>,
    /// The ledgers of processes without a connection, which were opened under an earlier server. They are polled, because no
    /// connection shows when such a process ends.
    polled: HashSet<LedgerFile>,
    /// The connections of watched processes, and the marks of their descendants.
    watched: HashMap<Connection, Mark>,
    running: JoinSet<RecoveryResult>,
    /// The kinds of the running tasks.
    tasks: HashMap<Id, Task>,
    /// The ledgers that were executed but are not done, and the number of entries that the next run must try again.
    unfinished: HashMap<LedgerFile, usize>,
    /// The clients that wait for the recovery of a process.
    waiting: Vec<(u32, oneshot::Sender<Reply>)>,
}

/// A task for a process that has ended.
#[derive(Debug, PartialEq, Eq)]
enum Task {
    /// Executes the ledger of the process.
    Execute(LedgerFile),
    /// Kills the descendants of the process.
    Kill,
}

impl Recoveries {
    /// Starts the recoveries that an earlier server of the session has left.
    pub(super) fn start(folder: &SessionFolder, limit: Duration) -> Self {
        let mut recoveries = Self {
            folder: folder.clone(),
            limit,
            leases: HashSet::new(),
            polled: folder.ledgers().into_iter().filter(|ledger| ledger.owner().is_some()).collect(),
            watched: HashMap::new(),
            running: JoinSet::new(),
            tasks: HashMap::new(),
            unfinished: HashMap::new(),
            waiting: Vec::new(),
        };
        recoveries.poll();
        recoveries
    }

    /// Sets the session's folder, after it was renamed.
    pub(super) fn set_folder(&mut self, folder: &SessionFolder) {
        self.folder = folder.clone();
    }

    /// Registers a process that writes a ledger as long as this connection is open.
    pub(super) fn lease(&mut self, client: Connection) {
        self.leases.insert(client);
        self.polled.retain(|ledger| !is_of(ledger, client.process));
    }

    /// Registers a process whose descendants have this mark. They are killed when the connection is lost.
    pub(super) fn watch(&mut self, client: Connection, mark: Mark) {
        self.watched.insert(client, mark);
    }

    /// Handles the end of a connection. If the connection was a lease, its process has ended and its ledgers are executed.
    pub(super) fn disconnect(&mut self, client: Connection, end: Disconnect) {
        if self.leases.remove(&client) {
            self.recover(client.process);
        }
        if let Some(mark) = self.watched.remove(&client)
            && end == Disconnect::Lost
        {
            self.kill(mark);
        }
    }

    /// Whether a watched process still runs.
    pub(super) fn is_watching(&self) -> bool {
        !self.watched.is_empty()
    }

    /// Kills the watched processes and their descendants.
    pub(super) fn kill_watched(&mut self) {
        for mark in self.watched.values().cloned().collect::<Vec<_>>() {
            self.kill(mark);
        }
    }

    fn kill(&mut self, mark: Mark) {
        let task = self.running.spawn(boxed(async move {
            kill(mark).await;
            RecoveryResult::default()
        }));
        self.tasks.insert(task.id(), Task::Kill);
    }

    /// Executes the ledgers of a process that has ended or is about to end.
    pub(super) fn recover(&mut self, process: u32) {
        for ledger in self.folder.ledgers() {
            if is_of(&ledger, process) {
                self.execute(ledger);
            }
        }
    }

    /// Executes all ledgers whose processes have ended.
    pub(super) fn recover_processes(&mut self) {
        for ledger in self.folder.ledgers() {
            if ledger.owner().is_some() && !ledger.is_locked() {
                self.execute(ledger);
            }
        }
    }

    /// Executes the ledger of this server and of earlier servers. It is called after the teardown of the session fixtures.
    pub(super) fn recover_server(&mut self) {
        for ledger in self.folder.ledgers() {
            if ledger.owner().is_none() {
                self.execute(ledger);
            }
        }
    }

    /// Executes the ledgers of a process that has ended, and answers when all its resources are given back.
    pub(super) fn await_recovery(&mut self, process: u32, reply: oneshot::Sender<Reply>) {
        self.recover(process);
        self.waiting.push((process, reply));
        self.answer_waiting();
    }

    /// Waits for the next task to end. If the task executed a ledger, returns the process of the ledger and the result.
    pub(super) async fn next(&mut self) -> Option<(u32, RecoveryResult)> {
        let (id, recovered) = match self.running.join_next_with_id().await? {
            Ok((id, recovered)) => (id, recovered),
            Err(error) => {
                let problems = vec![format!("a ledger was not executed to its end: {error}")];
                (error.id(), RecoveryResult { problems, ..RecoveryResult::default() })
            }
        };
        let Some(Task::Execute(ledger)) = self.tasks.remove(&id) else { return None };
        let process = ledger.owner().map_or(0, |owner| owner.pid);
        if ledger.is_locked() {
            // The process still runs, so that its ledger must be executed later.
            self.polled.insert(ledger);
        } else if recovered.left > 0 {
            self.unfinished.insert(ledger, recovered.left);
        }
        self.answer_waiting();
        Some((process, RecoveryResult { left: 0, ..recovered }))
    }

    /// Whether any task is running.
    pub(super) fn is_any_running(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Whether a ledger of this process is being executed.
    pub(super) fn is_running(&self, process: u32) -> bool {
        self.tasks.values().any(|task| matches!(task, Task::Execute(ledger) if is_of(ledger, process)))
    }

    /// Whether there are ledgers that [`Self::poll`] must check.
    pub(super) fn has_polled(&self) -> bool {
        !self.polled.is_empty()
    }

    /// Executes the polled ledgers whose processes have ended.
    pub(super) fn poll(&mut self) {
        for ledger in self.polled.extract_if(|ledger| !ledger.is_locked()).collect::<Vec<_>>() {
            self.execute(ledger);
        }
    }

    /// The number of entries that the next run must try again.
    pub(super) fn unfinished(&self) -> usize {
        self.unfinished.values().sum()
    }

    fn execute(&mut self, ledger: LedgerFile) {
        let (executed, limit) = (ledger.clone(), self.limit);
        let is_unfinished = self.unfinished.contains_key(&ledger);
        let task = Task::Execute(ledger);
        if is_unfinished || self.tasks.values().any(|running| *running == task) {
            return;
        }
        let running = self.running.spawn(boxed(async move { recover_ledger(&executed, limit, None).await }));
        self.tasks.insert(running.id(), task);
    }

    fn answer_waiting(&mut self) {
        for (process, reply) in std::mem::take(&mut self.waiting) {
            if self.is_running(process) {
                self.waiting.push((process, reply));
            } else {
                let _ = reply.send(Reply::Granted);
            }
        }
    }
}

fn is_of(ledger: &LedgerFile, process: u32) -> bool {
    ledger.owner().is_some_and(|owner| owner.pid == process)
}
