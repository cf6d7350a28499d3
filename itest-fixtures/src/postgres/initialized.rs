//! An initialized data directory: copied from a cache, or made by `initdb` and put there.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use itest_runtime::Error;

use super::address::SUPERUSER;
use super::binaries::Binaries;
use crate::database::{Fingerprint, Owner, cached, failed_to};

/// What makes a private cluster quick: nothing of it must survive its machine. Written into its configuration.
const SETTINGS: &str = "
# A server for tests: nothing of it must survive a crash.
listen_addresses = ''
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
min_wal_size = '2MB'
max_wal_size = '256MB'
dynamic_shared_memory_type = mmap
checkpoint_timeout = '1h'
shared_buffers = '64MB'
max_connections = 200
max_prepared_transactions = 50
jit = off
";

/// A text as in the server's own files, with a locale that knows letters; where the system has none, without.
const LOCALES: [&str; 2] = ["--locale=C.UTF-8", "--no-locale"];

/// Fills `data`, which is not there yet, in a folder that `owner` can write to.
pub(super) fn initialize(binaries: &Binaries, data: &Path, owner: Option<&Owner>) -> Result<(), Error> {
    let key = Fingerprint::default().of(&binaries.version).of(&SETTINGS).of(&LOCALES).text();
    cached(&format!("postgres-{key}"), data, owner, || initialize_anew(binaries, data, owner))
}

fn initialize_anew(binaries: &Binaries, data: &Path, owner: Option<&Owner>) -> Result<(), Error> {
    let mut said = String::new();
    for locale in LOCALES {
        let mut command = binaries.program("initdb");
        command.arg("-D").arg(data).args(["-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", locale]);
        command.args(["--no-sync", "--no-instructions", "--wal-segsize=1"]).current_dir("/");
        if let Some(owner) = owner {
            owner.run(&mut command);
        }
        let output = command.output().map_err(|error| failed_to("start initdb", &error))?;
        if output.status.success() {
            let configuration = data.join("postgresql.conf");
            let written = OpenOptions::new().append(true).open(&configuration);
            let written = written.and_then(|mut file| io::Write::write_all(&mut file, SETTINGS.as_bytes()));
            return written.map_err(|error| failed_to(&format!("write {}", configuration.display()), &error));
        }
        String::from_utf8_lossy(&output.stderr).trim().clone_into(&mut said);
        let _ = fs::remove_dir_all(data);
    }
    Err(Error::new(format!("initdb cannot make a cluster in {}: {said}", data.display())))
}
