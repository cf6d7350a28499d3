//! The descendants of a process and their peak memory, from Linux's `/proc`.

use std::fs;

/// The process itself and all its running descendants, parents before children.
///
/// Without `/proc` it is the process alone.
pub(crate) fn members(root: u32) -> Vec<u32> {
    let mut members = vec![root];
    let mut next = 0;
    while let Some(process) = members.get(next).copied() {
        next += 1;
        // Each thread has its own list of the children it started.
        let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
            continue;
        };
        for thread in threads.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            for child in children.split_whitespace().flat_map(str::parse) {
                if !members.contains(&child) {
                    members.push(child);
                }
            }
        }
    }
    members
}

/// The peak memory of a running process, in bytes.
pub(crate) fn peak_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    peak_in(&status)
}

fn peak_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_is_read_from_the_status() {
        let status = "Name:\tsuite\nVmPeak:\t  5000 kB\nVmHWM:\t    1844 kB\nVmRSS:\t 900 kB\n";
        assert_eq!(peak_in(status), Some(1_844 * 1_024));
        assert_eq!(peak_in("Name:\tzombie\n"), None);
    }
}
