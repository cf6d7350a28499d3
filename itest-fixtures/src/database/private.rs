//! The folder of a private server: in memory where there is room, and removed with everything in it.

use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use rustix::process::{Pid, test_kill_process};

use itest_runtime::__private::{FunctionKind, TeardownEntry, call_with, inventory};
use itest_runtime::{Durable, Error, Teardown};

use super::{Owner, failed_to};

/// Memory that a server may need.
const ROOM: u64 = 512 << 20;

/// What the folders' names begin with; the server's name follows.
const PREFIX: &str = "itest-";

/// The longest path of a socket.
const LONGEST_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// What servers call their sockets, at most.
const LONGEST_SOCKET: usize = "/.s.PGSQL.5432.lock".len();

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
    let name = format!("{PREFIX}{server}-{}-{number:016x}", std::process::id());
    let folder = parent(name.len() + LONGEST_SOCKET)?.join(name);
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

/// How many connections a server allows: enough for twice as many workers as there are processors, and pools of some size.
pub(crate) fn connections() -> usize {
    const FEWEST: usize = 200;
    const FOR_A_PROCESSOR: usize = 16;
    std::thread::available_parallelism().map_or(FEWEST, |count| FEWEST.max(FOR_A_PROCESSOR.saturating_mul(count.get())))
}

/// Why a server does not answer that was just started.
pub(crate) fn silent(server: &str, error: &Error, log: &Path) -> Error {
    let said = fs::read_to_string(log).unwrap_or_default();
    // The end of it may be told already.
    let error = error.to_string();
    let error = error.split("; the server has ended").next().unwrap_or_default();
    Error::new(format!("the private {server} server does not answer: {error}\nit says:\n{said}"))
}

/// The server in a folder, if it is alive; it has written its number to the first line of `note`.
pub(crate) fn running(folder: &Path, note: &str) -> Option<Pid> {
    let noted = fs::read_to_string(folder.join(note)).ok()?;
    let pid = Pid::from_raw(noted.lines().next()?.trim().parse().ok()?)?;
    // The number may be somebody else's by now: a server that was killed leaves its note behind.
    let command = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero()));
    let is_ours = command.map_or(true, |line| String::from_utf8_lossy(&line).contains(&*folder.to_string_lossy()));
    (is_ours && test_kill_process(pid).is_ok()).then_some(pid)
}

/// What the server in a folder has said last, for whoever wonders why it has ended.
pub(crate) fn last_words(folder: &Path) -> String {
    const LINES: usize = 5;
    let said = fs::read_to_string(folder.join("log")).unwrap_or_default();
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// In memory, where there is room; else in the temp dir, or in a shorter one if sockets in it would have too long a path.
fn parent(inside: usize) -> Result<PathBuf, Error> {
    let memory = Path::new("/dev/shm");
    if takes_a_server(memory) { Ok(memory.to_owned()) } else { short(&std::env::temp_dir(), inside) }
}

fn takes_a_server(memory: &Path) -> bool {
    let room = rustix::fs::statvfs(memory).map(|found| found.f_bavail.saturating_mul(found.f_frsize));
    let may_write = rustix::fs::access(memory, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    room.is_ok_and(|room| room >= ROOM) && may_write
}

/// The temp dir, or a shorter one if sockets in it would have too long a path.
fn short(temp: &Path, inside: usize) -> Result<PathBuf, Error> {
    let fits = |folder: &&Path| folder.is_dir() && folder.as_os_str().len() + 1 + inside <= LONGEST_PATH;
    let found = [temp, Path::new("/tmp")].into_iter().find(fits);
    found.map(Path::to_owned).ok_or_else(|| {
        Error::new(format!("sockets in {} have too long a path: set TMPDIR to a shorter one", temp.display()))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_put_where_it_can_be() {
        assert!(!takes_a_server(Path::new("/dev/there/is/none")));
        // Nobody writes there, not even root.
        assert!(!takes_a_server(Path::new("/proc")));
        let taken = |temp: &str| short(Path::new(temp), 50).unwrap();
        assert_eq!(taken("/var/tmp"), Path::new("/var/tmp"));
        assert_eq!(taken("/nowhere"), Path::new("/tmp"));
        assert!(short(Path::new("/var/tmp"), LONGEST_PATH).is_err());
    }
}
