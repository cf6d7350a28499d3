//! Where the session of a run is, and with whose end it ends.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::folder::default_roots;
use crate::model::{ProcessIdentity, RunConfig, SessionAddress, SessionConfig};
use crate::process::{ancestor, own_identity, parent};

/// The session of the run that this process supervises, or of the cargo-nextest run that it is part of.
#[must_use]
pub(crate) fn address_of(config: &RunConfig) -> (SessionAddress, SessionConfig) {
    let binary = std::env::current_exe().unwrap_or_default();
    let (owner, name) = match &config.session.nextest {
        None => {
            let own = own_identity();
            (own, format!("run-{}-{}", own.pid, own.start))
        }
        Some(run) => {
            // Each test binary has fixtures of its own, and so a session of its own.
            let mut hasher = DefaultHasher::new();
            binary.hash(&mut hasher);
            (runner(), format!("nextest-{}-{:016x}", run.id, hasher.finish()))
        }
    };
    let address = SessionAddress { roots: roots(config), name, owner };
    (address, session_config(config, owner, binary))
}

/// The process with whose end a run of cargo-nextest is over; one that has ended, if the run is over already.
///
/// Where no ancestor has nextest's name, it may have another one, or it has ended and this process fell to another parent. Its end
/// of the pipes is closed then.
fn runner() -> ProcessIdentity {
    const ENDED: ProcessIdentity = ProcessIdentity { pid: 0, start: 0 };
    let other = || parent().filter(|_| !is_stdout_abandoned());
    ancestor("cargo-nextest").or_else(other).unwrap_or(ENDED)
}

/// Whether stdout is a pipe from which no process reads any more.
fn is_stdout_abandoned() -> bool {
    let stdout = std::io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::OUT)];
    let _ = poll(&mut polled, Some(&Timespec::default()));
    polled[0].revents().contains(PollFlags::ERR)
}

/// The session that ends what crashed tests of a cargo-nextest run have started: one for all binaries of the run, because it has
/// nothing of any. `None`: the run is no run of cargo-nextest, and its supervisor does that.
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

/// A folder for what the probes of this process write into their temp dirs; a sweep removes it when the process has ended.
#[must_use]
pub(crate) fn probe_folder(config: &RunConfig) -> PathBuf {
    // The last root is the shortest one: sockets have short names.
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
    }
}
