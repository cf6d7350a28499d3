//! Finding the processes of a run, whoever their parents are, and sending them signals.

use std::fs;
use std::io::Read as _;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The variable that all processes of a run inherit.
pub(crate) const MARK: &str = "SOAK_MARK";

/// What a process is in its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The process that was started, or one on its way from there to a test: the supervisor, cargo-nextest.
    Runner,
    /// One that runs tests.
    Worker,
    /// A session's server.
    Server,
    /// One that executes the ledger of a dead one.
    Recovering,
    /// What a test started.
    Program,
}

/// A living process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) role: Role,
    pub(crate) command: String,
}

/// The living processes whose mark begins with these characters. A zombie has ended.
pub(crate) fn marked(beginning: &str) -> Vec<Process> {
    let wanted = format!("{MARK}={beginning}");
    let entries = fs::read_dir("/proc").into_iter().flatten();
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|id| bears(*id, wanted.as_bytes())).filter_map(describe).collect()
}

fn bears(id: u32, wanted: &[u8]) -> bool {
    environment(id).split(|byte| *byte == 0).any(|variable| variable.starts_with(wanted))
}

/// In one call: a process that executes another program meanwhile has nothing more to read, as at the end.
fn environment(id: u32) -> Vec<u8> {
    let mut environment = vec![0; 1 << 16];
    let read = fs::File::open(format!("/proc/{id}/environ")).and_then(|mut file| file.read(&mut environment));
    environment.truncate(read.unwrap_or(0));
    environment
}

fn describe(id: u32) -> Option<Process> {
    let bytes = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&bytes).replace('\0', " ").trim_end().to_owned();
    let has = |word: &str| command.split(' ').any(|found| found == word);
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

/// Sends a signal; says whether there was anyone to take it.
pub(crate) fn send(id: u32, signal: Signal) -> bool {
    number(id).is_some_and(|id| kill_process(id, signal).is_ok())
}

/// Sends a signal to a process group.
pub(crate) fn send_to_group(leader: u32, signal: Signal) -> bool {
    number(leader).is_some_and(|leader| kill_process_group(leader, signal).is_ok())
}

/// Kills all of a run's processes that are wanted, after all of them have been stopped: none sees another one die.
///
/// Says how many there were.
pub(crate) fn kill_stopped(mark: &str, is_wanted: impl Fn(&Process) -> bool) -> usize {
    let mut stopped: Vec<u32> = Vec::new();
    loop {
        let found = marked(mark).into_iter().filter(&is_wanted);
        let running: Vec<u32> = found.map(|process| process.id).filter(|id| !stopped.contains(id)).collect();
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
