//! Recovery: gives back the resources in the ledgers of processes that have ended. A separate process executes each ledger, so
//! that a teardown function that crashes or hangs does not stop the others.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::folder::SessionFolder;
use super::kill::kill;
use super::ledger::LedgerFile;
use super::watched::end_watched;
use crate::model::{
    LedgerContents, LedgerLine, Limits, Mark, OutstandingEntry, RESPONSE_TIMEOUT, RecoveryResult, read_ledger,
};
use crate::process::{
    NEXTEST_MARK, OwnChild, SESSION_MARK, UnexpectedExit, WORKER_MARK, WORKER_NAME, continue_if_stopped, identify,
    is_alive, is_any_marked, kill_group, own_binary, own_identity,
};

/// The argument that makes a process execute a ledger. The path of the ledger, the name of the recovery, and the time limit of
/// a step in milliseconds follow.
pub(crate) const RECOVER_FLAG: &str = "--itest-recover";

/// The most tries to give a resource back.
pub(super) const MAX_TRIES: usize = 3;

/// The number of times that a recovery process may be killed at the same entry before that counts as a try.
const MAX_INTERRUPTIONS: usize = 3;

/// How often a recovery process that reports nothing is checked for a signal that has stopped it.
const STOP_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The pause between two checks of a process that is about to end.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The report of a recovery process about one resource.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StepReport {
    pub(super) number: u64,
    pub(super) function: String,
    /// The error. `None` if the resource was given back.
    pub(super) problem: Option<String>,
}

/// Gives back all resources of a session with a dead server, and removes the session, unless entries must be tried again.
pub(super) async fn recover_session(folder: &SessionFolder) -> RecoveryResult {
    let mut recovered = RecoveryResult::default();
    let (limit, binary) = match folder.config() {
        Ok(config) => (config.limits.teardown, Some(config.binary)),
        Err(_) => (RESPONSE_TIMEOUT, None),
    };
    end_workers(folder, limit).await;
    end_watched(folder, limit).await;
    end_processes_of_servers(folder).await;
    let mut is_any_locked = false;
    for ledger in folder.ledgers() {
        recovered.add(recover_ledger(&ledger, limit, binary.as_deref()).await);
        is_any_locked |= ledger.is_locked();
    }
    if recovered.left == 0
        && !is_any_locked
        && let Err(error) = folder.remove()
        && error.kind() != io::ErrorKind::DirectoryNotEmpty
    {
        recovered.problems.push(format!("cannot remove {}: {error}", folder.path().display()));
    }
    recovered
}

/// Ends the workers of a run with a dead supervisor, and kills their descendants. The workers get a time limit to end by
/// themselves.
///
/// A worker that took no resource has no ledger, so that only its mark identifies the processes that its tests left.
pub(super) async fn end_workers(folder: &SessionFolder, limit: Duration) {
    let mark = Mark::new(WORKER_MARK, folder.name());
    let wait = async {
        while is_any_marked(&mark, WORKER_NAME) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let _ = tokio::time::timeout(limit + RESPONSE_TIMEOUT, wait).await;
    kill(mark).await;
}

/// Kills the processes that session fixtures started in a server that was killed.
pub(super) async fn end_processes_of_servers(folder: &SessionFolder) {
    kill(Mark::new(SESSION_MARK, folder.mark_of_fixtures())).await;
}

/// Kills the process that writes a ledger, and its descendants.
pub(super) async fn kill_owner(ledger: &LedgerFile) {
    if let Some(mark) = read(ledger).mark {
        kill(mark).await;
    }
    if let Some(owner) = ledger.owner().filter(|owner| is_alive(*owner)) {
        crate::process::signal_process(owner, Signal::KILL);
    }
}

/// Executes a ledger: gives back its remaining resources, and removes the ledger unless entries must be tried again. If the process
/// of the ledger still runs, nothing is done.
///
/// `binary` is the test binary that wrote the ledger. `None` means the binary of this process.
pub(super) async fn recover_ledger(ledger: &LedgerFile, limit: Duration, binary: Option<&Path>) -> RecoveryResult {
    let mut recovered = RecoveryResult::default();
    let Some(lock) = lock_of_ended_process(ledger).await else {
        // Either the process still runs and gives its resources back itself, or another process has removed the ledger.
        recovered.left = retryable(ledger).len();
        return recovered;
    };
    let reading = read(ledger);
    if !reading.closed {
        wait_for_owner(ledger).await;
        if let Some(mark) = reading.mark {
            kill(mark).await;
        }
    }
    let path = ledger.path().display();
    for line in &reading.damaged {
        recovered.problems.push(format!("{path}: line {line} is damaged, so its resource cannot be given back"));
    }
    LedgerExecution { ledger, lock: &lock, limit, binary }.run(&mut recovered).await;
    recovered.left = retryable(ledger).len();
    if recovered.left == 0
        && let Err(error) = fs::remove_file(ledger.path())
        && error.kind() != io::ErrorKind::NotFound
    {
        recovered.problems.push(format!("cannot remove {path}: {error}"));
    }
    drop(lock);
    recovered
}

fn read(ledger: &LedgerFile) -> LedgerContents {
    read_ledger(&fs::read(ledger.path()).unwrap_or_default())
}

/// The resources of a ledger that are not given back and were tried fewer than [`MAX_TRIES`] times.
fn retryable(ledger: &LedgerFile) -> Vec<OutstandingEntry> {
    let mut resources = read(ledger).outstanding;
    resources.retain(|resource| resource.tried.len() < MAX_TRIES);
    resources
}

/// The retryable resources of a ledger that were not tried in this recovery.
pub(super) fn untried(ledger: &LedgerFile, recovery: &str) -> Vec<OutstandingEntry> {
    let mut resources = retryable(ledger);
    resources.retain(|resource| !resource.tried.iter().any(|tried| tried == recovery));
    resources
}

/// Waits until the process of a ledger is gone. The process unlocks its ledger a moment before it ends, and it has the same mark as
/// its descendants, which are killed next.
async fn wait_for_owner(ledger: &LedgerFile) {
    let Some(owner) = ledger.owner() else { return };
    let _ = tokio::time::timeout(RESPONSE_TIMEOUT, async {
        while is_alive(owner) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    })
    .await;
}

/// Takes the lock of a ledger, and waits for a moment if its process is just ending. `None` if the process still runs, or if the
/// ledger does not exist.
async fn lock_of_ended_process(ledger: &LedgerFile) -> Option<File> {
    let wait = async {
        loop {
            match ledger.lock() {
                Ok(None) => tokio::time::sleep(POLL_INTERVAL).await,
                Ok(lock) => return lock,
                Err(_) => return None,
            }
        }
    };
    tokio::time::timeout(RESPONSE_TIMEOUT, wait).await.ok()?
}

/// How a recovery process ended.
enum End {
    /// The process ended with this status.
    Exited(ExitStatus),
    /// The process was killed because it exceeded its time limit.
    TimedOut,
}

impl End {
    fn in_words(&self, limit: Duration) -> String {
        match self {
            Self::Exited(status) => UnexpectedExit::new(*status).to_string(),
            Self::TimedOut => format!("it did not end within {limit:?}, and its process was killed"),
        }
    }

    /// Whether another process has ended the process with a signal, and not the teardown function that it was calling.
    fn is_interruption(&self) -> bool {
        const FROM_OUTSIDE: [Signal; 5] = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];
        let Self::Exited(status) = self else { return false };
        FROM_OUTSIDE.iter().any(|signal| status.signal() == Some(signal.as_raw()))
    }
}

/// The execution of one ledger. This process holds the ledger's lock.
struct LedgerExecution<'l> {
    ledger: &'l LedgerFile,
    lock: &'l File,
    limit: Duration,
    binary: Option<&'l Path>,
}

impl LedgerExecution<'_> {
    /// Starts recovery processes until every resource was given back or tried.
    async fn run(self, recovered: &mut RecoveryResult) {
        let own = own_identity();
        let recovery = format!("{}-{}", own.pid, own.start);
        let path = self.ledger.path().display();
        let mut interruptions: HashMap<u64, usize> = HashMap::new();
        loop {
            let before = untried(self.ledger, &recovery);
            if before.is_empty() {
                break;
            }
            let mut reports = Vec::new();
            let end = match self.run_process(&recovery, &mut reports).await {
                Ok(end) => end,
                Err(error) => {
                    recovered.problems.push(format!("{path}: no process can be started: {error}"));
                    break;
                }
            };
            for report in &reports {
                match &report.problem {
                    None => recovered.given_back += 1,
                    Some(problem) => recovered.problems.push(format!("{}: {problem}", report.function)),
                }
            }
            let after = untried(self.ledger, &recovery);
            // If the process began a step and did not report it, the process ended during that step.
            let unreported = before.iter().map(|before| &before.taken).find(|taken| {
                !after.iter().any(|after| after.taken.number == taken.number)
                    && !reports.iter().any(|report| report.number == taken.number)
            });
            match unreported {
                Some(taken) => {
                    let interrupted = interruptions.entry(taken.number).or_default();
                    *interrupted += 1;
                    let counts = !end.is_interruption() || *interrupted == MAX_INTERRUPTIONS;
                    if counts || self.forget_try(taken.number, &recovery).is_err() {
                        recovered.problems.push(format!("{}: {}", taken.function, end.in_words(self.limit)));
                    }
                }
                None if after.len() == before.len() && !end.is_interruption() => {
                    recovered.problems.push(format!("{path}: {}", end.in_words(self.limit)));
                    break;
                }
                None => {}
            }
        }
    }

    /// Writes to the ledger that a try does not count, because a signal from another process has interrupted it.
    fn forget_try(&self, number: u64, recovery: &str) -> io::Result<()> {
        let line = LedgerLine::Interrupted { number, recovery: recovery.to_owned() };
        let mut file = self.lock;
        file.write_all(line.encode()?.as_bytes())
    }

    /// Starts a recovery process and waits until it ends. Its reports are added to `reports`.
    async fn run_process(&self, recovery: &str, reports: &mut Vec<StepReport>) -> io::Result<End> {
        let program = match self.binary.filter(|binary| binary.is_file()) {
            Some(binary) => binary.to_owned(),
            None => own_binary()?,
        };
        let mut command = Command::new(program);
        command
            .arg(RECOVER_FLAG)
            // The recovery process must not have the marks of this process. Otherwise it could be killed together with the
            // descendants of this process.
            .env_remove(WORKER_MARK)
            .env_remove(SESSION_MARK)
            .env_remove(NEXTEST_MARK)
            .arg(self.ledger.path())
            .args([recovery, &self.limit.as_millis().to_string()])
            // The recovery process inherits the lock. If this process is killed, no other process can execute the ledger at the
            // same time.
            .stdin(Stdio::from(self.lock.try_clone()?))
            .stdout(Stdio::piped())
            .process_group(0);
        // The guard lives until the child was waited for, so that no leak check reports the child.
        let (mut child, _own) = OwnChild::spawn(&mut command)?;
        let Some(stdout) = child.stdout.take() else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let mut lines = BufReader::new(stdout).lines();
        let timeout = self.limit + Limits::GRACE + Limits::GRACE;
        let mut last_line = Instant::now();
        let mut interruptions = 0;
        loop {
            match tokio::time::timeout(STOP_CHECK_INTERVAL.min(timeout), lines.next_line()).await {
                Ok(Ok(Some(line))) => {
                    reports.extend(serde_json::from_str::<StepReport>(&line).ok());
                    last_line = Instant::now();
                }
                Ok(_) => return wait_for_child(child).await,
                // A signal had stopped the process, so that its time limit starts again.
                Err(_) if interruptions < MAX_INTERRUPTIONS && continue_child(&child) => {
                    interruptions += 1;
                    last_line = Instant::now();
                }
                Err(_) if last_line.elapsed() < timeout => {}
                Err(_) => {
                    if let Some(leader) = child.id() {
                        kill_group(leader);
                    }
                    child.wait().await?;
                    return Ok(End::TimedOut);
                }
            }
        }
    }
}

/// Continues a child if a signal has stopped it. Returns whether it was stopped.
fn continue_child(child: &Child) -> bool {
    child.id().and_then(identify).is_some_and(continue_if_stopped)
}

async fn wait_for_child(mut child: Child) -> io::Result<End> {
    if let Ok(status) = tokio::time::timeout(RESPONSE_TIMEOUT, child.wait()).await {
        return Ok(End::Exited(status?));
    }
    child.kill().await?;
    Ok(End::TimedOut)
}
