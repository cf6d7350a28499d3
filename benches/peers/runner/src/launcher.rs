//! Starts programs with a time limit, and measures their time or their memory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use figures::{Context, Failure};

use crate::process_tree;

/// The number of lines of a failed program's output that are shown.
const MAX_SHOWN_LINES: usize = 20;

/// The variable with the folders of dynamic libraries.
pub(crate) const LIBRARIES: &str = "LD_LIBRARY_PATH";

/// Starts programs, whose output goes to files.
#[derive(Debug)]
pub(crate) struct Launcher {
    stdout: PathBuf,
    stderr: PathBuf,
}

/// The duration and the output of a program that succeeded.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) elapsed: Duration,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Peak memory of a program and of the largest process below it, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peak {
    pub(crate) top: u64,
    pub(crate) largest_child: Option<u64>,
}

impl Launcher {
    pub(crate) fn new(logs: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(logs).context(|| format!("creating {}", logs.display()))?;
        Ok(Self { stdout: logs.join("stdout.txt"), stderr: logs.join("stderr.txt") })
    }

    /// Runs a program that must succeed, and returns its duration. Its output is discarded.
    pub(crate) fn time(&self, command: &mut Command, limit: Duration) -> Result<Duration, Failure> {
        command.stdout(Stdio::null());
        self.run(command, limit)
    }

    /// Runs a program that must succeed, and returns what it printed.
    pub(crate) fn capture(&self, command: &mut Command, limit: Duration) -> Result<Finished, Failure> {
        command.stdout(create(&self.stdout)?);
        let elapsed = self.run(command, limit)?;
        Ok(Finished { elapsed, stdout: contents(&self.stdout)?, stderr: contents(&self.stderr)? })
    }

    /// Runs a program that must succeed, and measures its peak memory and that of its children.
    pub(crate) fn peak(&self, command: &mut Command, limit: Duration) -> Result<Peak, Failure> {
        let what = describe(command);
        prepare(command);
        command.stdout(Stdio::null()).stderr(create(&self.stderr)?);
        let mut child = command.spawn().context(|| format!("starting {what}"))?;
        let deadline = Instant::now() + limit;
        // The peak of a process never decreases, so the last reading of each process counts.
        let mut peaks: Vec<(u32, u64)> = Vec::new();
        let status = loop {
            for process in process_tree::members(child.id()) {
                if let Some(peak) = process_tree::peak_memory(process) {
                    peaks.retain(|(known, _)| *known != process);
                    peaks.push((process, peak));
                }
            }
            if let Some(status) = ended(&mut child, &what)? {
                break status;
            }
            if Instant::now() >= deadline {
                kill(child.id());
                child.wait().context(|| format!("stopping {what}"))?;
                return Err(too_slow(&what, limit));
            }
            thread::sleep(Duration::from_micros(500));
        };
        self.succeeded(&what, status)?;
        let top = peaks
            .iter()
            .find_map(|(process, peak)| (*process == child.id()).then_some(*peak))
            .ok_or_else(|| Failure::new("memory is read from /proc, which this system does not have"))?;
        let largest_child = peaks.iter().filter_map(|(process, peak)| (*process != child.id()).then_some(*peak)).max();
        Ok(Peak { top, largest_child })
    }

    fn run(&self, command: &mut Command, limit: Duration) -> Result<Duration, Failure> {
        let what = describe(command);
        prepare(command);
        command.stderr(create(&self.stderr)?);
        // This thread blocks until the program ends, and another thread enforces the limit. Polling would
        // round up the times of programs that take a millisecond.
        let process = AtomicU32::new(0);
        let (finished, finish) = mpsc::channel();
        let (status, elapsed, watched) = thread::scope(|scope| {
            let process = &process;
            let watchdog = scope.spawn(move || watch(process, &finish, limit));
            let started = Instant::now();
            let status = command.spawn().and_then(|mut child| {
                process.store(child.id(), Ordering::Relaxed);
                child.wait()
            });
            let elapsed = started.elapsed();
            drop(finished);
            (status, elapsed, watchdog.join())
        });
        let status = status.context(|| format!("starting {what}"))?;
        match watched {
            Ok(Watch::Finished) => self.succeeded(&what, status).map(|()| elapsed),
            Ok(Watch::Killed) => Err(too_slow(&what, limit)),
            Err(_) => Err(Failure::new(format!("the watchdog of {what} panicked"))),
        }
    }

    fn succeeded(&self, what: &str, status: ExitStatus) -> Result<(), Failure> {
        if status.success() {
            return Ok(());
        }
        let mut message = format!("{what} failed ({status})");
        let output = contents(&self.stderr).unwrap_or_default();
        let lines: Vec<_> = output.lines().collect();
        for line in lines.iter().skip(lines.len().saturating_sub(MAX_SHOWN_LINES)) {
            message.push_str("\n    ");
            message.push_str(line);
        }
        Err(Failure::new(message))
    }
}

/// The result of the watchdog.
enum Watch {
    Finished,
    Killed,
}

fn watch(process: &AtomicU32, finish: &Receiver<()>, limit: Duration) -> Watch {
    match finish.recv_timeout(limit) {
        Ok(()) | Err(RecvTimeoutError::Disconnected) => Watch::Finished,
        Err(RecvTimeoutError::Timeout) => {
            kill(process.load(Ordering::Relaxed));
            Watch::Killed
        }
    }
}

/// Kills a process that was started here, and its descendants.
fn kill(process: u32) {
    if process == 0 {
        return;
    }
    let members = process_tree::members(process);
    // The standard library can only kill direct children, so the `kill` of the shell is used.
    let _ = Command::new("sh")
        .args(["-c", "kill -KILL \"$@\"", "kill"])
        .args(members.iter().map(u32::to_string))
        .stderr(Stdio::null())
        .status();
}

/// Removes variables that Cargo sets for this program from the environment of a started program.
fn prepare(command: &mut Command) {
    command.stdin(Stdio::null());
    for name in ["CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        command.env_remove(name);
    }
    // `cargo run` sets this variable, and each folder in it slows the start of every program. Only a program with dynamic libraries
    // gets a value of its own.
    if !command.get_envs().any(|(name, _)| name == LIBRARIES) {
        command.env_remove(LIBRARIES);
    }
}

fn ended(child: &mut Child, what: &str) -> Result<Option<ExitStatus>, Failure> {
    child.try_wait().context(|| format!("waiting for {what}"))
}

fn too_slow(what: &str, limit: Duration) -> Failure {
    let seconds = limit.as_secs_f64();
    Failure::new(format!("{what} was killed: it took more than {seconds} seconds"))
}

fn describe(command: &Command) -> String {
    let mut text = String::from("`");
    text.push_str(&command.get_program().to_string_lossy());
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text.push('`');
    text
}

fn create(file: &Path) -> Result<File, Failure> {
    File::create(file).context(|| format!("creating {}", file.display()))
}

fn contents(file: &Path) -> Result<String, Failure> {
    let bytes = fs::read(file).context(|| format!("reading {}", file.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;

    fn launcher(name: &str) -> Result<Launcher, Failure> {
        let logs = Layout::find()?.logs();
        Launcher::new(&logs.join("tests").join(name))
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_of_a_program_is_captured() -> Result<(), Failure> {
        let finished = launcher("capture")?.capture(&mut shell("echo out; echo err >&2"), Duration::from_secs(10))?;
        assert_eq!(finished.stdout, "out\n");
        assert_eq!(finished.stderr, "err\n");
        Ok(())
    }

    #[test]
    fn failure_shows_the_end_of_the_output() -> Result<(), Failure> {
        let failed = launcher("failure")?.time(&mut shell("echo broken >&2; exit 3"), Duration::from_secs(10));
        let message = failed.err().map(|failure| failure.to_string());
        assert!(message.is_some_and(|text| text.ends_with("(exit status: 3)\n    broken")));
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_of_children_is_measured() -> Result<(), Failure> {
        let mut command = shell("sleep 0.3 & wait");
        let peak = launcher("peak")?.peak(&mut command, Duration::from_secs(10))?;
        assert!(peak.top > 100_000);
        assert!(peak.largest_child.is_some_and(|child| child > 100_000));
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn hung_program_is_killed_with_its_children() -> Result<(), Failure> {
        let limit = Duration::from_millis(300);
        let launcher = launcher("hung")?;
        let started = Instant::now();
        let timed = launcher.time(&mut shell("sleep 30 & wait"), limit);
        let watched = launcher.peak(&mut shell("sleep 30 & wait"), limit);
        assert!(started.elapsed() < Duration::from_secs(10));
        for message in [timed.err(), watched.err()].map(|failure| failure.map(|f| f.to_string())) {
            assert!(message.is_some_and(|text| text.contains("took more than 0.3 seconds")));
        }
        Ok(())
    }
}
