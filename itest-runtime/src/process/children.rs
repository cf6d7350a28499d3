//! The children of this process: those that tests left, and those that are the harness's own.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::process::{Child, Command};

use super::identity::number;

/// Children that are the harness's own, while they run: where tests run in the same process, they are no leak.
static OWN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// A child process of the harness; it counts as one until this is dropped.
#[derive(Debug)]
pub(crate) struct OwnChild(u32);

impl OwnChild {
    /// Starts one. The lock is held meanwhile, so that a leak check cannot see the child before it is registered.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<(Child, Self)> {
        let mut own = own();
        let child = command.spawn()?;
        let id = child.id().unwrap_or_default();
        own.insert(id);
        Ok((child, Self(id)))
    }
}

impl Drop for OwnChild {
    fn drop(&mut self) {
        own().remove(&self.0);
    }
}

fn own() -> MutexGuard<'static, BTreeSet<u32>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The living children of this process.
pub(super) fn children() -> BTreeSet<u32> {
    let mut found = listed_children();
    found.retain(|child| super::identity::identify(*child).is_some());
    found
}

/// Its children, also those that have ended and were not waited for, but for the harness's own.
pub(super) fn listed_children() -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    // Most processes have none, and learn that by one system call.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    if matches!(waitid(WaitId::All, options), Err(rustix::io::Errno::CHILD)) {
        return found;
    }
    let own = own();
    for (thread, _) in entries_by_number("/proc/self/task") {
        let listed = fs::read_to_string(format!("/proc/self/task/{thread}/children")).unwrap_or_default();
        let listed = listed.split_whitespace().filter_map(|child| child.parse::<u32>().ok());
        found.extend(listed.filter(|child| !own.contains(child)));
    }
    found
}

/// The entries of a folder of `/proc` whose names are numbers.
pub(super) fn entries_by_number(folder: &str) -> impl Iterator<Item = (u32, PathBuf)> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| {
        let entry = entry.ok()?;
        Some((entry.file_name().to_str()?.parse().ok()?, entry.path()))
    })
}

/// Makes this process the parent of its orphaned descendants. Otherwise a daemon becomes a child of the system's first process, and the harness
/// cannot see it.
pub(crate) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// How often the children are listed and killed, at most.
const MAX_KILL_ROUNDS: u32 = 50;

/// Kills everything that this process, or what it started, has left, and waits for it.
pub(crate) fn kill_all_children() {
    kill_children_but(&BTreeSet::new());
}

/// Kills all children but these. It repeats, because orphans of the killed children become children of this process.
pub(super) fn kill_children_but(spared: &BTreeSet<u32>) {
    for _ in 0..MAX_KILL_ROUNDS {
        let left: Vec<u32> = children().difference(spared).copied().collect();
        if left.is_empty() {
            return;
        }
        for pid in left.into_iter().filter_map(number) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            wait_for(pid);
        }
    }
}

fn wait_for(pid: Pid) {
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_of_the_harness_is_no_leak() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut child, own) = OwnChild::spawn(Command::new("sleep").arg("60")).unwrap();
            let id = child.id().unwrap();
            assert!(!children().contains(&id));
            drop(own);
            assert!(children().contains(&id));
            child.kill().await.unwrap();
        });
    }
}
