//! Executing the ledgers of the dead, each in a process of its own: a teardown function that crashes or hangs stops no other.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::folder::SessionFolder;
use crate::inject::{TeardownEntry, install_panic_hook};
use crate::model::{HarnessError, LedgerLine, Limits, Outstanding, PATIENCE, ProcessIdentity, Recovered, read_ledger};
use crate::process::{
    Death, NEXTEST_MARK, OwnChild, Stopwatch, WORKER_MARK, WORKER_NAME, adopt_orphans, is_alive, is_any_marked,
    kill_all_children, kill_group, kill_marked, own_binary, own_identity,
};

/// What makes a process execute a ledger; the ledger, the recovery's name and the limit of a step follow.
pub(crate) const RECOVER_FLAG: &str = "--itest-recover";

/// What could not be given back so often is not tried again.
const MOST_TRIES: usize = 3;

/// What a recovering process says of one resource.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    number: u64,
    function: String,
    /// None: it was given back.
    problem: Option<String>,
}

/// Gives back everything that a session left whose server is dead, and removes the session unless the next run may do better.
pub(super) async fn recover_session(folder: &SessionFolder) -> Recovered {
    let mut recovered = Recovered::default();
    let (limit, binary) = match folder.config() {
        Ok(config) => (config.limits.teardown, Some(config.binary)),
        Err(_) => (PATIENCE, None),
    };
    end_workers(folder, limit).await;
    for ledger in folder.ledgers() {
        recovered.add(recover_ledger(&ledger, limit, binary.as_deref()).await);
    }
    if recovered.left == 0
        && let Err(error) = folder.remove()
    {
        recovered.problems.push(format!("cannot remove {}: {error}", folder.path().display()));
    }
    recovered
}

/// Ends what is left of a run whose supervisor is dead: workers that do not end by themselves, and what they started.
///
/// A worker that took nothing has no ledger that would name it, and nobody but this looks for what its tests left.
pub(super) async fn end_workers(folder: &SessionFolder, limit: Duration) {
    let name = folder.path().file_name().unwrap_or_default().to_string_lossy();
    let wait = async {
        while is_any_marked(WORKER_MARK, &name, WORKER_NAME) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let _ = tokio::time::timeout(limit + PATIENCE, wait).await;
    kill_marked(WORKER_MARK, &name);
}

/// Gives back what stands in one ledger and was not given back; its process must have ended.
///
/// `binary` is the one that wrote it, if it is not this one.
pub(super) async fn recover_ledger(ledger: &Path, limit: Duration, binary: Option<&Path>) -> Recovered {
    let mut recovered = Recovered::default();
    let Some(lock) = lock_of_the_dead(ledger).await else {
        // It lives, and gives back by itself. Until then it must stay in the ledger.
        recovered.left = retryable(ledger).len();
        return recovered;
    };
    let reading = read_ledger(&fs::read(ledger).unwrap_or_default());
    if !reading.closed {
        wait_for_owner(ledger).await;
        if let Some((name, value)) = &reading.mark {
            kill_marked(name, value);
        }
    }
    for line in &reading.damaged {
        recovered.problems.push(format!("{}: line {line} is damaged; what it names is lost", ledger.display()));
    }
    let own = own_identity();
    let recovery = format!("{}-{}", own.pid, own.start);
    let binary = binary.filter(|binary| binary.is_file()).map(Path::to_owned);
    loop {
        let left = untried(ledger, &recovery);
        if left.is_empty() {
            break;
        }
        let mut told = Vec::new();
        let end = match execute(ledger, &recovery, limit, binary.as_deref(), &mut told).await {
            Ok(end) => end,
            Err(error) => {
                recovered.problems.push(format!("{}: no process can be started: {error}", ledger.display()));
                break;
            }
        };
        for told in &told {
            match &told.problem {
                None => recovered.given_back += 1,
                Some(problem) => recovered.problems.push(format!("{}: {problem}", told.function)),
            }
        }
        // Whatever it began and said nothing about ended it.
        let now_left = untried(ledger, &recovery);
        let guilty = left.iter().find(|left| {
            let number = left.taken.number;
            !now_left.iter().any(|now| now.taken.number == number) && !told.iter().any(|told| told.number == number)
        });
        match guilty {
            Some(guilty) => recovered.problems.push(format!("{}: {}", guilty.taken.function, end.in_words(limit))),
            None if now_left.len() == left.len() => {
                recovered.problems.push(format!("{}: {}", ledger.display(), end.in_words(limit)));
                break;
            }
            None => {}
        }
    }
    recovered.left = retryable(ledger).len();
    drop(lock);
    recovered
}

/// What the next run will try once more.
fn retryable(ledger: &Path) -> Vec<Outstanding> {
    let mut left = read_ledger(&fs::read(ledger).unwrap_or_default()).outstanding;
    left.retain(|left| left.tried.len() < MOST_TRIES);
    left
}

/// What is left and was not tried in this recovery, nor too often before.
fn untried(ledger: &Path, recovery: &str) -> Vec<Outstanding> {
    let mut left = retryable(ledger);
    left.retain(|left| !left.tried.iter().any(|tried| tried == recovery));
    left
}

/// A process lets its ledger go a moment before it is gone. Until then it is not to be taken for one of its own children.
async fn wait_for_owner(ledger: &Path) {
    let name = ledger.file_name().unwrap_or_default().to_string_lossy();
    let mut numbers = name.rsplit('-');
    let (start, pid) = (numbers.next(), numbers.next());
    let (Some(Ok(start)), Some(Ok(pid))) = (start.map(str::parse), pid.map(str::parse)) else { return };
    let owner = ProcessIdentity { pid, start };
    let _ = tokio::time::timeout(PATIENCE, async {
        while is_alive(owner) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// The lock of a ledger whose process has ended; one that is ending is waited for.
async fn lock_of_the_dead(ledger: &Path) -> Option<File> {
    let file = OpenOptions::new().append(true).open(ledger).ok()?;
    let wait = async {
        while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.ok()?;
    Some(file)
}

/// How a recovering process ended.
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
}

async fn execute(
    ledger: &Path,
    recovery: &str,
    limit: Duration,
    binary: Option<&Path>,
    told: &mut Vec<Told>,
) -> io::Result<End> {
    let program = match binary {
        Some(binary) => binary.to_owned(),
        None => own_binary()?,
    };
    let mut command = Command::new(program);
    command
        .arg(RECOVER_FLAG)
        // It is nobody's child, and is not to be ended with those of whoever needs it.
        .env_remove(WORKER_MARK)
        .env_remove(NEXTEST_MARK)
        .arg(ledger)
        .args([recovery, &limit.as_millis().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0);
    // Until it has been waited for.
    let (mut child, _own) = OwnChild::spawn(&mut command)?;
    let Some(stdout) = child.stdout.take() else { return Err(io::ErrorKind::BrokenPipe.into()) };
    let mut lines = BufReader::new(stdout).lines();
    let patience = limit + Limits::GRACE + Limits::GRACE;
    loop {
        match tokio::time::timeout(patience, lines.next_line()).await {
            Ok(Ok(Some(line))) => told.extend(serde_json::from_str::<Told>(&line).ok()),
            Ok(_) => return end(child).await,
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

async fn end(mut child: Child) -> io::Result<End> {
    if let Ok(status) = tokio::time::timeout(PATIENCE, child.wait()).await {
        return Ok(End::By(status?));
    }
    child.kill().await?;
    Ok(End::Hung)
}

/// Runs this process as one that executes a ledger.
///
/// # Errors
///
/// When it was not started as one.
pub(crate) fn recover_as_child(arguments: &[std::ffi::OsString]) -> Result<(), HarnessError> {
    let work = || -> io::Result<()> {
        let [ledger, recovery, limit] = arguments else { return Err(io::ErrorKind::InvalidInput.into()) };
        let limit = limit.to_str().and_then(|limit| limit.parse().ok()).ok_or(io::ErrorKind::InvalidInput)?;
        let recovery = recovery.to_string_lossy().into_owned();
        // What teardown functions print is not for whoever reads the results.
        let results = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdout(io::stderr())?;
        install_panic_hook();
        adopt_orphans();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let result = runtime.block_on(give_back(&PathBuf::from(ledger), &recovery, limit, results));
        runtime.shutdown_background();
        kill_all_children();
        result
    };
    work().map_err(HarnessError::io("execute a ledger (this is done by the harness, not by hand)"))
}

/// Ends this process if a step blocks beyond its limit, also when nobody is left who would. The step's beginning is noted in what
/// is returned.
fn watch_steps(limit: Duration) -> io::Result<Arc<Stopwatch>> {
    let step = Arc::new(Stopwatch::idle());
    let watched = Arc::clone(&step);
    std::thread::Builder::new().name("itest-watch".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(Limits::GRACE);
            // Whoever started this process is given the first chance.
            if watched.elapsed() > limit + Limits::GRACE * 4 {
                kill_all_children();
                kill_group(std::process::id());
            }
        }
    })?;
    Ok(step)
}

async fn give_back(ledger: &Path, recovery: &str, limit_ms: u64, mut results: File) -> io::Result<()> {
    let limit = Duration::from_millis(limit_ms);
    let mut file = OpenOptions::new().append(true).open(ledger)?;
    let step = watch_steps(limit)?;
    for Outstanding { taken, tried: earlier } in untried(ledger, recovery) {
        step.begin();
        let tried = LedgerLine::Tried { number: taken.number, recovery: recovery.to_owned() };
        file.write_all(tried.encode()?.as_bytes())?;
        let problem = match TeardownEntry::find(&taken.function) {
            None => {
                Some("this binary has no `#[teardown]` function of that name; it was renamed or removed".to_owned())
            }
            Some(entry) => match tokio::time::timeout(limit, entry.give_back(&taken.arguments)).await {
                Ok(Ok(())) => None,
                Ok(Err(problem)) => Some(problem.message),
                Err(_) => Some(format!("still running after its limit of {limit:?}")),
            },
        };
        let problem = problem.map(|problem| match earlier.len() + 1 {
            MOST_TRIES => format!("{problem} (tried for the last time)"),
            _ => problem,
        });
        if problem.is_none() {
            file.write_all(LedgerLine::Given { number: taken.number }.encode()?.as_bytes())?;
        }
        let mut line = serde_json::to_vec(&Told { number: taken.number, function: taken.function, problem })?;
        line.push(b'\n');
        results.write_all(&line)?;
    }
    Ok(())
}
