//! Processes that are stopped: they don't end, and don't do anything, until they are continued.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::children::entries_by_number;
use super::leak::command_line;

/// The number of the signal that has stopped a child of this process, if it is stopped now.
#[must_use]
pub(crate) fn stop_signal(child: u32) -> Option<i32> {
    let child = i32::try_from(child).ok().and_then(Pid::from_raw)?;
    let look = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(child), look).ok()??.stopping_signal()
}

/// The descendants of a process that are stopped, with their command lines.
#[must_use]
pub(crate) fn stopped_descendants(ancestor: u32) -> Vec<String> {
    let processes: BTreeMap<u32, (bool, u32)> = entries_by_number("/proc")
        .filter_map(|(pid, path)| Some((pid, state(&fs::read_to_string(path.join("stat")).ok()?)?)))
        .collect();
    let is_descendant = |mut pid: u32| {
        // The table was read bit by bit, so that it may hold a circle.
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

/// Whether a process is stopped, and its parent, as `/proc/PID/stat` tells.
fn state(stat: &str) -> Option<(bool, u32)> {
    // The name stands in brackets and may contain anything, also brackets.
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
    use crate::process::identity::number;

    #[test]
    fn stopped_child_is_told_from_a_running_one() {
        let mut child = Command::new("sleep").arg("61").spawn().unwrap();
        assert_eq!(stop_signal(child.id()), None);
        rustix::process::kill_process(number(child.id()).unwrap(), Signal::STOP).unwrap();
        let mut told = Vec::new();
        for _ in 0..1_000 {
            told = stopped_descendants(std::process::id());
            if told.contains(&format!("{} (sleep 61)", child.id())) {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        let signal = stop_signal(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(told.contains(&format!("{} (sleep 61)", child.id())), "{told:?}");
        assert_eq!(signal, Some(Signal::STOP.as_raw()));
    }
}
