//! Lists the processes of a run, whatever their parents are, and sends them signals.

use std::fs;
use std::io::Read as _;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The environment variable that all processes of a run inherit.
pub(crate) const MARK: &str = "SOAK_MARK";

/// The role of a process in its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The started process, or a process between it and the tests: the supervisor, cargo-nextest.
    Runner,
    /// A process that runs tests.
    Worker,
    /// A session server.
    Server,
    /// A process that executes the ledger of a dead process.
    Recovering,
    /// A program that a test started.
    Program,
}

/// A living process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) role: Role,
    pub(crate) command: String,
}

/// The living processes whose mark begins with these characters. Zombies are not included.
pub(crate) fn marked(beginning: &str) -> Vec<Process> {
    let wanted = format!("{MARK}={beginning}");
    let entries = fs::read_dir("/proc").into_iter().flatten();
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|id| has_mark(*id, wanted.as_bytes())).filter_map(describe).collect()
}

fn has_mark(id: u32, wanted: &[u8]) -> bool {
    environment(id).split(|byte| *byte == 0).any(|variable| variable.starts_with(wanted))
}

/// Reads the environment in a single call, because a process that executes another program between two reads would give an
/// incomplete result.
fn environment(id: u32) -> Vec<u8> {
    let mut environment = vec![0; 1 << 16];
    let read = fs::File::open(format!("/proc/{id}/environ")).and_then(|mut file| file.read(&mut environment));
    environment.truncate(read.unwrap_or(0));
    environment
}

fn describe(id: u32) -> Option<Process> {
    let bytes = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&bytes).replace('\0', " ").trim_end().to_owned();
    let has = |word: &str| command.split(' ').any(|other| other == word);
    let is_suite = command.split(' ').next().is_some_and(|program| program.ends_with("soak-suite"));
    let role = if has("--itest-worker") {
        Role::Worker
    } else if has("--itest-session") {
        Role::Server
    } else if has("--itest-recover") {
        Role::Recovering
    } else if is_suite && has("--exact") {
        // A test process of cargo-nextest.
        Role::Worker
    } else if is_suite || command.starts_with("cargo-nextest") || has("__double-spawn") {
        Role::Runner
    } else {
        Role::Program
    };
    (!command.is_empty()).then_some(Process { id, role, command })
}

fn number(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// Sends a signal, and returns whether the process exists.
pub(crate) fn send(id: u32, signal: Signal) -> bool {
    number(id).is_some_and(|id| kill_process(id, signal).is_ok())
}

/// Sends a signal to a process group.
pub(crate) fn send_to_group(leader: u32, signal: Signal) -> bool {
    number(leader).is_some_and(|leader| kill_process_group(leader, signal).is_ok())
}

/// Kills the selected processes of a run. It stops all of them first, so that none can react to the death of another.
///
/// Returns their number.
pub(crate) fn kill_stopped(mark: &str, is_wanted: impl Fn(&Process) -> bool) -> usize {
    let mut stopped: Vec<u32> = Vec::new();
    loop {
        let processes = marked(mark).into_iter().filter(&is_wanted);
        let running: Vec<u32> = processes.map(|process| process.id).filter(|id| !stopped.contains(id)).collect();
        if running.is_empty() {
            break;
        }
        for id in running {
            send(id, Signal::STOP);
            stopped.push(id);
        }
    }
    for id in &stopped {
        send(*id, Signal::KILL);
    }
    let began = Instant::now();
    while marked(mark).iter().any(|process| stopped.contains(&process.id)) && began.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(1));
    }
    stopped.len()
}
