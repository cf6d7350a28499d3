//! Marks: a variable in the environment of a process that all its descendants inherit, wherever they go.
//!
//! A daemon leaves its parent, its process group and its session; it takes its environment along.

use std::collections::BTreeSet;

use rustix::process::Signal;

#[cfg(target_os = "linux")]
use super::identity::may_have_environment;
use super::scan::{Candidate, Seen, is_any, scan_until_clear};
use crate::model::Mark;

/// The variable by which what a worker started is found.
pub(crate) const WORKER_MARK: &str = "ITEST_WORKER";

/// The variable by which what session fixtures started is found, when the session's server was killed.
pub(crate) const SESSION_MARK: &str = "ITEST_FIXTURE";

/// The variable by which what a test of cargo-nextest started is found: nextest sets it, another value for each attempt.
pub(crate) const NEXTEST_MARK: &str = "NEXTEST_ATTEMPT_ID";

/// The variable by which what a [`Process`](crate::Process) started is found.
pub(crate) const PROCESS_MARK: &str = "ITEST_PROCESS";

/// Kills every process that bears this mark, but for this one. Returns how many there were.
pub(crate) fn kill_marked(mark: &Mark) -> usize {
    let wanted = variable(mark);
    let mut killed = BTreeSet::new();
    scan_until_clear(|candidate| match look(candidate, &wanted) {
        Seen::Wanted if send(candidate, &wanted, Signal::KILL) => {
            killed.insert(candidate.pid);
            Seen::Wanted
        }
        // It has ended, or has begun to execute a program; the next look tells.
        Seen::Wanted => Seen::Executing,
        seen => seen,
    });
    killed.len()
}

/// Whether any of the living processes that bear this mark was started under a name that begins like this.
pub(crate) fn is_any_marked(mark: &Mark, program: &str) -> bool {
    let wanted = variable(mark);
    is_any(|candidate| match look(candidate, &wanted) {
        Seen::Wanted if !is_named(candidate, program) => Seen::Other,
        seen => seen,
    })
}

/// A mark as it stands in an environment.
fn variable(Mark { name, value }: &Mark) -> String {
    format!("{name}={value}")
}

fn is_or_is_below(variable: &[u8], wanted: &str) -> bool {
    variable.strip_prefix(wanted.as_bytes()).is_some_and(|rest| matches!(rest, [] | [b'/' | b'$', ..]))
}

/// Whether a process bears a mark.
#[cfg(target_os = "linux")]
fn look(&Candidate { pid }: &Candidate, wanted: &str) -> Seen {
    // It has ended, or belongs to another user.
    let Ok(environment) = environment(pid) else { return Seen::Other };
    if environment.is_empty() && may_have_environment(pid) {
        return Seen::Executing;
    }
    let is_marked = environment.split(|byte| *byte == 0).any(|variable| is_or_is_below(variable, wanted));
    if is_marked { Seen::Wanted } else { Seen::Other }
}

/// The environment with which a process was started; empty if it is executing another program.
#[cfg(target_os = "linux")]
fn environment(pid: u32) -> std::io::Result<Vec<u8>> {
    let path = format!("/proc/{pid}/environ");
    let mut capacity = 1 << 16;
    loop {
        let file = std::fs::File::open(&path)?;
        let mut environment = Vec::with_capacity(capacity);
        // In one call: when the process executes another program, a second call finds nothing, as at the end.
        rustix::io::retry_on_intr(|| rustix::io::read(&file, rustix::buffer::spare_capacity(&mut environment)))?;
        if environment.len() < capacity {
            return Ok(environment);
        }
        capacity *= 2;
    }
}

#[cfg(target_os = "linux")]
fn is_named(Candidate { pid }: &Candidate, program: &str) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(program.as_bytes()))
}

/// Sends a signal to the process that bears the mark, and to no later one of the same number.
#[cfg(target_os = "linux")]
fn send(candidate: &Candidate, wanted: &str, signal: Signal) -> bool {
    use rustix::process::{PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};

    let Some(number) = super::identity::number(candidate.pid) else { return false };
    let is_marked = || look(candidate, wanted) == Seen::Wanted;
    match pidfd_open(number, PidfdFlags::empty()) {
        Ok(descriptor) => is_marked() && pidfd_send_signal(&descriptor, signal).is_ok(),
        Err(rustix::io::Errno::NOSYS) => is_marked() && kill_process(number, signal).is_ok(),
        Err(_) => false,
    }
}

#[cfg(not(target_os = "linux"))]
fn look(Candidate { command, .. }: &Candidate, wanted: &str) -> Seen {
    let is_marked = command.split_whitespace().any(|word| is_or_is_below(word.as_bytes(), wanted));
    if is_marked { Seen::Wanted } else { Seen::Other }
}

#[cfg(not(target_os = "linux"))]
fn is_named(Candidate { command, .. }: &Candidate, program: &str) -> bool {
    command.starts_with(program)
}

#[cfg(not(target_os = "linux"))]
fn send(Candidate { pid, .. }: &Candidate, _: &str, signal: Signal) -> bool {
    super::identity::number(*pid).is_some_and(|number| rustix::process::kill_process(number, signal).is_ok())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;

    fn mark(value: &str) -> Mark {
        Mark::new("ITEST_MARK_TEST", value)
    }

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
        while !is_any_marked(&mark(run), "sleep") {
            std::thread::yield_now();
        }
        assert!(!is_any_marked(&mark(run), "sleeper"));
        assert_eq!(kill_marked(&mark(&run[..run.len() - 1])), 0);
        assert_eq!(kill_marked(&mark(run)), 2);
        assert_eq!(kill_marked(&mark(&value)), 0);
    }

    /// A shell script that never stops starting itself again, and notes each of its lives in a file.
    struct Storm {
        folder: tempfile::TempDir,
        mark: String,
    }

    impl Storm {
        fn start(mark: String, script: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("storm");
            std::fs::write(&path, script).unwrap();
            let notes = folder.path().join("notes");
            std::fs::write(&notes, "").unwrap();
            let mut command = Command::new("sh");
            command.arg(&path).env("ITEST_MARK_TEST", &mark).env("NOTES", &notes).stdin(Stdio::null());
            // Only its first life is a child of this process.
            drop(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
            let storm = Self { folder, mark };
            while storm.lives() < 3 {
                std::thread::sleep(Duration::from_millis(1));
            }
            storm
        }

        fn lives(&self) -> u64 {
            std::fs::metadata(self.folder.path().join("notes")).unwrap().len()
        }
    }

    /// Starts storms side by side and kills each; how many of them go on.
    fn survivors(script: &str) -> usize {
        let value = |number| format!("storm-{}-{:p}-{number}", std::process::id(), script);
        let storms: Vec<_> = (0..8).map(|number| Storm::start(value(number), script)).collect();
        let kill_all = || storms.iter().map(|storm| kill_marked(&mark(&storm.mark))).sum::<usize>();
        let survivors = || {
            let before: Vec<_> = storms.iter().map(Storm::lives).collect();
            std::thread::sleep(Duration::from_millis(100));
            storms.iter().zip(before).filter(|(storm, before)| storm.lives() > *before).count()
        };
        kill_all();
        let found = survivors();
        // No storm is to go on in the background of other tests.
        let mut left = found;
        while left > 0 {
            kill_all();
            left = survivors();
        }
        found
    }

    #[test]
    fn a_process_that_executes_programs_all_the_time_is_killed() {
        assert_eq!(survivors("printf . >> \"$NOTES\"\nexec sh \"$0\"\n"), 0);
    }

    #[test]
    fn a_process_that_lives_on_in_new_children_all_the_time_is_killed() {
        assert_eq!(survivors("printf . >> \"$NOTES\"\nsh \"$0\" &\nexit\n"), 0);
        assert_eq!(survivors("life() { printf . >> \"$NOTES\"; (life) & exit; }\nlife\n"), 0);
    }

    #[test]
    fn many_processes_that_start_others_all_the_time_are_killed() {
        let script = "printf . >> \"$NOTES\"\n\
                      for i in 1 2 3; do (sleep 0.01; exec sh -c 'sleep 0.02') & done\n\
                      wait\n\
                      exec sh \"$0\"\n";
        assert_eq!(survivors(script), 0);
    }
}
