//! The children of this process: the children that tests left behind, and the children of the harness itself.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::process::{Child, Command};

use super::identity::to_pid;

/// The running children of the harness. They are not leaks of a test, even if tests run in the same process.
static OWN_CHILDREN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Registers a child process as a child of the harness, until this value is dropped.
#[derive(Debug)]
pub(crate) struct OwnChild(u32);

impl OwnChild {
    /// Starts a child of the harness. The list is locked until the child is registered, so that a leak check cannot see the
    /// child before.
    ///
    /// # Errors
    ///
    /// When the child cannot be started.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<(Child, Self)> {
        let mut own = lock_own_children();
        let child = command.spawn()?;
        let id = child.id().unwrap_or_default();
        own.insert(id);
        Ok((child, Self(id)))
    }
}

/// Registers a child that continues after this process, so that the end of this process does not kill it.
pub(crate) fn let_child_outlive_this_process(child: u32) {
    lock_own_children().insert(child);
}

impl Drop for OwnChild {
    fn drop(&mut self) {
        lock_own_children().remove(&self.0);
    }
}

fn lock_own_children() -> MutexGuard<'static, BTreeSet<u32>> {
    OWN_CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The running children of this process, without the children of the harness.
pub(super) fn children() -> BTreeSet<u32> {
    let mut children = listed_children();
    children.retain(|child| super::identity::identify(*child).is_some());
    children
}

/// The children of this process, including zombies, without the children of the harness.
pub(super) fn listed_children() -> BTreeSet<u32> {
    let mut children = BTreeSet::new();
    // Most workers have no children. One system call tells that, which is cheaper than reading `/proc`.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    if matches!(waitid(WaitId::All, options), Err(rustix::io::Errno::CHILD)) {
        return children;
    }
    let own = lock_own_children();
    for (thread, _) in entries_by_number("/proc/self/task") {
        let listed = fs::read_to_string(format!("/proc/self/task/{thread}/children")).unwrap_or_default();
        let listed = listed.split_whitespace().filter_map(|child| child.parse::<u32>().ok());
        children.extend(listed.filter(|child| !own.contains(child)));
    }
    children
}

/// The entries of a folder below `/proc` whose names are numbers.
pub(super) fn entries_by_number(folder: &str) -> impl Iterator<Item = (u32, PathBuf)> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| {
        let entry = entry.ok()?;
        Some((entry.file_name().to_str()?.parse().ok()?, entry.path()))
    })
}

/// Makes this process the parent of its orphaned descendants. Otherwise a daemon would become a child of the init process, and
/// the harness could not find it.
pub(crate) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// The most times that the children are listed and killed.
const MAX_KILL_ROUNDS: u32 = 50;

/// Kills all descendants of this process, except the children of the harness, and waits for them.
pub(crate) fn kill_all_children() {
    kill_children_except(&BTreeSet::new());
}

/// Kills all children except the given ones. This is repeated, because orphans of the killed children become children of this
/// process.
pub(super) fn kill_children_except(excluded: &BTreeSet<u32>) {
    for _ in 0..MAX_KILL_ROUNDS {
        let running: Vec<u32> = children().difference(excluded).copied().collect();
        if running.is_empty() {
            return;
        }
        for pid in running.into_iter().filter_map(to_pid) {
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
    fn child_of_the_harness_is_not_a_leak() {
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
