//! Starting workers: the same binary again, or a thread of this process.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::death::kill_group;
use super::link::{FromWorker, Link};
use super::mark::kill_marked;
use super::output::pipes;
use super::wire::{Start, send};
use crate::model::{Capture, WorkerId};

/// What the names of worker processes begin with.
pub(crate) const WORKER_NAME: &str = "itest-worker-";

/// How long a worker may take from its last word to its end.
const LEAVING: Duration = Duration::from_secs(5);

/// How long a crash may take from the closing of its sockets to its end.
const DYING: Duration = Duration::from_secs(1);

/// A worker that was just started.
#[derive(Debug)]
pub(crate) struct Spawned {
    /// The connection to it.
    pub link: Link,
    /// The process; `None` for a thread.
    pub child: Option<Child>,
}

/// Starts this very binary as a worker, in a process group of its own.
///
/// The group keeps the terminal's Ctrl-C away from workers: the supervisor decides what it means for them.
///
/// # Errors
///
/// When the system has no processes, pipes or sockets left.
pub(crate) fn spawn_process(
    flag: &str,
    start: &Start,
    heard: mpsc::UnboundedSender<(WorkerId, FromWorker)>,
) -> io::Result<Spawned> {
    let (control, workers_control) = UnixStream::pair()?;
    let mut command = Command::new(own_binary()?);
    command
        .arg0(format!("{WORKER_NAME}{}", start.worker.0))
        .arg(flag)
        .envs(start.config.mark.clone())
        .envs(start.config.environment.clone())
        .stdin(Stdio::from(OwnedFd::from(workers_control)))
        .process_group(0);
    let output = match start.config.capture {
        Capture::Inherited => None,
        Capture::Captured => {
            let (readers, writers) = pipes()?;
            command.stdout(Stdio::from(writers.stdout)).stderr(Stdio::from(writers.stderr));
            Some(readers)
        }
    };
    let child = command.spawn()?;
    // The command holds the worker's ends; as long as they are open here, nobody sees the worker's end of life.
    drop(command);
    let (dispatch, unclaimed) = UnixStream::pair()?;
    let mut descriptors = vec![unclaimed.as_fd()];
    descriptors.extend(output.iter().flat_map(|pair| [pair.stdout.as_fd(), pair.stderr.as_fd()]));
    send(&control, start, &descriptors)?;
    let link = Link::start(start.worker, control, dispatch, unclaimed, output, heard)?;
    Ok(Spawned { link, child: Some(child) })
}

/// Runs `work` on a thread of this process, with the worker's end of the control socket.
///
/// # Errors
///
/// When the system has no threads or sockets left.
pub(crate) fn spawn_thread(
    start: &Start,
    heard: mpsc::UnboundedSender<(WorkerId, FromWorker)>,
    work: impl FnOnce(UnixStream) + Send + 'static,
) -> io::Result<Spawned> {
    let (control, workers_control) = UnixStream::pair()?;
    let (dispatch, unclaimed) = UnixStream::pair()?;
    send(&control, start, &[unclaimed.as_fd()])?;
    std::thread::Builder::new().name("itest-worker".to_owned()).spawn(move || work(workers_control))?;
    let link = Link::start(start.worker, control, dispatch, unclaimed, None, heard)?;
    Ok(Spawned { link, child: None })
}

/// The binary that runs, even if it was deleted or replaced in the meantime.
pub(crate) fn own_binary() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    std::env::current_exe()
}

/// The end of a worker process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reaped {
    /// What `wait` returned.
    pub(crate) status: ExitStatus,
    /// It did not end by itself.
    pub(crate) by_force: bool,
}

/// Waits for the end of a worker that will not be heard of again, and ends whatever it left in its process group, and what bears
/// its mark wherever it went.
///
/// One that said farewell has time to leave by itself: it may have coverage data to write. Another one is dying, or has lost
/// its connection.
///
/// # Errors
///
/// When waiting fails.
pub(crate) async fn reap(mut child: Child, said_farewell: bool, mark: Option<(String, String)>) -> io::Result<Reaped> {
    let Some(leader) = child.id() else { return Ok(Reaped { status: child.wait().await?, by_force: false }) };
    let patience = if said_farewell { LEAVING } else { DYING };
    let by_force = tokio::time::timeout(patience, has_ended(leader)).await.is_err();
    // Before it is waited for: until then its number cannot belong to anyone else.
    kill_group(leader);
    let status = child.wait().await?;
    if let Some((name, value)) = mark {
        // Looking at every process of the system takes a while.
        let _ = tokio::task::spawn_blocking(move || kill_marked(&name, &value)).await;
    }
    Ok(Reaped { status, by_force })
}

/// Whether a child has ended; it stays to be waited for.
#[must_use]
pub(crate) fn is_ended(child: u32) -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let child = i32::try_from(child).ok().and_then(Pid::from_raw);
    child.is_some_and(|child| matches!(waitid(WaitId::Pid(child), look), Ok(Some(_))))
}

/// Until a child has ended; it stays to be waited for.
async fn has_ended(child: u32) -> io::Result<()> {
    let child = i32::try_from(child).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    let mut children = signal(SignalKind::child())?;
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while waitid(WaitId::Pid(child), look)?.is_none() {
        children.recv().await;
    }
    Ok(())
}

/// How many workers the limit of open files allows.
#[must_use]
pub(crate) fn affordable_workers() -> NonZeroUsize {
    // Two sockets and their other ends, a beacon, a pair of pipes and the next pair, the process itself.
    const EACH: u64 = 10;
    const OTHERS: u64 = 20;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let affordable = limit.saturating_sub(OTHERS) / EACH;
    NonZeroUsize::new(usize::try_from(affordable).unwrap_or(usize::MAX)).unwrap_or(NonZeroUsize::MIN)
}
