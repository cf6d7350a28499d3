//! The process that executes a ledger: it calls the teardown functions of the resources that were not given back.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::ledger::LedgerFile;
use super::recover::{MAX_TRIES, StepReport, untried};
use super::signals::survive_termination_signals;
use crate::inject::{PanicOutput, TeardownEntry, block_on, install_panic_hook, timeout};
use crate::model::{HarnessError, LedgerEntry, LedgerLine, Limits, OutstandingEntry};
use crate::process::{Stopwatch, adopt_orphans, kill_all_children, kill_group};

/// Runs this process as a process that executes a ledger.
///
/// # Errors
///
/// When the process was not started for that, or cannot read or write the ledger.
pub(crate) fn recover_as_child(arguments: &[std::ffi::OsString]) -> Result<(), HarnessError> {
    let work = || -> io::Result<()> {
        let [ledger, recovery, limit] = arguments else { return Err(io::ErrorKind::InvalidInput.into()) };
        let limit = limit.to_str().and_then(|limit| limit.parse().ok()).ok_or(io::ErrorKind::InvalidInput)?;
        let recovery = recovery.to_string_lossy().into_owned();
        // This file is the ledger, which is locked as long as the file is open. Stdin is replaced, so that processes which
        // teardown functions start do not inherit the file.
        let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        // The reports are written to the original stdout. Stdout is replaced, so that the output of teardown functions does not
        // mix with the reports.
        let results = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdout(io::stderr())?;
        install_panic_hook(PanicOutput::AtOnce);
        adopt_orphans();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let outstanding = untried(&LedgerFile::at(PathBuf::from(ledger)), &recovery);
        let result = block_on(&runtime, async {
            survive_termination_signals()?;
            Recoverer { file, recovery, limit: Duration::from_millis(limit), results }.run(outstanding).await
        });
        runtime.shutdown_background();
        kill_all_children();
        result
    };
    work().map_err(HarnessError::io("execute a ledger (only the harness starts this process)"))
}

/// Executes one ledger in this process.
struct Recoverer {
    file: File,
    recovery: String,
    limit: Duration,
    results: File,
}

impl Recoverer {
    /// Calls the teardown functions one after the other, and reports the result of each.
    async fn run(mut self, outstanding: Vec<OutstandingEntry>) -> io::Result<()> {
        let step = start_watchdog(self.limit)?;
        for OutstandingEntry { taken, tried } in outstanding {
            step.begin();
            self.append_line(&LedgerLine::Tried { number: taken.number, recovery: self.recovery.clone() })?;
            let problem = self.call(&taken).await.map(|problem| match tried.len() + 1 {
                MAX_TRIES => format!("{problem} (this was the last try)"),
                _ => problem,
            });
            if problem.is_none() {
                self.append_line(&LedgerLine::GivenBack { number: taken.number })?;
            }
            let mut line = serde_json::to_vec(&StepReport { number: taken.number, function: taken.function, problem })?;
            line.push(b'\n');
            self.results.write_all(&line)?;
        }
        Ok(())
    }

    fn append_line(&mut self, line: &LedgerLine) -> io::Result<()> {
        self.file.write_all(line.encode()?.as_bytes())
    }

    /// Calls a teardown function. Returns its error, if it failed.
    async fn call(&self, taken: &LedgerEntry) -> Option<String> {
        let Some(entry) = TeardownEntry::find(&taken.function) else {
            let problem = "this binary has no `#[teardown]` function of that name; it was renamed or removed";
            return Some(problem.to_owned());
        };
        match timeout(self.limit, entry.give_back(&taken.arguments)).await {
            Ok(Ok(())) => None,
            Ok(Err(problem)) => Some(problem.message),
            Err(_) => Some(format!("still running after its limit of {:?}", self.limit)),
        }
    }
}

/// Starts a thread that kills this process if a step exceeds its limit. The caller starts the returned stopwatch at the beginning
/// of each step.
fn start_watchdog(limit: Duration) -> io::Result<Arc<Stopwatch>> {
    let step = Arc::new(Stopwatch::idle());
    let watched = Arc::clone(&step);
    std::thread::Builder::new().name("itest-watch".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(Limits::GRACE);
            // The parent kills this process earlier. This thread is needed only if the parent has died.
            if watched.elapsed() > limit + Limits::GRACE * 4 {
                kill_all_children();
                kill_group(std::process::id());
            }
        }
    })?;
    Ok(step)
}
