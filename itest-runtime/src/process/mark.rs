//! Marks: a variable in the environment of a process that all its descendants inherit, wherever they go.
//!
//! A daemon leaves its parent, its process group and its session; it takes its environment along.

use std::time::Duration;

use rustix::process::Signal;

/// The variable by which what a worker started is found.
pub(crate) const WORKER_MARK: &str = "ITEST_WORKER";

/// The variable by which what a test of cargo-nextest started is found: nextest sets it, another value for each attempt.
pub(crate) const NEXTEST_MARK: &str = "NEXTEST_ATTEMPT_ID";

/// The variable by which what a [`Process`](crate::Process) started is found.
pub(crate) const PROCESS_MARK: &str = "ITEST_PROCESS";

/// How often it is looked for what was started while others were being ended.
const ROUNDS: u32 = 50;

/// Kills every process whose environment has this variable with this value, but for this one. Says how many there were.
///
/// A value stands for those below it, too: `run-1` for `run-1/2`.
pub(crate) fn kill_marked(name: &str, value: &str) -> usize {
    let wanted = format!("{name}={value}");
    let mut killed = std::collections::BTreeSet::new();
    for _ in 0..ROUNDS {
        let found = marked(&wanted);
        if found.is_empty() {
            break;
        }
        for pid in found {
            if send(pid, &wanted, Signal::KILL) {
                killed.insert(pid);
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    killed.len()
}

/// Whether any of the living processes that bear a mark was started under a name that begins like this.
pub(crate) fn is_any_marked(name: &str, value: &str, program: &str) -> bool {
    marked(&format!("{name}={value}")).into_iter().any(|pid| is_named(pid, program))
}

#[cfg(target_os = "linux")]
fn is_named(pid: u32, program: &str) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(program.as_bytes()))
}

#[cfg(not(target_os = "linux"))]
fn is_named(pid: u32, program: &str) -> bool {
    let told = std::process::Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output();
    told.is_ok_and(|told| told.stdout.starts_with(program.as_bytes()))
}

/// The living processes that bear a mark.
#[cfg(target_os = "linux")]
fn marked(wanted: &str) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers.filter(|pid| *pid != std::process::id() && bears(*pid, wanted)).collect()
}

#[cfg(target_os = "linux")]
fn bears(pid: u32, wanted: &str) -> bool {
    // That of a zombie is empty, and that of somebody else's process cannot be read.
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| is_or_is_below(variable, wanted))
}

fn is_or_is_below(variable: &[u8], wanted: &str) -> bool {
    variable.strip_prefix(wanted.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Sends a signal to the process that bears the mark, and to no later one of the same number.
#[cfg(target_os = "linux")]
fn send(pid: u32, wanted: &str, signal: Signal) -> bool {
    use rustix::process::{PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};

    let Some(number) = super::identity::number(pid) else { return false };
    match pidfd_open(number, PidfdFlags::empty()) {
        Ok(descriptor) => bears(pid, wanted) && pidfd_send_signal(&descriptor, signal).is_ok(),
        Err(rustix::io::Errno::NOSYS) => bears(pid, wanted) && kill_process(number, signal).is_ok(),
        Err(_) => false,
    }
}

#[cfg(not(target_os = "linux"))]
fn marked(wanted: &str) -> Vec<u32> {
    let Ok(told) = std::process::Command::new("ps").args(["-axEww", "-o", "pid=,command="]).output() else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let bears = |line: &&str| line.split_whitespace().any(|word| is_or_is_below(word.as_bytes(), wanted));
    let numbers = text.lines().filter(bears).filter_map(|line| line.split_whitespace().next()?.parse().ok());
    numbers.filter(|pid| *pid != std::process::id()).collect()
}

#[cfg(not(target_os = "linux"))]
fn send(pid: u32, _: &str, signal: Signal) -> bool {
    super::identity::number(pid).is_some_and(|number| rustix::process::kill_process(number, signal).is_ok())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_daemon_is_found_by_what_it_inherited() {
        let run = &format!("mark-test-{}", std::process::id());
        let value = format!("{run}/1");
        let mut shell = Command::new("sh")
            .args(["-c", "setsid sh -c 'sleep 60 & echo; exec sleep 61' & read line"])
            .env("ITEST_MARK_TEST", &value)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.take().unwrap()), &mut line).unwrap();
        drop(shell.stdin.take());
        shell.wait().unwrap();
        // Until a copy of the shell has become what it was made for.
        while !is_any_marked("ITEST_MARK_TEST", run, "sleep") {
            std::thread::yield_now();
        }
        assert!(!is_any_marked("ITEST_MARK_TEST", run, "sleeper"));
        assert_eq!(kill_marked("ITEST_MARK_TEST", &run[..run.len() - 1]), 0);
        assert_eq!(kill_marked("ITEST_MARK_TEST", run), 2);
        assert_eq!(kill_marked("ITEST_MARK_TEST", &value), 0);
    }
}
