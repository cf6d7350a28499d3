//! Which process is which: numbers are given out again, a number and a time of birth are not.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

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
    field(pid, 1)?.parse().ok()
}

/// The first ancestor of this process whose program bears one of these names; else its parent.
#[must_use]
pub(crate) fn ancestor(names: &[&str]) -> Option<ProcessIdentity> {
    let parent = rustix::process::getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok())?;
    #[cfg(target_os = "linux")]
    {
        let mut pid = parent;
        while pid > 1 {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            if names.contains(&name.trim_end()) {
                return identify(pid);
            }
            let Some(next) = parent_of(pid) else { break };
            pid = next;
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = names;
    identify(parent)
}

/// A field of `/proc/PID/stat`, counted from the one behind the name; none for a process that has ended.
#[cfg(target_os = "linux")]
fn field(pid: u32, position: usize) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may contain anything, also brackets.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    if position == 0 { Some(state.to_owned()) } else { fields.nth(position - 1).map(str::to_owned) }
}

#[cfg(target_os = "linux")]
fn start_of(pid: u32) -> Option<u64> {
    field(pid, 19)?.parse().ok()
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
}
