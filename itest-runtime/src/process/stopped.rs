//! Detection of stopped processes, for example by Ctrl-Z. A stopped process neither runs nor ends until it is continued.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::children::entries_by_number;
use super::leak::command_line;
use crate::model::map_of;

/// The signal that has stopped a child of this process. `None` if the child is not stopped.
#[must_use]
pub(crate) fn stop_signal(child: u32) -> Option<i32> {
    let child = i32::try_from(child).ok().and_then(Pid::from_raw)?;
    let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(child), options).ok()??.stopping_signal()
}

/// The stopped descendants of a process, each as its pid and its command line.
#[must_use]
pub(crate) fn stopped_descendants(ancestor: u32) -> Vec<String> {
    let process = |(pid, path): (u32, PathBuf)| Some((pid, state(&fs::read_to_string(path.join("stat")).ok()?)?));
    let processes: BTreeMap<u32, (bool, u32)> = map_of(entries_by_number("/proc").filter_map(process));
    let is_descendant = |mut pid: u32| {
        // The number of steps is limited, because the table was not read in one moment and may therefore contain a cycle.
        for _ in 0..processes.len() {
            match processes.get(&pid) {
                Some((_, parent)) if *parent == ancestor => return true,
                Some((_, parent)) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    let stopped = processes.iter().filter(|(pid, (is_stopped, _))| *is_stopped && is_descendant(**pid));
    stopped.map(|(pid, _)| format!("{pid} ({})", command_line(*pid))).collect()
}

/// Whether a process is stopped, and the pid of its parent, from `/proc/PID/stat`.
fn state(stat: &str) -> Option<(bool, u32)> {
    // The name is in parentheses and may itself contain parentheses, so that the search starts at the end.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let is_stopped = fields.next()? == "T";
    Some((is_stopped, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use rustix::process::Signal;

    use super::*;
    use crate::process::identity::to_pid;

    #[test]
    fn stopped_child_is_reported_and_running_child_is_not() {
        let mut child = Command::new("sleep").arg("61").spawn().unwrap();
        assert_eq!(stop_signal(child.id()), None);
        rustix::process::kill_process(to_pid(child.id()).unwrap(), Signal::STOP).unwrap();
        let mut stopped = Vec::new();
        for _ in 0..1_000 {
            stopped = stopped_descendants(std::process::id());
            if stopped.contains(&format!("{} (sleep 61)", child.id())) {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        let signal = stop_signal(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(stopped.contains(&format!("{} (sleep 61)", child.id())), "{stopped:?}");
        assert_eq!(signal, Some(Signal::STOP.as_raw()));
    }
}
