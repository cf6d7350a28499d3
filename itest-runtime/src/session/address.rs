//! The address of a run's session, and the owner of the session: the process with which the session ends.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::folder::default_roots;
use crate::model::{ProcessIdentity, RunConfig, SessionAddress, SessionConfig, SessionRole};
use crate::process::{ancestor, own_identity, parent};

/// The address and the configuration of the session of this run. With cargo-nextest, the run is the whole nextest run.
#[must_use]
pub(crate) fn address_of(config: &RunConfig) -> (SessionAddress, SessionConfig) {
    let binary = std::env::current_exe().unwrap_or_default();
    let (owner, name) = match &config.session.nextest {
        None => {
            let own = own_identity();
            (own, format!("run-{}-{}", own.pid, own.start))
        }
        Some(run) => {
            // Each test binary has its own session, because it has its own session fixtures.
            let mut hasher = DefaultHasher::new();
            binary.hash(&mut hasher);
            (nextest_process(), format!("nextest-{}-{:016x}", run.id, hasher.finish()))
        }
    };
    let address = SessionAddress { roots: roots(config), name, owner };
    (address, session_config(config, owner, binary))
}

/// The process of cargo-nextest. When it ends, the run is over. If it has already ended, this returns a process that does not
/// exist.
///
/// If no ancestor has nextest's name, then either nextest's binary was renamed, or nextest has ended and this process got another
/// parent. In the second case, nextest's end of the stdout pipe is closed.
fn nextest_process() -> ProcessIdentity {
    const ENDED: ProcessIdentity = ProcessIdentity { pid: 0, start: 0 };
    let renamed = || parent().filter(|_| !is_stdout_abandoned());
    ancestor("cargo-nextest").or_else(renamed).unwrap_or(ENDED)
}

/// Whether stdout is a pipe whose read end is closed.
fn is_stdout_abandoned() -> bool {
    let stdout = std::io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::OUT)];
    let _ = poll(&mut polled, Some(&Timespec::default()));
    polled[0].revents().contains(PollFlags::ERR)
}

/// The session that kills the processes that crashed tests of a cargo-nextest run have started. All test binaries of the run share
/// it, because it holds no fixtures. `None` for a run without cargo-nextest, in which the supervisor kills these processes.
#[must_use]
pub(crate) fn watch_address_of(config: &RunConfig) -> Option<(SessionAddress, SessionConfig)> {
    let run = config.session.nextest.as_ref()?;
    let (address, session) = address_of(config);
    Some((SessionAddress { name: format!("nextest-{}", run.id), ..address }, session))
}

/// The folders that may hold sessions.
#[must_use]
pub(crate) fn roots(config: &RunConfig) -> Vec<PathBuf> {
    config.session.dir.clone().map_or_else(default_roots, |dir| vec![dir])
}

/// A folder for the temp dirs of the probes of this process. When the process has ended, a sweep removes the folder.
#[must_use]
pub(crate) fn probe_folder(config: &RunConfig) -> PathBuf {
    // The last root usually has the shortest path, and the path of a socket must be short.
    let root = roots(config).pop().unwrap_or_else(std::env::temp_dir);
    root.join(format!(".p.{}", own_identity().pid))
}

fn session_config(config: &RunConfig, owner: ProcessIdentity, binary: PathBuf) -> SessionConfig {
    SessionConfig {
        owner,
        binary,
        limits: config.limits,
        seed: config.seed,
        require: config.require,
        log: config.log.clone(),
        role: SessionRole::Run { keep_services: config.session.keep_services },
    }
}
