//! Giving back what stands in the ledgers of processes that have ended. Each ledger is executed by a process of its own: a teardown
//! function that crashes or hangs stops no other.

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
    Death, NEXTEST_MARK, OwnChild, SESSION_MARK, WORKER_MARK, WORKER_NAME, continue_if_stopped, identify, is_alive,
    is_any_marked, kill_group, own_binary, own_identity,
};

/// What makes a process execute a ledger; the ledger, the recovery's name and the limit of a step follow.
pub(crate) const RECOVER_FLAG: &str = "--itest-recover";

/// What could not be given back so often is not tried again.
pub(super) const MAX_TRIES: usize = 3;

/// So often a process that gives back may be killed at the same entry before that counts as a try.
const MAX_INTERRUPTIONS: usize = 3;

/// A process that has said nothing for so long may have been stopped.
const STOP_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The pause between two looks at a process that is about to end.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// What a process that gives back reports of one resource.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StepReport {
    pub(super) number: u64,
    pub(super) function: String,
    /// `None`: it was given back.
    pub(super) problem: Option<String>,
}

/// Gives back everything that a session left whose server is dead, and removes the session unless something is left to do.
pub(super) async fn recover_session(folder: &SessionFolder) -> RecoveryResult {
    let mut recovered = RecoveryResult::default();
    let (limit, binary) = match folder.config() {
        Ok(config) => (config.limits.teardown, Some(config.binary)),
        Err(_) => (RESPONSE_TIMEOUT, None),
    };
    end_workers(folder, limit).await;
    end_watched(folder, limit).await;
    end_processes_of_servers(folder).await;
    let mut living = false;
    for ledger in folder.ledgers() {
        recovered.add(recover_ledger(&ledger, limit, binary.as_deref()).await);
        living |= ledger.is_held();
    }
    if recovered.left == 0
        && !living
        && let Err(error) = folder.remove()
        && error.kind() != io::ErrorKind::DirectoryNotEmpty
    {
        recovered.problems.push(format!("cannot remove {}: {error}", folder.path().display()));
    }
    recovered
}

/// Ends what is left of a run whose supervisor is dead: workers that do not end by themselves, and what they started.
///
/// A worker that took nothing has no ledger that would name it, so only this finds what its tests left.
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

/// Ends what session fixtures started in a server that was killed.
pub(super) async fn end_processes_of_servers(folder: &SessionFolder) {
    kill(Mark::new(SESSION_MARK, folder.name())).await;
}

/// Kills the process that keeps a ledger, and everything that it started.
pub(super) async fn kill_owner(ledger: &LedgerFile) {
    if let Some(mark) = read(ledger).mark {
        kill(mark).await;
    }
    if let Some(owner) = ledger.owner().filter(|owner| is_alive(*owner)) {
        crate::process::signal_process(owner, Signal::KILL);
    }
}

/// Gives back what stands in one ledger and was not given back, and removes it when nothing is left to do. Its process must have
/// ended: where it lives, nothing is done.
///
/// `binary` is the one that wrote it, if it is not this one.
pub(super) async fn recover_ledger(ledger: &LedgerFile, limit: Duration, binary: Option<&Path>) -> RecoveryResult {
    let mut recovered = RecoveryResult::default();
    let Some(lock) = lock_of_ended_process(ledger).await else {
        // It lives, and gives back by itself. Until then it must stay in the ledger. Or another process has removed the ledger.
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
        recovered.problems.push(format!("{path}: line {line} is damaged; what it names is lost"));
    }
    Execution { ledger, lock: &lock, limit, binary }.run(&mut recovered).await;
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

/// What the next run will try once more.
fn retryable(ledger: &LedgerFile) -> Vec<OutstandingEntry> {
    let mut left = read(ledger).outstanding;
    left.retain(|left| left.tried.len() < MAX_TRIES);
    left
}

/// What is left and was not tried in this recovery, nor too often before.
pub(super) fn untried(ledger: &LedgerFile, recovery: &str) -> Vec<OutstandingEntry> {
    let mut left = retryable(ledger);
    left.retain(|left| !left.tried.iter().any(|tried| tried == recovery));
    left
}

/// A process lets its ledger go a moment before it is gone. Until then it is not to be taken for one of its own children.
async fn wait_for_owner(ledger: &LedgerFile) {
    let Some(owner) = ledger.owner() else { return };
    let _ = tokio::time::timeout(RESPONSE_TIMEOUT, async {
        while is_alive(owner) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    })
    .await;
}

/// The lock of a ledger whose process has ended; one that is ending is waited for. `None`: it lives, or the ledger is gone.
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

/// How a process that gives back ended.
enum End {
    By(ExitStatus),
    Hung,
}

impl End {
    fn in_words(&self, limit: Duration) -> String {
        match self {
            Self::By(status) => Death::new(*status).to_string(),
            Self::Hung => format!("it did not end within {limit:?}, and its process was killed"),
        }
    }

    /// Whether another process ended it, and not the teardown function that it was calling.
    fn is_interruption(&self) -> bool {
        const FROM_OUTSIDE: [Signal; 5] = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];
        let Self::By(status) = self else { return false };
        FROM_OUTSIDE.iter().any(|signal| status.signal() == Some(signal.as_raw()))
    }
}

/// The execution of one ledger, whose lock is held.
struct Execution<'l> {
    ledger: &'l LedgerFile,
    lock: &'l File,
    limit: Duration,
    binary: Option<&'l Path>,
}

impl Execution<'_> {
    /// Starts processes that give back, until nothing is left that was not tried.
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
            let end = match self.start(&recovery, &mut reports).await {
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
            // The process ended in the middle of the step that it has begun and not reported.
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

    /// A try that a signal from outside has interrupted does not count.
    fn forget_try(&self, number: u64, recovery: &str) -> io::Result<()> {
        let line = LedgerLine::Interrupted { number, recovery: recovery.to_owned() };
        let mut file = self.lock;
        file.write_all(line.encode()?.as_bytes())
    }

    /// Starts a process that gives back, and waits for its end; what it reports is added.
    async fn start(&self, recovery: &str, reports: &mut Vec<StepReport>) -> io::Result<End> {
        let program = match self.binary.filter(|binary| binary.is_file()) {
            Some(binary) => binary.to_owned(),
            None => own_binary()?,
        };
        let mut command = Command::new(program);
        command
            .arg(RECOVER_FLAG)
            // It does not belong to the process that starts it, and must not be ended with what that one has started.
            .env_remove(WORKER_MARK)
            .env_remove(SESSION_MARK)
            .env_remove(NEXTEST_MARK)
            .arg(self.ledger.path())
            .args([recovery, &self.limit.as_millis().to_string()])
            // With the lock: where this process is killed, no other one executes the ledger at the same time.
            .stdin(Stdio::from(self.lock.try_clone()?))
            .stdout(Stdio::piped())
            .process_group(0);
        // Until it has been waited for.
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
                Ok(_) => return end(child).await,
                // It was stopped by a signal, and had no time to do anything.
                Err(_) if interruptions < MAX_INTERRUPTIONS && is_continued(&child) => {
                    interruptions += 1;
                    last_line = Instant::now();
                }
                Err(_) if last_line.elapsed() < timeout => {}
                Err(_) => {
                    if let Some(leader) = child.id() {
                        kill_group(leader);
                    }
                    child.wait().await?;
                    return Ok(End::Hung);
                }
            }
        }
    }
}

fn is_continued(child: &Child) -> bool {
    child.id().and_then(identify).is_some_and(continue_if_stopped)
}

async fn end(mut child: Child) -> io::Result<End> {
    if let Ok(status) = tokio::time::timeout(RESPONSE_TIMEOUT, child.wait()).await {
        return Ok(End::By(status?));
    }
    child.kill().await?;
    Ok(End::Hung)
}
