//! The exclusive use of a server that cannot be divided between tests.
//!
//! The lock of a file decides which test has the server. The owner writes to the file what it leaves on the server, and removes the file when it has
//! cleaned the server. If the process of the owner dies earlier, the next owner of the lock reads the file, and cleans the server.

use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use itest_runtime::Error;

use crate::failure::failed_to;

/// The pause between two attempts to get a server.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The exclusive use of a server by one test. The system ends it with the process.
#[derive(Debug)]
pub(crate) struct ExclusiveUse {
    /// The file is locked until it is closed.
    lock: File,
    path: PathBuf,
    /// What the last owner has left on the server, if it has not cleaned the server: a line for each item.
    leftovers: Vec<String>,
}

impl ExclusiveUse {
    /// Waits until no other test of this machine uses the server with this name, see [`Address::name_for_lock`](super::Address::name_for_lock). The setup timeout of
    /// the test also limits this wait.
    ///
    /// # Errors
    ///
    /// When the file of the lock cannot be opened.
    pub(crate) async fn of_server(server: &str) -> Result<Self, Error> {
        let path = path_of_lock(server);
        loop {
            let file = OpenOptions::new().create(true).append(true).read(true).open(&path);
            let file = file.map_err(|error| not_locked(&path, &error))?;
            if let Some(exclusive) = Self::try_lock(file, &path)? {
                return Ok(exclusive);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The exclusive use of a server that a dead owner has not cleaned. `None` if the server is clean, or if another test uses the server, because that
    /// test has cleaned it.
    ///
    /// # Errors
    ///
    /// When the file of the lock cannot be read.
    pub(crate) fn of_uncleaned_server(server: &str) -> Result<Option<Self>, Error> {
        let path = path_of_lock(server);
        match OpenOptions::new().append(true).read(true).open(&path) {
            Ok(file) => Self::try_lock(file, &path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(not_locked(&path, &error)),
        }
    }

    /// Locks the file. `None` if another owner has the lock, or has removed the file meanwhile.
    fn try_lock(mut file: File, path: &Path) -> Result<Option<Self>, Error> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(not_locked(path, &error)),
        }
        let mut text = String::new();
        let read = file.metadata().and_then(|metadata| {
            file.read_to_string(&mut text)?;
            Ok(metadata.nlink() > 0)
        });
        let is_there = read.map_err(|error| not_locked(path, &error))?;
        let leftovers = text.lines().map(str::to_owned).collect();
        Ok(is_there.then(|| Self { lock: file, path: path.to_owned(), leftovers }))
    }

    /// What the last owner has left on the server: a line for each item. It is empty if the owner has cleaned the server.
    pub(crate) fn leftovers(&self) -> &[String] {
        &self.leftovers
    }

    /// Notes an item that this owner leaves on the server, before it exists there. The text has one line.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn note(&self, item: &str) -> Result<(), Error> {
        let written = (&self.lock).write_all(format!("{item}\n").as_bytes());
        written.map_err(|error| failed_to(&format!("write {}", self.path.display()), &error))
    }

    /// Notes that the server is clean. The exclusive use ends when the value is dropped.
    ///
    /// # Errors
    ///
    /// When the file cannot be removed.
    pub(crate) fn server_is_clean(&self) -> Result<(), Error> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(failed_to(&format!("remove {}", self.path.display()), &error))
            }
            _ => Ok(()),
        }
    }
}

fn path_of_lock(server: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    server.hash(&mut hasher);
    std::env::temp_dir().join(format!("itest-exclusive-{:016x}", hasher.finish()))
}

fn not_locked(path: &Path, error: &std::io::Error) -> Error {
    failed_to(&format!("lock {}", path.display()), error)
}

/// Removes the file of a container that was removed, because each container has another name.
#[cfg(feature = "containers")]
pub(in crate::service) fn remove_file_of(container: &str) {
    // Most containers have none, because only some services need exclusive use.
    let _ = std::fs::remove_file(path_of_lock(container));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn second_user_waits_until_the_first_one_has_ended() {
        let name = format!("server of {}", std::process::id());
        let first = ExclusiveUse::of_server(&name).await.unwrap();
        let second = ExclusiveUse::of_server(&name);
        let mut second = std::pin::pin!(second);
        assert!(tokio::time::timeout(POLL_INTERVAL * 4, &mut second).await.is_err());
        first.server_is_clean().unwrap();
        drop(first);
        second.await.unwrap().server_is_clean().unwrap();
        assert!(!path_of_lock(&name).exists());
    }

    #[tokio::test]
    async fn next_owner_reads_what_an_owner_without_cleaning_has_left() {
        let name = format!("uncleaned server of {}", std::process::id());
        let first = ExclusiveUse::of_server(&name).await.unwrap();
        first.note("a stream").unwrap();
        assert!(ExclusiveUse::of_uncleaned_server(&name).unwrap().is_none(), "another owner has the server");
        drop(first);
        let next = ExclusiveUse::of_uncleaned_server(&name).unwrap().expect("the server is not clean");
        assert_eq!(next.leftovers(), ["a stream"]);
        next.server_is_clean().unwrap();
        drop(next);
        assert!(ExclusiveUse::of_uncleaned_server(&name).unwrap().is_none());
        let later = ExclusiveUse::of_server(&name).await.unwrap();
        assert!(later.leftovers().is_empty());
        later.server_is_clean().unwrap();
    }
}
