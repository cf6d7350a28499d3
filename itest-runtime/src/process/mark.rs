//! Marks: an environment variable by which the descendants of a process can be recognized.
//!
//! A daemon can leave its parent, its process group and its session, but it still has the environment that it inherited.

use std::collections::BTreeSet;

use rustix::process::Signal;

#[cfg(target_os = "linux")]
use super::identity::may_have_environment;
use super::scan::{Candidate, Match, matches_any, scan_until_no_match};
use crate::model::Mark;

/// The variable that marks the processes that a worker started.
pub(crate) const WORKER_MARK: &str = "ITEST_WORKER";

/// The variable that marks the processes that session fixtures started. It is needed when the session server was killed.
pub(crate) const SESSION_MARK: &str = "ITEST_FIXTURE";

/// The variable that marks the processes that a test of cargo-nextest started. Nextest itself sets it, to another value for
/// each attempt.
pub(crate) const NEXTEST_MARK: &str = "NEXTEST_ATTEMPT_ID";

/// The variable that marks the processes that a [`Program`](crate::Program) starts.
pub(crate) const PROGRAM_MARK: &str = "ITEST_PROGRAM";

/// Kills every process with this mark, except this process. Returns the number of killed processes.
pub(crate) fn kill_marked(mark: &Mark) -> usize {
    let wanted = variable(mark);
    let mut killed = BTreeSet::new();
    scan_until_no_match(|candidate| match check(candidate, &wanted) {
        Match::Yes if send(candidate, &wanted, Signal::KILL) => {
            killed.insert(candidate.pid);
            Match::Yes
        }
        // The process has ended or has begun to execute another program. The next check decides which.
        Match::Yes => Match::Executing,
        result => result,
    });
    killed.len()
}

/// Whether a running process has this mark and a command line that begins with `program`.
pub(crate) fn is_any_marked(mark: &Mark, program: &str) -> bool {
    let wanted = variable(mark);
    matches_any(|candidate| match check(candidate, &wanted) {
        Match::Yes if !is_named(candidate, program) => Match::No,
        result => result,
    })
}

/// The mark in the form in which an environment holds it: `NAME=value`.
fn variable(Mark { name, value }: &Mark) -> String {
    format!("{name}={value}")
}

/// Whether the variable equals the mark, or its value continues after `/` or `$`. A worker's mark continues the mark of its
/// run in this way.
fn is_or_is_below(variable: &[u8], wanted: &str) -> bool {
    variable.strip_prefix(wanted.as_bytes()).is_some_and(|rest| matches!(rest, [] | [b'/' | b'$', ..]))
}

/// The mark of a process that a suite has started, compared with another mark.
#[cfg(target_os = "linux")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItestMark {
    /// The process has the other mark.
    Same,
    /// A suite has started the process, and it does not have the other mark.
    Other,
    /// No suite has started the process, or its environment is not readable.
    None,
}

/// Compares the marks of a process with another mark.
#[cfg(target_os = "linux")]
pub(super) fn itest_mark_of(pid: u32, mark: &Mark) -> ItestMark {
    let Ok(environment) = environment(pid) else { return ItestMark::None };
    let wanted = variable(mark);
    let names = [WORKER_MARK, SESSION_MARK, PROGRAM_MARK];
    let is_itest = |variable: &[u8]| {
        names.iter().any(|name| variable.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"=")))
    };
    let mut variables = environment.split(|byte| *byte == 0);
    if variables.clone().any(|variable| is_or_is_below(variable, &wanted)) {
        ItestMark::Same
    } else if variables.any(is_itest) {
        ItestMark::Other
    } else {
        ItestMark::None
    }
}

/// Checks whether a process has a mark.
#[cfg(target_os = "linux")]
fn check(&Candidate { pid }: &Candidate, wanted: &str) -> Match {
    // An error means that the process has ended or belongs to another user.
    let Ok(environment) = environment(pid) else { return Match::No };
    if environment.is_empty() && may_have_environment(pid) {
        return Match::Executing;
    }
    let is_marked = environment.split(|byte| *byte == 0).any(|variable| is_or_is_below(variable, wanted));
    if is_marked { Match::Yes } else { Match::No }
}

/// The environment with which a process was started. It is empty while the process executes another program (`execve`).
#[cfg(target_os = "linux")]
fn environment(pid: u32) -> std::io::Result<Vec<u8>> {
    let path = format!("/proc/{pid}/environ");
    let mut capacity = 1 << 16;
    loop {
        let file = std::fs::File::open(&path)?;
        let mut environment = Vec::with_capacity(capacity);
        // The environment is read in one call. If the process executes another program between two calls, the second call
        // returns no bytes, which looks like the end of the file.
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

/// Sends a signal to a process with the mark, and never to a later process that got the same pid.
#[cfg(target_os = "linux")]
fn send(candidate: &Candidate, wanted: &str, signal: Signal) -> bool {
    use rustix::process::{PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};

    let Some(number) = super::identity::to_pid(candidate.pid) else { return false };
    let is_marked = || check(candidate, wanted) == Match::Yes;
    match pidfd_open(number, PidfdFlags::empty()) {
        Ok(descriptor) => is_marked() && pidfd_send_signal(&descriptor, signal).is_ok(),
        Err(rustix::io::Errno::NOSYS) => is_marked() && kill_process(number, signal).is_ok(),
        Err(_) => false,
    }
}

#[cfg(not(target_os = "linux"))]
fn check(Candidate { command, .. }: &Candidate, wanted: &str) -> Match {
    let is_marked = command.split_whitespace().any(|word| is_or_is_below(word.as_bytes(), wanted));
    if is_marked { Match::Yes } else { Match::No }
}

#[cfg(not(target_os = "linux"))]
fn is_named(Candidate { command, .. }: &Candidate, program: &str) -> bool {
    command.starts_with(program)
}

#[cfg(not(target_os = "linux"))]
fn send(Candidate { pid, .. }: &Candidate, _: &str, signal: Signal) -> bool {
    super::identity::to_pid(*pid).is_some_and(|number| rustix::process::kill_process(number, signal).is_ok())
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
    fn daemon_is_killed_by_its_inherited_mark() {
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
        // A forked copy of the shell needs a moment until it executes `sleep`.
        while !is_any_marked(&mark(run), "sleep") {
            std::thread::yield_now();
        }
        assert!(!is_any_marked(&mark(run), "sleeper"));
        assert_eq!(kill_marked(&mark(&run[..run.len() - 1])), 0);
        assert_eq!(kill_marked(&mark(run)), 2);
        assert_eq!(kill_marked(&mark(&value)), 0);
    }

    /// A shell script that starts itself again and again. It appends one byte to a file at each start.
    struct RestartingScript {
        folder: tempfile::TempDir,
        mark: String,
    }

    impl RestartingScript {
        fn start(mark: String, script: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("script");
            std::fs::write(&path, script).unwrap();
            let starts = folder.path().join("starts");
            std::fs::write(&starts, "").unwrap();
            let mut command = Command::new("sh");
            command.arg(&path).env("ITEST_MARK_TEST", &mark).env("STARTS", &starts).stdin(Stdio::null());
            // Only the first process of the script is a child of this process.
            drop(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
            let script = Self { folder, mark };
            while script.start_count() < 3 {
                std::thread::sleep(Duration::from_millis(1));
            }
            script
        }

        fn start_count(&self) -> u64 {
            std::fs::metadata(self.folder.path().join("starts")).unwrap().len()
        }
    }

    /// Starts eight copies of a script, kills each by its mark, and returns how many of them still run.
    fn survivors(script: &str) -> usize {
        let value = |number| format!("script-{}-{:p}-{number}", std::process::id(), script);
        let scripts: Vec<_> = (0..8).map(|number| RestartingScript::start(value(number), script)).collect();
        let kill_all = || scripts.iter().map(|script| kill_marked(&mark(&script.mark))).sum::<usize>();
        let count_running = || {
            let before: Vec<_> = scripts.iter().map(RestartingScript::start_count).collect();
            std::thread::sleep(Duration::from_millis(100));
            scripts.iter().zip(before).filter(|(script, before)| script.start_count() > *before).count()
        };
        kill_all();
        let survivors = count_running();
        // A script that survived would run in the background of other tests.
        let mut running = survivors;
        while running > 0 {
            kill_all();
            running = count_running();
        }
        survivors
    }

    #[test]
    fn process_that_calls_exec_in_a_loop_is_killed() {
        assert_eq!(survivors("printf . >> \"$STARTS\"\nexec sh \"$0\"\n"), 0);
    }

    #[test]
    fn process_that_forks_and_exits_in_a_loop_is_killed() {
        assert_eq!(survivors("printf . >> \"$STARTS\"\nsh \"$0\" &\nexit\n"), 0);
        assert_eq!(survivors("again() { printf . >> \"$STARTS\"; (again) & exit; }\nagain\n"), 0);
    }

    #[test]
    fn processes_that_start_children_in_a_loop_are_killed() {
        let script = "printf . >> \"$STARTS\"\n\
                      for i in 1 2 3; do (sleep 0.01; exec sh -c 'sleep 0.02') & done\n\
                      wait\n\
                      exec sh \"$0\"\n";
        assert_eq!(survivors(script), 0);
    }
}
