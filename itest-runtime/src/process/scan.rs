//! Looking for processes among all processes of the system, without missing those that are just being started.
//!
//! A process has no environment while it executes a program: between the old one and the new one there is a moment in which the
//! system shows nothing. And a list of `/proc` is not made in one moment: a process whose number is lower than those that have
//! been listed already is missed if it is started meanwhile. A scan that finds nothing therefore proves nothing, unless it has
//! also looked at every process that was started during the scan. These are known by their numbers: the system gives them out one
//! after the other, and tells the last one.

use std::time::{Duration, Instant};

/// The pause between two scans, and between two looks at a process that is executing a program.
const PAUSE: Duration = Duration::from_millis(1);

/// How long a scan waits for programs that are being executed. It takes them far less to come by their environment.
const EXECUTION_TIMEOUT: Duration = Duration::from_millis(200);

/// How long scans go on while they find processes. Where a process is found each time for so long, no signal ends it.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the system does not tell which processes were started during a scan, so many scans in a row must find nothing.
const EMPTY_SCANS: u32 = 3;

/// A process that runs, or ran a moment ago.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Its number. Where threads have numbers, it may be that of a thread.
    pub(super) pid: u32,
    /// Its command line and its environment, which cannot be read one by one here.
    #[cfg(not(target_os = "linux"))]
    pub(super) command: String,
}

/// What a look at one process said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is not wanted, or it has ended.
    Other,
    /// It is wanted.
    Wanted,
    /// It is executing a program, and has no environment at this moment.
    Executing,
}

/// What a scan said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scan {
    /// There was a wanted process.
    Found,
    /// There is no wanted process.
    Clear,
    /// No wanted process was seen, but one that was started during the scan may have been missed.
    Incomplete,
}

/// Looks at all processes but this one, again and again, until none of them is wanted any more. The time for this is limited.
pub(super) fn scan_until_clear(mut look: impl FnMut(&Candidate) -> Seen) {
    let began = Instant::now();
    let mut empty_scans = 0;
    while began.elapsed() < SEARCH_TIMEOUT && empty_scans < EMPTY_SCANS {
        match scan(&mut look) {
            Scan::Clear => return,
            Scan::Found => empty_scans = 0,
            Scan::Incomplete => empty_scans += 1,
        }
        std::thread::sleep(PAUSE);
    }
}

/// Whether any process but this one is wanted.
pub(super) fn is_any(mut look: impl FnMut(&Candidate) -> Seen) -> bool {
    let mut is_found = false;
    scan_until_clear(|candidate| {
        // One is enough: the others are passed over, and this scan is the last.
        let seen = if is_found { Seen::Other } else { look(candidate) };
        is_found |= seen == Seen::Wanted;
        if is_found { Seen::Other } else { seen }
    });
    is_found
}

#[cfg(target_os = "linux")]
fn scan(look: &mut impl FnMut(&Candidate) -> Seen) -> Scan {
    let began = Instant::now();
    let mut is_found = false;
    let mut executing = Vec::new();
    let mut look = |pid| {
        let seen = look(&Candidate { pid });
        is_found |= seen == Seen::Wanted;
        seen
    };
    let mut look_first = |pid| {
        if look(pid) == Seen::Executing {
            executing.push(pid);
        }
    };
    let mut started = linux::Started::from_now();
    linux::running().for_each(&mut look_first);
    let mut is_complete = started.look(&mut look_first);
    // What it starts when it is executed must be looked at, too.
    while !executing.is_empty() && began.elapsed() < EXECUTION_TIMEOUT {
        std::thread::sleep(PAUSE);
        executing.retain(|pid| look(*pid) == Seen::Executing);
        is_complete &= started.look(&mut |pid| {
            if look(pid) == Seen::Executing {
                executing.push(pid);
            }
        });
    }
    match (is_found, is_complete) {
        (true, _) => Scan::Found,
        (false, true) => Scan::Clear,
        (false, false) => Scan::Incomplete,
    }
}

#[cfg(not(target_os = "linux"))]
fn scan(look: &mut impl FnMut(&Candidate) -> Seen) -> Scan {
    let Ok(listed) = std::process::Command::new("ps").args(["-axEww", "-o", "pid=,command="]).output() else {
        return Scan::Incomplete;
    };
    let candidate = |line: &str| {
        let (pid, command) = line.trim_start().split_once(' ')?;
        Some(Candidate { pid: pid.parse().ok()?, command: command.trim_start().to_owned() })
    };
    let mut result = Scan::Incomplete;
    for candidate in String::from_utf8_lossy(&listed.stdout).lines().filter_map(candidate) {
        if candidate.pid != std::process::id() && look(&candidate) == Seen::Wanted {
            result = Scan::Found;
        }
    }
    result
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::sync::OnceLock;

    /// A scan looks at no more processes than these that were started since it began.
    const MAX_STARTED: u32 = 10_000;

    /// The processes that run now.
    pub(super) fn running() -> impl Iterator<Item = u32> {
        let entries = fs::read_dir("/proc").into_iter().flatten();
        let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        numbers.filter(|pid| *pid != std::process::id())
    }

    /// What was started since a scan began. Numbers are given out one after the other.
    pub(super) struct Started {
        /// The number that was given out last when the scan began; `None` where the system does not tell.
        before: Option<u32>,
        /// The last number that was looked at.
        seen: u32,
    }

    impl Started {
        /// From now on.
        pub(super) fn from_now() -> Self {
            let before = last_number();
            Self { before, seen: before.unwrap_or_default() }
        }

        /// Looks at everything that was started and not looked at, also while it looks; whether nothing can have been missed.
        ///
        /// A number may be looked at before its process is quite started. The process that starts it is running then, and has a
        /// lower number: it was looked at before.
        pub(super) fn look(&mut self, look: &mut impl FnMut(u32)) -> bool {
            let Some(before) = self.before else { return false };
            loop {
                let Some(last) = last_number() else { return false };
                // After the highest number, the lowest ones are given out again.
                if last < self.seen || last - before > MAX_STARTED {
                    return false;
                }
                if last == self.seen {
                    return true;
                }
                (self.seen + 1..=last).filter(|pid| *pid != std::process::id()).for_each(&mut *look);
                self.seen = last;
            }
        }
    }

    /// The number that the system gave last to a process or thread; `None` where it does not tell.
    fn last_number() -> Option<u32> {
        static IS_RELIABLE: OnceLock<bool> = OnceLock::new();
        // In some containers the file is an imitation, which does not change with every start.
        let is_reliable = *IS_RELIABLE.get_or_init(|| {
            let before = read_last_number();
            let started = std::thread::Builder::new().spawn(|| ()).is_ok();
            started && before.is_some() && read_last_number() != before
        });
        read_last_number().filter(|_| is_reliable)
    }

    fn read_last_number() -> Option<u32> {
        fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().last()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_is_started_during_the_scan_is_looked_at() {
        let mut child = None;
        let mut is_seen = false;
        scan(&mut |candidate| {
            let child = child.get_or_insert_with(|| Command::new("sleep").arg("60").spawn().unwrap());
            is_seen |= child.id() == candidate.pid;
            Seen::Other
        });
        let mut child = child.unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_seen);
    }

    #[test]
    fn a_process_that_never_comes_by_an_environment_is_waited_for_briefly() {
        let began = Instant::now();
        let parent = std::os::unix::process::parent_id();
        let mut looks = 0;
        scan_until_clear(|candidate| {
            looks += u32::from(candidate.pid == parent);
            if candidate.pid == parent { Seen::Executing } else { Seen::Other }
        });
        assert!(looks > 1, "{looks} looks");
        assert!(began.elapsed() < EXECUTION_TIMEOUT * 5, "{:?}", began.elapsed());
    }
}
