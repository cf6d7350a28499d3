//! Starts private servers from the installed programs, each in a separate folder that is removed afterwards.

use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Access;

use itest_runtime::{Error, Ready, Teardown};

use super::account::Account;
use super::address::Address;
use super::definition::{Programs as _, Service};
use super::private_server::{LOG, LOG_FOLLOWS, PrivateServer};
use crate::failure::failed_to;
use crate::itest::teardown;

/// How long a server may take until it answers.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(30);

/// The free memory that is required to keep the files of a server in memory.
const MIN_MEMORY_BYTES: u64 = 512 << 20;

/// The prefix of the folder names. The name of the service follows.
const PREFIX: &str = "itest-";

/// The longest path of a socket.
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The longest name of a server's socket, or of a file beside it.
const MAX_SOCKET_NAME: usize = 24;

/// Starts a private server, and waits until it answers. The removal of the folder and the end of the process are recorded in the ledger
/// before the folder and the process exist.
///
/// # Errors
///
/// When the server cannot be started or does not answer. The error contains its log.
pub(super) async fn start<S: Service>(programs: S::Programs, teardown: &Teardown) -> Result<Address, Error> {
    let name = S::Programs::NAME;
    let account = Account::instead_of_root(name, S::ACCOUNTS)?;
    let folder = new_folder(S::ID)?;
    teardown.durable(remove_private_server, folder.clone())?;
    let mut program = programs.server(&folder);
    if let Some(account) = account.clone() {
        program = program.configure(move |command| account.run(command));
    }
    let initialize = {
        let folder = folder.clone();
        move || -> Result<File, Error> {
            let log = make(&folder, account.as_ref())?;
            programs.initialize(&folder, account.as_ref())?;
            Ok(log)
        }
    };
    let log = tokio::task::spawn_blocking(initialize).await;
    let log = log.map_err(|error| failed_to("prepare a private server", &error))??;
    let nothing = File::open("/dev/null").map_err(|error| failed_to("open /dev/null", &error))?;
    let address = Address::Private(PrivateServer::new(folder.clone(), S::PID_FILE));
    let probed = address.clone();
    let answers = Ready::probe("it accepts a connection", move |_| {
        let address = probed.clone();
        async move { S::probe(&address).await }
    });
    let started = program
        .current_dir("/")
        .stdout(nothing)
        .stderr(log)
        .ready_when(answers)
        .startup_timeout(STARTUP_TIMEOUT)
        // The pools report the loss of a server to the tests that use it.
        .may_exit()
        .start(teardown);
    started.await.map_err(|error| not_started(name, &error, &folder.join(LOG)))?;
    if let Some(stop) = S::STOP {
        // The ledger is executed in reverse order, so recovery stops the server before it would kill the process.
        teardown.durable(stop, folder)?;
    }
    Ok(address)
}

/// A unique path for a new folder, which does not exist yet.
fn new_folder(service: &str) -> Result<PathBuf, Error> {
    let number = RandomState::new().hash_one(std::process::id());
    let name = format!("{PREFIX}{service}-{}-{number:016x}", std::process::id());
    Ok(parent(name.len() + MAX_SOCKET_NAME)?.join(name))
}

/// Creates the folder and the log file in it.
fn make(folder: &Path, account: Option<&Account>) -> Result<File, Error> {
    let make = || {
        DirBuilder::new().mode(0o700).create(folder)?;
        // The umask may have removed permissions that the owner needs.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        account.map_or(Ok(()), |account| account.own(folder))?;
        File::create(folder.join(LOG))
    };
    make().map_err(|error| failed_to(&format!("make {}", folder.display()), &error))
}

fn not_started(name: &str, error: &Error, log: &Path) -> Error {
    let log = fs::read_to_string(log).unwrap_or_default();
    // The quote of the log is removed from the error, because the whole log follows.
    let error = error.to_string();
    let error = error.split(LOG_FOLLOWS).next().unwrap_or_default();
    Error::new(format!("the private {name} server does not answer: {error}\nit says:\n{log}"))
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
    fn server_is_put_where_there_is_memory_and_paths_are_short() {
        assert!(!can_hold_a_server(Path::new("/dev/there/is/none")));
        // No process can write there, not even one of root.
        assert!(!can_hold_a_server(Path::new("/proc")));
        let folder = |temp: &str| short(Path::new(temp), 50).unwrap();
        assert_eq!(folder("/var/tmp"), Path::new("/var/tmp"));
        assert_eq!(folder("/nowhere"), Path::new("/tmp"));
        assert!(short(Path::new("/var/tmp"), MAX_SOCKET_PATH).is_err());
    }
}
