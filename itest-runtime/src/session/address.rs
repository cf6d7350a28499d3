//! Where the session of a run is, and with whose end it ends.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use super::folder::default_roots;
use crate::model::{ProcessIdentity, RunConfig, SessionAddress, SessionConfig};
use crate::process::{ancestor, own_identity};

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
            let owner = ancestor(&["cargo-nextest"]).unwrap_or_else(own_identity);
            (owner, format!("nextest-{}-{:016x}", run.id, hasher.finish()))
        }
    };
    let address = SessionAddress { roots: roots(config), name, owner };
    (address, session_config(config, owner, binary))
}

/// The folders that may hold sessions.
#[must_use]
pub(crate) fn roots(config: &RunConfig) -> Vec<PathBuf> {
    config.session.dir.clone().map_or_else(default_roots, |dir| vec![dir])
}

/// A folder for what the probes of this process write into their temp dirs; whoever sweeps removes it when the process is gone.
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
