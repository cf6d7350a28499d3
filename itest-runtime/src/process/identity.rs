//! The identity of a process: its pid together with its start time. The system reuses pids, so that the pid alone is not unique.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use crate::model::ProcessIdentity;

/// The pause between two checks whether a process has ended, on systems without pidfds.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The identity of this process.
#[must_use]
pub(crate) fn own_identity() -> ProcessIdentity {
    let pid = std::process::id();
    ProcessIdentity { pid, start: start_of(pid).unwrap_or(0) }
}

/// The identity of the process that has this pid now. `None` if there is none, or if it is a zombie.
#[must_use]
pub(crate) fn identify(pid: u32) -> Option<ProcessIdentity> {
    start_of(pid).map(|start| ProcessIdentity { pid, start })
}

/// Whether a process exists and has not ended. A zombie has ended.
#[must_use]
pub(crate) fn is_alive(process: ProcessIdentity) -> bool {
    start_of(process.pid) == Some(process.start)
}

/// Whether a process runs, is ending, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// The process runs or is stopped.
    Alive,
    /// The process is ending and may still have open files, or it is a zombie.
    Exiting,
    /// The process has ended, and its pid is free.
    Gone,
}

/// The liveness of a process. The state is read in one call, because two calls could return states of different moments.
#[cfg(target_os = "linux")]
#[must_use]
pub(crate) fn liveness(process: ProcessIdentity) -> Liveness {
    const PF_EXITING: u64 = 0x4;
    match Stat::of(process.pid).filter(|stat| stat.start() == Some(process.start)) {
        None => Liveness::Gone,
        Some(stat) if stat.has_ended() || stat.flags() & PF_EXITING != 0 => Liveness::Exiting,
        Some(_) => Liveness::Alive,
    }
}

/// The liveness of a process, on systems that do not show whether a process is ending.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub(crate) fn liveness(process: ProcessIdentity) -> Liveness {
    if is_alive(process) { Liveness::Alive } else { Liveness::Gone }
}

/// Sends a signal to a process, and never to a later process with the same pid.
pub(crate) fn signal_process(process: ProcessIdentity, signal: Signal) {
    let Some(pid) = to_pid(process.pid) else { return };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(descriptor) if is_alive(process) => drop(pidfd_send_signal(&descriptor, signal)),
        Err(rustix::io::Errno::NOSYS) if is_alive(process) => drop(kill_process(pid, signal)),
        // The process has ended, so that it needs no signal.
        _ => {}
    }
}

/// Continues a process if a signal has stopped it. Returns whether it was stopped.
pub(crate) fn continue_if_stopped(process: ProcessIdentity) -> bool {
    let is_stopped = is_alive(process) && is_stopped(process.pid);
    if is_stopped {
        signal_process(process, Signal::CONT);
    }
    is_stopped
}

/// Blocks until a process has ended.
pub(crate) fn wait_for_end(process: ProcessIdentity) {
    // The identity is checked after opening the descriptor, so that the descriptor cannot refer to a later process with the
    // same pid.
    let descriptor = to_pid(process.pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    if let Some(descriptor) = descriptor.filter(|_| is_alive(process)) {
        loop {
            match poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], None) {
                Ok(_) => return,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
    }
    poll_until_end(process);
}

/// Blocks until a process has ended, on systems without pidfds.
fn poll_until_end(process: ProcessIdentity) {
    while is_alive(process) {
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Converts a pid to the type of the system calls.
pub(super) fn to_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// The parent of a running process.
#[cfg(target_os = "linux")]
pub(crate) fn parent_of(pid: u32) -> Option<u32> {
    u32::try_from(Stat::of_running(pid)?.number(1)?).ok()
}

/// The parent of this process. `None` if the parent has ended, so that this process became a child of the init process.
#[must_use]
pub(crate) fn parent() -> Option<ProcessIdentity> {
    identify(std::os::unix::process::parent_id()).filter(|parent| parent.pid > 1)
}

/// The nearest ancestor of this process whose program has this name.
#[cfg(target_os = "linux")]
#[must_use]
pub(crate) fn ancestor(name: &str) -> Option<ProcessIdentity> {
    let mut pid = std::os::unix::process::parent_id();
    while pid > 0 {
        if std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == name) {
            return identify(pid);
        }
        pid = parent_of(pid)?;
    }
    None
}

/// Always `None`, because ancestors are looked up only on Linux.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub(crate) fn ancestor(_: &str) -> Option<ProcessIdentity> {
    None
}

/// The fields of `/proc/PID/stat` that follow the name of the process.
#[cfg(target_os = "linux")]
struct Stat(String);

#[cfg(target_os = "linux")]
impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name is in parentheses and may itself contain parentheses, so that the search starts at the end.
        Some(Self(stat.rsplit_once(')')?.1.to_owned()))
    }

    /// The fields of a process that has not ended.
    fn of_running(pid: u32) -> Option<Self> {
        Self::of(pid).filter(|stat| !stat.has_ended())
    }

    /// The number at a position, counted from 0 for the first field after the name.
    fn number(&self, position: usize) -> Option<u64> {
        self.0.split_whitespace().nth(position)?.parse().ok()
    }

    fn state(&self) -> &str {
        self.0.split_whitespace().next().unwrap_or_default()
    }

    fn has_ended(&self) -> bool {
        matches!(self.state(), "Z" | "X")
    }

    /// The flags that the kernel has set for the process (`PF_*`).
    fn flags(&self) -> u64 {
        self.number(6).unwrap_or_default()
    }

    fn start(&self) -> Option<u64> {
        self.number(19)
    }
}

#[cfg(target_os = "linux")]
fn is_stopped(pid: u32) -> bool {
    Stat::of(pid).is_some_and(|stat| stat.state() == "T")
}

#[cfg(not(target_os = "linux"))]
fn is_stopped(pid: u32) -> bool {
    let status = std::process::Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output();
    status.is_ok_and(|status| status.stdout.starts_with(b"T"))
}

/// Whether a process has a non-empty environment, or may get one because it is executing a program.
#[cfg(target_os = "linux")]
pub(super) fn may_have_environment(pid: u32) -> bool {
    const PF_KTHREAD: u64 = 0x0020_0000;
    // A process that has ended has no environment, and neither has a kernel thread.
    let Some(stat) = Stat::of_running(pid).filter(|stat| stat.flags() & PF_KTHREAD == 0) else { return false };
    // The addresses of the environment in memory. Both are zero until the program is loaded. Later they are equal if the
    // environment is empty.
    let (begin, end) = (stat.number(47), stat.number(48));
    begin != end || begin == Some(0)
}

#[cfg(target_os = "linux")]
fn start_of(pid: u32) -> Option<u64> {
    Stat::of_running(pid)?.start()
}

#[cfg(not(target_os = "linux"))]
fn start_of(pid: u32) -> Option<u64> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let output =
        std::process::Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (state, start) = text.trim().split_once(char::is_whitespace)?;
    let mut hasher = DefaultHasher::new();
    start.trim().hash(&mut hasher);
    (!state.starts_with('Z')).then(|| hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn end_of_a_process_is_noticed_with_and_without_pidfds() {
        for wait in [wait_for_end, poll_until_end] {
            let mut child = Command::new("sleep").arg("0.1").spawn().unwrap();
            let identity = identify(child.id()).unwrap();
            assert!(is_alive(identity));
            wait(identity);
            assert!(!is_alive(identity), "a zombie has ended");
            child.wait().unwrap();
        }
    }

    #[test]
    fn reused_pid_is_another_process() {
        let own = own_identity();
        assert!(is_alive(own));
        let earlier = ProcessIdentity { start: own.start + 1, ..own };
        assert!(!is_alive(earlier));
        wait_for_end(earlier);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn empty_environment_differs_from_a_program_that_is_being_loaded() {
        let mut child = Command::new("/bin/sleep").arg("60").env_clear().spawn().unwrap();
        let began = std::time::Instant::now();
        while may_have_environment(child.id()) {
            assert!(began.elapsed() < Duration::from_secs(20), "the program is not loaded");
            std::thread::yield_now();
        }
        let identity = identify(child.id()).unwrap();
        child.kill().unwrap();
        wait_for_end(identity);
        assert!(!may_have_environment(child.id()), "a zombie has no environment");
        child.wait().unwrap();
        assert!(may_have_environment(std::process::id()), "the environment of this process is not empty");
    }

    #[test]
    fn stopped_process_is_continued_and_running_process_is_not() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let identity = identify(child.id()).unwrap();
        assert!(!continue_if_stopped(identity));
        signal_process(identity, Signal::STOP);
        while !is_stopped(child.id()) {
            std::thread::yield_now();
        }
        assert!(continue_if_stopped(identity));
        while is_stopped(child.id()) {
            std::thread::yield_now();
        }
        signal_process(ProcessIdentity { start: identity.start + 1, ..identity }, Signal::KILL);
        assert!(is_alive(identity), "a signal for an earlier process with the same pid is not sent");
        signal_process(identity, Signal::KILL);
        wait_for_end(identity);
        child.wait().unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn process_is_exiting_until_its_parent_has_waited_for_it() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let identity = identify(child.id()).unwrap();
        assert_eq!(liveness(identity), Liveness::Alive);
        assert_eq!(liveness(ProcessIdentity { start: identity.start + 1, ..identity }), Liveness::Gone);
        child.kill().unwrap();
        wait_for_end(identity);
        assert_eq!(liveness(identity), Liveness::Exiting);
        child.wait().unwrap();
        assert_eq!(liveness(identity), Liveness::Gone);
    }
}
