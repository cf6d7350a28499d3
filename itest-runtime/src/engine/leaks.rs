//! What a test leaves behind, found out when it is over.

use std::os::fd::RawFd;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::model::{Isolation, Leaks};
use crate::process::{Channel, Leak, Residue, Surroundings};
use crate::session::{Footprint, SessionClient};

/// What ends by itself has so long for it: connections are closed, tasks notice that nobody needs them.
const SETTLING: [u64; 9] = [0, 1, 1, 2, 4, 8, 15, 30, 60];

/// And so much longer while a thread that is still there has something to do, as it may have on a busy machine before it ends.
const WHILE_BUSY: [u64; 5] = [120; 5];

/// Looks after each test.
#[derive(Debug)]
pub(super) struct LeakWatch {
    leaks: Leaks,
    isolation: Isolation,
    looked: Option<(Residue, Surroundings)>,
    tasks: usize,
    /// The current output pipes, which are other ones after a test that wrote.
    pipes: Vec<RawFd>,
    /// What the session takes in this process, as far as it has been accounted for.
    own: Footprint,
}

/// Whose a thing may be that was not there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suspects {
    /// Nobody's but the test's.
    Test,
    /// It may be that of a worker fixture which the test used, such as a connection in a pool: only processes and threads are
    /// held against the test.
    TestAndWorker,
    /// A worker fixture was made meanwhile: anything may be its own.
    Worker,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In words.
    pub(super) told: Vec<String>,
    /// Whether the next test needs another process.
    pub(super) spoils: bool,
}

impl LeakWatch {
    pub(super) fn new(leaks: Leaks, isolation: Isolation) -> Self {
        let looked = (leaks != Leaks::Ignore).then(|| (Residue::look(), Surroundings::look()));
        Self { leaks, isolation, looked, tasks: 0, pipes: Vec::new(), own: Footprint::default() }
    }

    /// A test begins.
    pub(super) fn begin(&mut self, channel: &Channel) {
        self.tasks = alive_tasks();
        let pipes = channel.pipes();
        if let Some((residue, _)) = &mut self.looked
            && pipes != self.pipes
        {
            residue.look_at_files_again();
            self.pipes = pipes;
        }
    }

    /// A test is over after so long, and has given back what it gives back.
    pub(super) async fn look(&mut self, elapsed: Duration, suspects: Suspects, client: &SessionClient) -> Found {
        let Some((residue, surroundings)) = &mut self.looked else { return Found::default() };
        let own = client.footprint();
        if own != self.own {
            residue.know(own.server, own.descriptors.len().saturating_sub(self.own.descriptors.len()) as u64);
            self.own = own;
        }
        let mut found = changes(surroundings, self.isolation);
        if suspects == Suspects::TestAndWorker {
            residue.allow_files();
        }
        // What runs and is not the test's may be a fixture's, as a file may be.
        let new_tasks = || if suspects == Suspects::Test { alive_tasks().saturating_sub(self.tasks) } else { 0 };
        if residue.is_unchanged(elapsed) && new_tasks() == 0 {
            return found;
        }
        if suspects == Suspects::Worker {
            residue.look_again();
            return found;
        }
        let mut left = Vec::new();
        for (turn, wait) in SETTLING.into_iter().chain(WHILE_BUSY).enumerate() {
            if turn >= SETTLING.len() && !residue.has_busy_threads() {
                break;
            }
            if wait > 0 {
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            let tasks = new_tasks();
            if residue.is_unchanged(elapsed) && tasks == 0 {
                return found;
            }
            left = in_words(&residue.processes_and_threads());
            if suspects == Suspects::Test {
                left.extend(in_words(&residue.open_files(&self.own.descriptors)));
            }
            if tasks > 0 {
                left.push(if tasks == 1 { "a running task".to_owned() } else { format!("{tasks} running tasks") });
            }
            // Threads of the runtime, files of the harness: more than before, and nobody's fault.
            if left.is_empty() {
                break;
            }
        }
        residue.look_again();
        found.spoils |= !left.is_empty();
        found.told.extend(left);
        found
    }

    /// The worker is about to leave, and its own fixtures are given back: what is still there belongs to nobody.
    pub(super) fn end(&mut self, client: &SessionClient) {
        if let Some((residue, _)) = &mut self.looked {
            residue.know(client.footprint().server, 0);
            residue.kill_children();
        }
    }

    /// What becomes of a test that left something.
    pub(super) fn policy(&self) -> Leaks {
        self.leaks
    }
}

/// What the test changed around itself. A worker process is replaced by one in which nothing is changed.
fn changes(surroundings: &Surroundings, isolation: Isolation) -> Found {
    let mut told: Vec<String> = Vec::new();
    let variables = surroundings.changed_variables();
    told.extend(variables.iter().map(|name| format!("a change of the environment variable {name}")));
    if let Some(directory) = surroundings.changed_directory() {
        told.push(format!("another working directory, {directory}"));
        if isolation == Isolation::InProcess {
            // If it is gone, the next test is told so by whatever it does there.
            let _ = surroundings.restore_directory();
        }
    }
    Found { spoils: !told.is_empty(), told }
}

fn in_words(leaks: &[Leak]) -> Vec<String> {
    leaks.iter().map(Leak::in_words).collect()
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}
