//! Which process is which: numbers are given out again, a number and a time of birth are not.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use crate::model::ProcessIdentity;

/// How often a process is looked at where the system cannot tell of its end.
const LOOK: Duration = Duration::from_millis(50);

/// This process.
#[must_use]
pub(crate) fn own_identity() -> ProcessIdentity {
    let pid = std::process::id();
    ProcessIdentity { pid, start: start_of(pid).unwrap_or(0) }
}

/// The process that has this number now.
#[must_use]
pub(crate) fn identify(pid: u32) -> Option<ProcessIdentity> {
    start_of(pid).map(|start| ProcessIdentity { pid, start })
}

/// Whether a process is there and has not ended. A zombie has.
#[must_use]
pub(crate) fn is_alive(process: ProcessIdentity) -> bool {
    start_of(process.pid) == Some(process.start)
}

/// How far a process has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// It runs, or is stopped.
    Alive,
    /// It was killed a moment ago and may still hold its files, or its parent has not waited for it.
    Exiting,
    /// It has ended, and the system has forgotten it.
    Gone,
}

/// How far a process has come, in one look: two looks could see two moments.
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

/// How far a process has come, where the system does not tell that it is about to end.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub(crate) fn liveness(process: ProcessIdentity) -> Liveness {
    if is_alive(process) { Liveness::Alive } else { Liveness::Gone }
}

/// Sends a signal to a process, and to no later one of the same number.
pub(crate) fn signal_process(process: ProcessIdentity, signal: Signal) {
    let Some(pid) = number(process.pid) else { return };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(descriptor) if is_alive(process) => drop(pidfd_send_signal(&descriptor, signal)),
        Err(rustix::io::Errno::NOSYS) if is_alive(process) => drop(kill_process(pid, signal)),
        // It has ended, which is what most signals are for.
        _ => {}
    }
}

/// Continues a process that a signal has stopped; whether it was.
pub(crate) fn continue_if_stopped(process: ProcessIdentity) -> bool {
    let is_stopped = is_alive(process) && is_stopped(process.pid);
    if is_stopped {
        signal_process(process, Signal::CONT);
    }
    is_stopped
}

/// Blocks until a process has ended.
pub(crate) fn wait_for_end(process: ProcessIdentity) {
    // Opened first and looked at then: what is open now is the process that is meant, or none.
    let descriptor = number(process.pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    if let Some(descriptor) = descriptor.filter(|_| is_alive(process)) {
        loop {
            match poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], None) {
                Ok(_) => return,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
    }
    look_until_end(process);
}

/// The same for a system that has no file descriptors for processes.
fn look_until_end(process: ProcessIdentity) {
    while is_alive(process) {
        std::thread::sleep(LOOK);
    }
}

/// The number as the system takes it.
pub(super) fn number(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Its parent, as far as the system tells.
#[cfg(target_os = "linux")]
pub(crate) fn parent_of(pid: u32) -> Option<u32> {
    u32::try_from(Stat::of_living(pid)?.number(1)?).ok()
}

/// The process that started this one. `None` if that has ended, and this one fell to the system's first process.
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
        if std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|found| found.trim_end() == name) {
            return identify(pid);
        }
        pid = parent_of(pid)?;
    }
    None
}

/// The nearest ancestor of this process whose program has this name, where the system tells of ancestors.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub(crate) fn ancestor(_: &str) -> Option<ProcessIdentity> {
    None
}

/// One look at `/proc/PID/stat`.
#[cfg(target_os = "linux")]
struct Stat(String);

#[cfg(target_os = "linux")]
impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in brackets and may contain anything, also brackets.
        Some(Self(stat.rsplit_once(')')?.1.to_owned()))
    }

    /// The look at a process that has not ended.
    fn of_living(pid: u32) -> Option<Self> {
        Self::of(pid).filter(|stat| !stat.has_ended())
    }

    /// A number, counted from the field behind the name.
    fn number(&self, position: usize) -> Option<u64> {
        self.0.split_whitespace().nth(position)?.parse().ok()
    }

    fn state(&self) -> &str {
        self.0.split_whitespace().next().unwrap_or_default()
    }

    fn has_ended(&self) -> bool {
        matches!(self.state(), "Z" | "X")
    }

    /// The kernel's flags.
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

/// Whether a process has an environment, or is about to have one because it is executing a program.
#[cfg(target_os = "linux")]
pub(super) fn may_have_environment(pid: u32) -> bool {
    const PF_KTHREAD: u64 = 0x0020_0000;
    // Neither a process that has ended nor a thread of the kernel has one.
    let Some(stat) = Stat::of_living(pid).filter(|stat| stat.flags() & PF_KTHREAD == 0) else { return false };
    // Where it begins and where it ends in memory: zero until the program is loaded, and equal if there is no variable in it.
    let (begin, end) = (stat.number(47), stat.number(48));
    begin != end || begin == Some(0)
}

#[cfg(target_os = "linux")]
fn start_of(pid: u32) -> Option<u64> {
    Stat::of_living(pid)?.start()
}

#[cfg(not(target_os = "linux"))]
fn start_of(pid: u32) -> Option<u64> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let told = std::process::Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8(told.stdout).ok()?;
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
    fn the_end_of_a_process_is_noticed_with_and_without_help_of_the_system() {
        for wait in [wait_for_end, look_until_end] {
            let mut child = Command::new("sleep").arg("0.1").spawn().unwrap();
            let identity = identify(child.id()).unwrap();
            assert!(is_alive(identity));
            wait(identity);
            assert!(!is_alive(identity), "a zombie has ended");
            child.wait().unwrap();
        }
    }

    #[test]
    fn a_number_that_was_given_out_again_is_another_process() {
        let own = own_identity();
        assert!(is_alive(own));
        let earlier = ProcessIdentity { start: own.start + 1, ..own };
        assert!(!is_alive(earlier));
        wait_for_end(earlier);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_without_an_environment_differs_from_one_that_is_being_loaded() {
        let mut child = Command::new("/bin/sleep").arg("60").env_clear().spawn().unwrap();
        let began = std::time::Instant::now();
        while may_have_environment(child.id()) {
            assert!(began.elapsed() < Duration::from_secs(20), "it is loaded after a moment");
            std::thread::yield_now();
        }
        let identity = identify(child.id()).unwrap();
        child.kill().unwrap();
        wait_for_end(identity);
        assert!(!may_have_environment(child.id()), "a zombie has none");
        child.wait().unwrap();
        assert!(may_have_environment(std::process::id()), "that of this process is not empty");
    }

    #[test]
    fn a_stopped_process_is_continued_and_a_running_one_is_left_alone() {
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
        assert!(is_alive(identity), "a signal for an earlier process of the same number is not sent");
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
