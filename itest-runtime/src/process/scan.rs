//! A scan over all processes of the system that also sees the processes that are started during the scan.
//!
//! A single pass over `/proc` can miss a process for two reasons. First, a process that is executing a program (`execve`) has
//! no readable environment for a moment. Second, a process that is started during the pass is missed if its pid is lower than
//! the pids that were already listed. An empty pass therefore proves that there is no match only if every process that was
//! started during the pass was checked too. The scan identifies these processes by their pids: Linux assigns pids in
//! ascending order, and `/proc/loadavg` shows the last one.

use std::time::{Duration, Instant};

/// The pause between two scans, and between two checks of a process that is executing a program.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How long a scan waits for processes that are executing a program. Their environment is readable far sooner.
const EXECUTION_TIMEOUT: Duration = Duration::from_millis(200);

/// How long scans are repeated while they match processes. A process that is still there after this time ignores signals.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(5);

/// The number of scans in a row without a match that count as proof where the system does not show which processes were
/// started during a scan.
const REQUIRED_EMPTY_SCANS: u32 = 3;

/// A process that a scan checks. It may have ended in the meantime.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The pid. On Linux, it may also be the number of a thread.
    pub(super) pid: u32,
    /// The command line and the environment, which `ps` prints as one text.
    #[cfg(not(target_os = "linux"))]
    pub(super) command: String,
}

/// The result of checking one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// The process does not match, or it has ended.
    No,
    /// The process matches.
    Yes,
    /// The process is executing a program and has no environment at this moment, so that it must be checked again.
    Executing,
}

/// The result of one scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scan {
    /// At least one process matched.
    Matched,
    /// No process matches.
    NoMatch,
    /// No process matched, but the scan may have missed a process that was started during the scan.
    Incomplete,
}

/// Checks all processes except this one, and repeats that until none of them matches. Gives up after [`SEARCH_TIMEOUT`].
pub(super) fn scan_until_no_match(mut check: impl FnMut(&Candidate) -> Match) {
    let began = Instant::now();
    let mut empty_scans = 0;
    while began.elapsed() < SEARCH_TIMEOUT && empty_scans < REQUIRED_EMPTY_SCANS {
        match scan(&mut check) {
            Scan::NoMatch => return,
            Scan::Matched => empty_scans = 0,
            Scan::Incomplete => empty_scans += 1,
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Whether any process except this one matches.
pub(super) fn matches_any(mut check: impl FnMut(&Candidate) -> Match) -> bool {
    let mut has_match = false;
    scan_until_no_match(|candidate| {
        // One match is enough. After it, every check answers "no", so that this scan is the last one.
        let result = if has_match { Match::No } else { check(candidate) };
        has_match |= result == Match::Yes;
        if has_match { Match::No } else { result }
    });
    has_match
}

#[cfg(target_os = "linux")]
fn scan(check: &mut impl FnMut(&Candidate) -> Match) -> Scan {
    let began = Instant::now();
    let mut has_match = false;
    let mut executing = Vec::new();
    let mut check = |pid| {
        let result = check(&Candidate { pid });
        has_match |= result == Match::Yes;
        result
    };
    let mut check_first = |pid| {
        if check(pid) == Match::Executing {
            executing.push(pid);
        }
    };
    let mut started = linux::StartedProcesses::from_now();
    linux::running().for_each(&mut check_first);
    let mut is_complete = started.check(&mut check_first);
    // A program that is executed here may start more processes, which must be checked too.
    while !executing.is_empty() && began.elapsed() < EXECUTION_TIMEOUT {
        std::thread::sleep(POLL_INTERVAL);
        executing.retain(|pid| check(*pid) == Match::Executing);
        is_complete &= started.check(&mut |pid| {
            if check(pid) == Match::Executing {
                executing.push(pid);
            }
        });
    }
    match (has_match, is_complete) {
        (true, _) => Scan::Matched,
        (false, true) => Scan::NoMatch,
        (false, false) => Scan::Incomplete,
    }
}

#[cfg(not(target_os = "linux"))]
fn scan(check: &mut impl FnMut(&Candidate) -> Match) -> Scan {
    let Ok(listed) = std::process::Command::new("ps").args(["-axEww", "-o", "pid=,command="]).output() else {
        return Scan::Incomplete;
    };
    let candidate = |line: &str| {
        let (pid, command) = line.trim_start().split_once(' ')?;
        Some(Candidate { pid: pid.parse().ok()?, command: command.trim_start().to_owned() })
    };
    let mut result = Scan::Incomplete;
    for candidate in String::from_utf8_lossy(&listed.stdout).lines().filter_map(candidate) {
        if candidate.pid != std::process::id() && check(&candidate) == Match::Yes {
            result = Scan::Matched;
        }
    }
    result
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::sync::OnceLock;

    /// The most processes that a scan checks of those that were started since it began.
    const MAX_STARTED: u32 = 10_000;

    /// The processes that run now.
    pub(super) fn running() -> impl Iterator<Item = u32> {
        let entries = fs::read_dir("/proc").into_iter().flatten();
        let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        numbers.filter(|pid| *pid != std::process::id())
    }

    /// The processes that were started since a scan began. The system assigns pids in ascending order.
    pub(super) struct StartedProcesses {
        /// The pid that was assigned last when the scan began. `None` if the system does not show it.
        before: Option<u32>,
        /// The highest pid that was checked.
        checked: u32,
    }

    impl StartedProcesses {
        /// Begins now, with no started process.
        pub(super) fn from_now() -> Self {
            let before = last_pid();
            Self { before, checked: before.unwrap_or_default() }
        }

        /// Checks all processes that were started and not checked yet, also those that are started during this call.
        /// Returns whether none can have been missed.
        ///
        /// A pid may be checked before its process is completely started. Its parent is running at that moment and has a
        /// lower pid, so that the parent was checked before.
        pub(super) fn check(&mut self, check: &mut impl FnMut(u32)) -> bool {
            let Some(before) = self.before else { return false };
            loop {
                let Some(last) = last_pid() else { return false };
                // After the highest pid, the system continues with the lowest free ones.
                if last < self.checked || last - before > MAX_STARTED {
                    return false;
                }
                if last == self.checked {
                    return true;
                }
                (self.checked + 1..=last).filter(|pid| *pid != std::process::id()).for_each(&mut *check);
                self.checked = last;
            }
        }
    }

    /// The number that the system assigned last to a process or thread. `None` if the system does not show it.
    fn last_pid() -> Option<u32> {
        static IS_RELIABLE: OnceLock<bool> = OnceLock::new();
        // Some container runtimes emulate the file. Their version does not change with every started process.
        let is_reliable = *IS_RELIABLE.get_or_init(|| {
            let before = read_last_pid();
            let is_started = std::thread::Builder::new().spawn(|| ()).is_ok();
            is_started && before.is_some() && read_last_pid() != before
        });
        read_last_pid().filter(|_| is_reliable)
    }

    fn read_last_pid() -> Option<u32> {
        fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().last()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn scan_checks_a_process_that_is_started_during_the_scan() {
        let mut child = None;
        let mut is_checked = false;
        scan(&mut |candidate| {
            let child = child.get_or_insert_with(|| Command::new("sleep").arg("60").spawn().unwrap());
            is_checked |= child.id() == candidate.pid;
            Match::No
        });
        let mut child = child.unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_checked);
    }

    #[test]
    fn scan_gives_up_on_a_process_without_an_environment() {
        let began = Instant::now();
        let parent = std::os::unix::process::parent_id();
        let mut checks = 0;
        scan_until_no_match(|candidate| {
            checks += u32::from(candidate.pid == parent);
            if candidate.pid == parent { Match::Executing } else { Match::No }
        });
        assert!(checks > 1, "{checks} checks");
        assert!(began.elapsed() < EXECUTION_TIMEOUT * 5, "{:?}", began.elapsed());
    }
}
