//! What the session's server does for processes of the run that have ended: it executes their ledgers, and ends what they have
//! started.

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
use crate::model::{Mark, RecoveryResult};

/// What is done for processes that have ended, and what for those that live.
#[derive(Debug)]
pub(super) struct Recoveries {
    folder: SessionFolder,
    limit: Duration,
    /// Connections of processes that keep a ledger.
    leases: HashSet<Connection>,
    /// Ledgers of processes whose end no connection tells: they were opened under an earlier server.
    polled: HashSet<LedgerFile>,
    /// Processes whose end ends what they have started, by the mark of all that.
    watched: HashMap<Connection, Mark>,
    running: JoinSet<RecoveryResult>,
    /// What is running.
    tasks: HashMap<Id, Task>,
    /// Ledgers that were executed, and how many entries the next run has to try again.
    left: HashMap<LedgerFile, usize>,
    /// Clients that wait until everything is given back that a process took.
    waiting: Vec<(u32, oneshot::Sender<Reply>)>,
}

/// What is done for a process that has ended.
#[derive(Debug, PartialEq, Eq)]
enum Task {
    /// Its ledger is executed.
    Execute(LedgerFile),
    /// What it started is ended.
    Kill,
}

impl Recoveries {
    /// Begins with what an earlier server of the session has left.
    pub(super) fn start(folder: &SessionFolder, limit: Duration) -> Self {
        let mut recoveries = Self {
            folder: folder.clone(),
            limit,
            leases: HashSet::new(),
            polled: folder.ledgers().into_iter().filter(|ledger| ledger.owner().is_some()).collect(),
            watched: HashMap::new(),
            running: JoinSet::new(),
            tasks: HashMap::new(),
            left: HashMap::new(),
            waiting: Vec::new(),
        };
        recoveries.poll();
        recoveries
    }

    /// The folder has another name from now on.
    pub(super) fn follow(&mut self, folder: &SessionFolder) {
        self.folder = folder.clone();
    }

    /// A process keeps a ledger for as long as this connection lasts.
    pub(super) fn lease(&mut self, client: Connection) {
        self.leases.insert(client);
        self.polled.retain(|ledger| !is_of(ledger, client.process));
    }

    /// What a process starts has this mark, and ends when this connection is lost.
    pub(super) fn watch(&mut self, client: Connection, mark: Mark) {
        self.watched.insert(client, mark);
    }

    /// A connection has ended. If its process kept a ledger, the process has ended, too.
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

    /// Whether any process lives whose end ends what it has started.
    pub(super) fn is_watching(&self) -> bool {
        !self.watched.is_empty()
    }

    /// Ends the processes that are watched, and what they started.
    pub(super) fn kill_watched(&mut self) {
        for mark in self.watched.values().cloned().collect::<Vec<_>>() {
            self.kill(mark);
        }
    }

    fn kill(&mut self, mark: Mark) {
        let task = self.running.spawn(async move {
            kill(mark).await;
            RecoveryResult::default()
        });
        self.tasks.insert(task.id(), Task::Kill);
    }

    /// Executes the ledgers of a process that has ended or is about to.
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
            if ledger.owner().is_some() && !ledger.is_held() {
                self.execute(ledger);
            }
        }
    }

    /// Executes the ledger of this server, and of earlier ones, when the values of its fixtures are given back.
    pub(super) fn recover_server(&mut self) {
        for ledger in self.folder.ledgers() {
            if ledger.owner().is_none() {
                self.execute(ledger);
            }
        }
    }

    /// Answers when everything is given back that a process took which has ended.
    pub(super) fn settle(&mut self, process: u32, reply: oneshot::Sender<Reply>) {
        self.recover(process);
        self.waiting.push((process, reply));
        self.answer_waiting();
    }

    /// The next process whose ledger was executed, and what came of it. `None`: none was.
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
        if ledger.is_held() {
            // Its process lives after all.
            self.polled.insert(ledger);
        } else if recovered.left > 0 {
            self.left.insert(ledger, recovered.left);
        }
        self.answer_waiting();
        Some((process, RecoveryResult { left: 0, ..recovered }))
    }

    /// Whether anything is done for processes that have ended.
    pub(super) fn are_running(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Whether a ledger of this process is being executed.
    pub(super) fn is_running(&self, process: u32) -> bool {
        self.tasks.values().any(|task| matches!(task, Task::Execute(ledger) if is_of(ledger, process)))
    }

    /// Whether [`Self::poll`] has anything to look at.
    pub(super) fn has_polled(&self) -> bool {
        !self.polled.is_empty()
    }

    /// Executes the ledgers of processes that have ended meanwhile, without a connection that would tell.
    pub(super) fn poll(&mut self) {
        for ledger in self.polled.extract_if(|ledger| !ledger.is_held()).collect::<Vec<_>>() {
            self.execute(ledger);
        }
    }

    /// How many entries the next run has to try again.
    pub(super) fn left(&self) -> usize {
        self.left.values().sum()
    }

    fn execute(&mut self, ledger: LedgerFile) {
        let (executed, limit) = (ledger.clone(), self.limit);
        let is_known = self.left.contains_key(&ledger);
        let task = Task::Execute(ledger);
        if is_known || self.tasks.values().any(|running| *running == task) {
            return;
        }
        let running = self.running.spawn(async move { recover_ledger(&executed, limit, None).await });
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
