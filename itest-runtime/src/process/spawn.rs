//! Starts workers, each as another process of the same binary or as a thread of this process.

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

/// The prefix of the process names of workers. The number of the worker follows.
pub(crate) const WORKER_NAME: &str = "itest-worker-";

/// How long a worker that has sent its last message may take until its process ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a worker that has closed its socket without a last message may take until its process ends.
const CRASH_TIMEOUT: Duration = Duration::from_secs(1);

/// A worker that was just started.
#[derive(Debug)]
pub(crate) struct Spawned {
    /// The connection to it.
    pub link: Link,
    /// The process; `None` for a thread.
    pub child: Option<Child>,
}

/// Starts this binary as a worker, in its own process group.
///
/// Because of the group, Ctrl-C in the terminal reaches only the supervisor, which then decides how the workers end.
///
/// # Errors
///
/// When the process, a pipe or a socket cannot be created.
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
    // The command holds the worker's ends of the sockets and pipes. As long as this process keeps them open, it cannot see that
    // the worker has closed them.
    drop(command);
    let (dispatch, unclaimed) = UnixStream::pair()?;
    let mut descriptors = vec![unclaimed.as_fd()];
    descriptors.extend(output.iter().flat_map(|pair| [pair.stdout.as_fd(), pair.stderr.as_fd()]));
    send(&control, start, &descriptors)?;
    let link = Link::start(start.worker, control, dispatch, unclaimed, output, messages)?;
    Ok(Spawned { link, child: Some(child) })
}

/// Runs `work` on a thread of this process, with a stack of `stack` bytes. `work` receives the worker's end of the control
/// socket.
///
/// # Errors
///
/// When the thread or a socket cannot be created.
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

/// The path of the running binary. On Linux, the path is valid even if the file was deleted or replaced in the meantime.
pub(crate) fn own_binary() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    std::env::current_exe()
}

/// Adds the path of a program to the error of starting it, because the system's error does not contain the path.
pub(crate) fn cannot_start(program: &Path, error: &io::Error) -> io::Error {
    // A link such as `/proc/self/exe` does not say which binary it is, so the message also names its target.
    let target = std::fs::read_link(program).map(|target| format!(", which is {}", target.display()));
    io::Error::new(error.kind(), format!("{}{}: {error}", program.display(), target.unwrap_or_default()))
}

/// The result of waiting for a worker process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reaped {
    /// The exit status that `wait` returned.
    pub(crate) status: ExitStatus,
    /// Whether the worker was killed because it did not end in time.
    pub(crate) is_killed: bool,
}

/// Why a worker has closed its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Departure {
    /// It has shut down in good order.
    ShutDown,
    /// It is crashing, or has lost its connection.
    Crash,
}

/// Waits until a worker with a closed socket has ended, and then kills the processes that are left in its process group or have
/// its mark. Kills the worker itself if it does not end in time.
///
/// A worker that has shut down gets more time to end by itself, because it may have coverage data to write. Any other worker is
/// crashing or has lost its connection.
///
/// # Errors
///
/// When waiting for the process fails.
pub(crate) async fn reap(mut child: Child, departure: Departure, mark: Option<Mark>) -> io::Result<Reaped> {
    let Some(leader) = child.id() else { return Ok(Reaped { status: child.wait().await?, is_killed: false }) };
    let timeout = match departure {
        Departure::ShutDown => SHUTDOWN_TIMEOUT,
        Departure::Crash => CRASH_TIMEOUT,
    };
    let is_killed = tokio::time::timeout(timeout, wait_until_ended(leader)).await.is_err();
    // The group is killed before `wait`, because the system may give the pid to another process after `wait`.
    kill_group(leader);
    let status = child.wait().await?;
    if let Some(mark) = mark {
        // This runs on a blocking thread, because it reads the environment of every process of the system.
        let _ = tokio::task::spawn_blocking(move || kill_marked(&mark)).await;
    }
    Ok(Reaped { status, is_killed })
}

/// Whether a child has ended. The child remains a zombie until `wait` is called.
#[must_use]
pub(crate) fn is_ended(child: u32) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let child = i32::try_from(child).ok().and_then(Pid::from_raw);
    child.is_some_and(|child| matches!(waitid(WaitId::Pid(child), options), Ok(Some(_))))
}

/// Waits until a child has ended. The child remains a zombie until `wait` is called.
async fn wait_until_ended(child: u32) -> io::Result<()> {
    let child = i32::try_from(child).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    let mut children = signal(SignalKind::child())?;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while waitid(WaitId::Pid(child), options)?.is_none() {
        children.recv().await;
    }
    Ok(())
}

/// The least number of open files that a run needs for its first test: the files of the supervisor, and the runtimes and
/// sockets of one worker.
pub(crate) const MIN_OPEN_FILES: u64 = 36;

/// The limit of open files of this process.
#[must_use]
pub(crate) fn open_files_limit() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The number of workers that the limit of open files allows.
#[must_use]
pub(crate) fn affordable_workers() -> NonZeroUsize {
    // Two sockets and their other ends, the status file, a pair of pipes and the next pair, the process itself.
    const FILES_PER_WORKER: u64 = 10;
    const OTHER_FILES: u64 = 20;
    let affordable = open_files_limit().saturating_sub(OTHER_FILES) / FILES_PER_WORKER;
    NonZeroUsize::new(usize::try_from(affordable).unwrap_or(usize::MAX)).unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_error_names_the_program_and_its_link_target() {
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
        let message = cannot_start(&own_binary().unwrap(), &refused()).to_string();
        let real = std::env::current_exe().unwrap();
        assert!(message.contains(&real.display().to_string()) && message.ends_with(": permission denied"), "{message}");
        assert_eq!(cannot_start(Path::new("/nowhere/x"), &refused()).to_string(), "/nowhere/x: permission denied");
    }
}
