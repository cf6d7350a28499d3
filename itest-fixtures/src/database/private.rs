//! The folder of a private server: in memory where there is room, and removed with everything in it.

use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use itest_runtime::__private::{FunctionKind, TeardownEntry, call_with, inventory};
use itest_runtime::{Durable, Error, Teardown};

use super::{Owner, failed_to};

/// Memory that a server may need.
const ROOM: u64 = 512 << 20;

/// What the folders' names begin with; the server's name follows.
const PREFIX: &str = "itest-";

const REMOVE: TeardownEntry = TeardownEntry {
    name: "itest::remove_private_server",
    location: "itest",
    kind: FunctionKind::Async,
    run: |arguments| {
        call_with(arguments, |folder: PathBuf| {
            Box::pin(async move { remove(&folder).map_err(|error| error.to_problem()) })
        })
    },
};

inventory::submit! { REMOVE }

/// A name for a folder that is not there yet, in the ledger before it is.
pub(crate) fn folder(server: &str, teardown: &Teardown) -> Result<PathBuf, Error> {
    let number = RandomState::new().hash_one(std::process::id());
    let folder = parent().join(format!("{PREFIX}{server}-{}-{number:016x}", std::process::id()));
    teardown.durable(|folder| Durable::new(folder, &REMOVE), folder.clone())?;
    Ok(folder)
}

/// Makes the folder, and in it the file that the server writes its log to.
pub(crate) fn prepare(folder: &Path, owner: Option<&Owner>) -> Result<(PathBuf, File), Error> {
    let make = || {
        DirBuilder::new().mode(0o700).create(folder)?;
        // The umask may have taken rights that the owner needs.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        owner.map_or(Ok(()), |owner| owner.give(folder))?;
        let log = folder.join("log");
        File::create(&log).map(|file| (log, file))
    };
    make().map_err(|error| failed_to(&format!("make {}", folder.display()), &error))
}

/// In memory, where there is room.
fn parent() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).map(|found| found.f_bavail.saturating_mul(found.f_frsize));
    if room.is_ok_and(|room| room >= ROOM) { memory.to_owned() } else { std::env::temp_dir() }
}

fn remove(folder: &Path) -> Result<(), Error> {
    let is_ours = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    if !is_ours {
        return Err(Error::new(format!("{} is no folder of a private cluster", folder.display())));
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(failed_to(&format!("remove {}", folder.display()), &error))
        }
        _ => Ok(()),
    }
}
