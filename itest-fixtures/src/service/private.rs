//! Starts private servers from the installed programs, each in a separate folder that is removed afterwards.

use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Access;

use itest_runtime::{Error, Ready, RunningProgram, Teardown};

use super::account::Account;
use super::address::Address;
use super::definition::{Programs as _, Service};
#[cfg(all(feature = "_run-server", any(feature = "_shared-run-server", feature = "_worker-server")))]
use super::private_server::ENDS;
use super::private_server::{LOG, LOG_FOLLOWS, PrivateServer};
use super::probe::probe_once;
use crate::failure::failed_to;
use crate::itest::teardown;

/// How long a server may take until it answers.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a server is started if its port is in use.
const MAX_PORT_ATTEMPTS: u32 = 5;

/// What servers write to their log when they cannot listen on a port: the text of C and of Go, in lower case.
const PORT_IN_USE: &str = "address already in use";

/// The free memory that is required to keep the files of a server in memory.
const MIN_MEMORY_BYTES: u64 = 512 << 20;

/// With less free space on its disk, a server that has not started is assumed to have failed because of the disk.
const MIN_DISK_BYTES: u64 = 64 << 10;

/// The files in the folder of a server that its replacement does not remove.
#[cfg(any(feature = "_shared-run-server", feature = "_worker-server"))]
const REMAINING_FILES: &[&str] = &[
    LOG,
    #[cfg(feature = "_run-server")]
    ENDS,
];

/// The prefix of the names of the folders. The id of the service follows.
const PREFIX: &str = "itest-";

/// The longest path of a socket.
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The longest name of a server's socket, or of a file beside it.
const MAX_SOCKET_NAME: usize = 24;

/// A private server that answers, and its program.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) server: PrivateServer,
    pub(super) program: RunningProgram,
}

/// Starts a private server, and waits until it answers. The removal of the folder and the end of the process are recorded in the ledger
/// before the folder and the process exist. If another process has taken the port in the meantime, the server gets another one.
///
/// # Errors
///
/// When the server cannot be started or does not answer. The error contains its log.
pub(super) async fn start<S: Service>(programs: &S::Programs, teardown: &Teardown) -> Result<Started, Error> {
    let mut attempt = 1;
    loop {
        let folder = new_folder(S::ID)?;
        let error = match start_in::<S>(folder.clone(), programs, teardown).await {
            Ok(started) => return Ok(started),
            Err(error) => error,
        };
        let log = fs::read_to_string(folder.join(LOG)).unwrap_or_default();
        if attempt == MAX_PORT_ATTEMPTS || !log.to_lowercase().contains(PORT_IN_USE) {
            return Err(error);
        }
        attempt += 1;
    }
}

async fn start_in<S: Service>(folder: PathBuf, programs: &S::Programs, teardown: &Teardown) -> Result<Started, Error> {
    teardown.durable(remove_private_server, folder.clone())?;
    let account = Account::instead_of_root(S::Programs::NAME, S::ACCOUNTS)?;
    make(&folder, account.as_ref())?;
    initialize::<S>(&folder, programs).await?;
    let mut program = programs.server(&folder);
    if let Some(account) = account {
        program = program.configure(move |command| account.run(command));
    }
    let [stdout, stderr] = [open_log(&folder)?, open_log(&folder)?];
    let server = PrivateServer::new(folder.clone(), S::PID_FILE);
    let probed = server.clone();
    let answers = Ready::probe("it accepts a connection", move |ports| {
        let address = Address::Private(probed.clone().at(&ports));
        async move { probe_once::<S>(&address).await }
    });
    let started = program
        .current_dir("/")
        .stdout(stdout)
        .stderr(stderr)
        .ready_when(answers)
        .startup_timeout(S::STARTUP_TIMEOUT.unwrap_or(STARTUP_TIMEOUT))
        // The end of a server is not reported as a crash: its pool or its worker slot reports the loss to the tests that use the server.
        .may_exit()
        .start(teardown);
    let program = started.await.map_err(|error| not_started(S::Programs::NAME, &error, &folder))?;
    if let Some(stop) = S::STOP {
        // The ledger is executed in reverse order, so recovery stops the server before it would kill the process.
        teardown.durable(stop, folder)?;
    }
    Ok(Started { server: server.at(&program.ports()), program })
}

/// Creates the files that a server needs in its folder, also those that an earlier server has changed.
///
/// # Errors
///
/// When the files cannot be created.
pub(super) async fn initialize<S: Service>(folder: &Path, programs: &S::Programs) -> Result<(), Error> {
    let (folder, programs) = (folder.to_owned(), programs.clone());
    let initialize = move || {
        let account = Account::instead_of_root(S::Programs::NAME, S::ACCOUNTS)?;
        programs.initialize(&folder, account.as_ref())
    };
    let initialized = tokio::task::spawn_blocking(initialize).await;
    initialized.map_err(|error| failed_to("prepare a private server", &error))?
}

/// Removes the files of a server that has ended, except for its log, which stays open, and for the record of its ends.
///
/// # Errors
///
/// When a file cannot be removed.
#[cfg(any(feature = "_shared-run-server", feature = "_worker-server"))]
pub(super) fn remove_files(folder: &Path) -> Result<(), Error> {
    let remove = || {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else if !REMAINING_FILES.contains(&&*entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    };
    remove().map_err(|error: io::Error| failed_to(&format!("remove the files in {}", folder.display()), &error))
}

fn open_log(folder: &Path) -> Result<File, Error> {
    let opened = File::options().create(true).append(true).open(folder.join(LOG));
    opened.map_err(|error| failed_to(&format!("open the log in {}", folder.display()), &error))
}

/// A unique path for a new folder, which does not exist yet.
fn new_folder(service: &str) -> Result<PathBuf, Error> {
    let number = RandomState::new().hash_one(std::process::id());
    let name = format!("{PREFIX}{service}-{}-{number:016x}", std::process::id());
    Ok(parent(name.len() + MAX_SOCKET_NAME)?.join(name))
}

/// Creates the folder, which only the account of the server may use.
fn make(folder: &Path, account: Option<&Account>) -> Result<(), Error> {
    let make = || {
        DirBuilder::new().mode(0o700).create(folder)?;
        // The umask may have removed permissions that the owner needs.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        account.map_or(Ok(()), |account| account.own(folder))
    };
    make().map_err(|error| failed_to(&format!("create {}", folder.display()), &error))
}

/// The error of a server that does not start. On a full disk, servers cannot write the reason to their log.
fn not_started(name: &str, error: &Error, folder: &Path) -> Error {
    let log = fs::read_to_string(folder.join(LOG)).unwrap_or_default();
    let is_full =
        rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < MIN_DISK_BYTES);
    let full =
        if is_full { format!(" (there is no space left on the disk of {})", folder.display()) } else { String::new() };
    // The quote of the log is removed from the error, because the whole log follows.
    let error = error.to_string();
    let error = error.split(LOG_FOLLOWS).next().unwrap_or_default();
    Error::new(format!("the private {name} server does not answer: {error}{full}\nits log:\n{log}"))
}

/// The parent of the servers' folders: in memory if enough is free, or else the temp dir.
fn parent(name_length: usize) -> Result<PathBuf, Error> {
    let memory = Path::new("/dev/shm");
    if can_hold_a_server(memory) { Ok(memory.to_owned()) } else { short(&std::env::temp_dir(), name_length) }
}

fn can_hold_a_server(memory: &Path) -> bool {
    let free = rustix::fs::statvfs(memory).map(|system| system.f_bavail.saturating_mul(system.f_frsize));
    let may_write = rustix::fs::access(memory, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    free.is_ok_and(|bytes| bytes >= MIN_MEMORY_BYTES) && may_write
}

/// The temp dir, or `/tmp` if the paths of sockets in the temp dir would be too long.
fn short(temp: &Path, name_length: usize) -> Result<PathBuf, Error> {
    let fits = |folder: &&Path| folder.is_dir() && folder.as_os_str().len() + 1 + name_length <= MAX_SOCKET_PATH;
    let folder = [temp, Path::new("/tmp")].into_iter().find(fits);
    folder.map(Path::to_owned).ok_or_else(|| {
        Error::new(format!("the paths of sockets in {} are too long: set TMPDIR to a shorter path", temp.display()))
    })
}

/// Removes the folder of a private server.
#[teardown(crate = crate::itest)]
fn remove_private_server(folder: PathBuf) -> Result<(), Error> {
    let is_of_server = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    if !is_of_server {
        return Err(Error::new(format!("{} is not the folder of a private server", folder.display())));
    }
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed_to(&format!("remove {}", folder.display()), &error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_of_a_server_that_does_not_start_names_a_full_disk() {
        let error = Error::new("it has ended");
        // This file system has no free space.
        let full = not_started("NATS", &error, Path::new("/proc")).to_string();
        assert!(full.contains("it has ended (there is no space left on the disk of /proc)"), "{full}");
        let other = not_started("NATS", &error, &std::env::temp_dir()).to_string();
        assert!(other.starts_with("the private NATS server does not answer: it has ended\n"), "{other}");
    }

    #[test]
    fn folder_is_in_memory_if_enough_is_free_and_otherwise_in_a_short_temp_dir() {
        assert!(!can_hold_a_server(Path::new("/dev/there/is/none")));
        // No process can write there, not even one of root.
        assert!(!can_hold_a_server(Path::new("/proc")));
        let folder = |temp: &str| short(Path::new(temp), 50).unwrap();
        assert_eq!(folder("/var/tmp"), Path::new("/var/tmp"));
        assert_eq!(folder("/nowhere"), Path::new("/tmp"));
        assert!(short(Path::new("/var/tmp"), MAX_SOCKET_PATH).is_err());
    }
}
