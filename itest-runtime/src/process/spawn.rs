//! Starting workers: the same binary again, or a thread of this process.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::link::{FromWorker, Link};
use super::mark::kill_marked;
use super::output::pipes;
use super::unexpected_exit::kill_group;
use super::wire::{Start, send};
use crate::model::{Capture, Mark, WorkerId};

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
    messages: mpsc::UnboundedSender<(WorkerId, FromWorker)>,
) -> io::Result<Spawned> {
    let (control, workers_control) = UnixStream::pair()?;
    let program = own_binary()?;
    let mut command = Command::new(&program);
    command
        .arg0(format!("{WORKER_NAME}{}", start.worker.0))
        .arg(flag)
        .envs(start.config.mark.as_ref().map(|mark| (&mark.name, &mark.value)))
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
    let child = command.spawn().map_err(|error| cannot_start(&program, &error))?;
    // The command holds the worker's ends; as long as they are open here, nobody sees the worker's end of life.
    drop(command);
    let (dispatch, unclaimed) = UnixStream::pair()?;
    let mut descriptors = vec![unclaimed.as_fd()];
    descriptors.extend(output.iter().flat_map(|pair| [pair.stdout.as_fd(), pair.stderr.as_fd()]));
    send(&control, start, &descriptors)?;
    let link = Link::start(start.worker, control, dispatch, unclaimed, output, messages)?;
    Ok(Spawned { link, child: Some(child) })
}

/// Runs `work` on a thread of this process with so many bytes of stack; it is given the worker's end of the control socket.
///
/// # Errors
///
/// When the system has no threads or sockets left.
pub(crate) fn spawn_thread(
    start: &Start,
    stack: usize,
    messages: mpsc::UnboundedSender<(WorkerId, FromWorker)>,
    work: impl FnOnce(UnixStream) + Send + 'static,
) -> io::Result<Spawned> {
    let (control, workers_control) = UnixStream::pair()?;
    let (dispatch, unclaimed) = UnixStream::pair()?;
    send(&control, start, &[unclaimed.as_fd()])?;
    let thread = std::thread::Builder::new().name("itest-worker".to_owned()).stack_size(stack);
    thread.spawn(move || work(workers_control))?;
    let link = Link::start(start.worker, control, dispatch, unclaimed, None, messages)?;
    Ok(Spawned { link, child: None })
}

/// The binary that runs, even if it was deleted or replaced in the meantime.
pub(crate) fn own_binary() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    std::env::current_exe()
}

/// The error of a program that cannot be started, with the program's path; the system's own error names none.
pub(crate) fn cannot_start(program: &Path, error: &io::Error) -> io::Error {
    // The path that was tried says nothing of which binary that is.
    let target = std::fs::read_link(program).map(|target| format!(", which is {}", target.display()));
    io::Error::new(error.kind(), format!("{}{}: {error}", program.display(), target.unwrap_or_default()))
}

/// The end of a worker process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reaped {
    /// What `wait` returned.
    pub(crate) status: ExitStatus,
    /// It did not end by itself.
    pub(crate) by_force: bool,
}

/// Waits for the end of a worker whose socket is closed, and ends whatever it left in its process group, and what bears
/// its mark wherever it went.
///
/// One that has shut down has time to leave by itself: it may have coverage data to write. Another one is dying, or has lost
/// its connection.
///
/// # Errors
///
/// When waiting fails.
pub(crate) async fn reap(mut child: Child, has_shut_down: bool, mark: Option<Mark>) -> io::Result<Reaped> {
    let Some(leader) = child.id() else { return Ok(Reaped { status: child.wait().await?, by_force: false }) };
    let patience = if has_shut_down { LEAVING } else { DYING };
    let by_force = tokio::time::timeout(patience, has_ended(leader)).await.is_err();
    // Before it is waited for: until then its number cannot belong to anyone else.
    kill_group(leader);
    let status = child.wait().await?;
    if let Some(mark) = mark {
        // Looking at every process of the system takes a while.
        let _ = tokio::task::spawn_blocking(move || kill_marked(&mark)).await;
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

/// Open files without which no run comes to its first test: those of the supervisor, and of the runtimes and sockets of a worker.
pub(crate) const MIN_OPEN_FILES: u64 = 36;

/// How many files this process may open.
#[must_use]
pub(crate) fn open_files_limit() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many workers the limit of open files allows.
#[must_use]
pub(crate) fn affordable_workers() -> NonZeroUsize {
    // Two sockets and their other ends, a beacon, a pair of pipes and the next pair, the process itself.
    const EACH: u64 = 10;
    const OTHERS: u64 = 20;
    let affordable = open_files_limit().saturating_sub(OTHERS) / EACH;
    NonZeroUsize::new(usize::try_from(affordable).unwrap_or(usize::MAX)).unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_that_cannot_be_started_is_named_with_the_binary_behind_it() {
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
        let told = cannot_start(&own_binary().unwrap(), &refused()).to_string();
        let real = std::env::current_exe().unwrap();
        assert!(told.contains(&real.display().to_string()) && told.ends_with(": permission denied"), "{told}");
        assert_eq!(cannot_start(Path::new("/nowhere/x"), &refused()).to_string(), "/nowhere/x: permission denied");
    }
}
