//! The ledgers in a session's folder: one for each process that took a resource, and one for the session server.
//!
//! A ledger gets its name only after its process has locked it. Only a process that holds the lock removes the ledger, when all of
//! its entries are done. Therefore no entry is lost, whatever signals arrive and whatever processes end at the same moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{FlockOperation, flock};

use crate::model::{LEDGER_VERSION, LedgerLine, Mark, ProcessIdentity, sort};
use crate::process::own_identity;

const LEDGER: &str = "ledger-";

/// The part of a ledger's name that stands for the session server instead of a process.
const SERVER: &str = "server";

/// The prefix of a file that is not complete yet.
pub(super) const DRAFT: &str = "new-";

/// The file of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LedgerFile {
    path: PathBuf,
}

impl LedgerFile {
    /// Creates a ledger of this process, which is locked as long as the file is open. The mark identifies everything that the
    /// process starts.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if the folder does not exist.
    pub(super) fn create(folder: &Path, mark: Option<&Mark>) -> io::Result<File> {
        /// The number of the next ledger. One process can have several ledgers, because each worker thread has its own.
        static NUMBERS: AtomicU32 = AtomicU32::new(1);
        let (owner, number) = (own_identity(), NUMBERS.fetch_add(1, Ordering::Relaxed));
        let name = format!("{LEDGER}{}-{}-{number}", owner.pid, owner.start);
        let draft = folder.join(format!("{DRAFT}{name}"));
        let mut file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&draft)?;
        let mut write_header = || {
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            file.write_all(LedgerLine::Ledger { version: LEDGER_VERSION, mark: mark.cloned() }.encode()?.as_bytes())?;
            fs::rename(&draft, folder.join(&name))
        };
        if let Err(error) = write_header() {
            let _ = fs::remove_file(&draft);
            return Err(error);
        }
        Ok(file)
    }

    /// Creates the ledger of the session server. It is not locked, because its process holds the lock of the session.
    pub(super) fn create_of_server(folder: &Path) -> io::Result<File> {
        let path = folder.join(format!("{LEDGER}{SERVER}"));
        OpenOptions::new().create(true).append(true).mode(0o600).open(path)
    }

    /// The ledger at a path.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// All ledgers of a session.
    pub(super) fn all(folder: &Path) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let is_ledger =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(LEDGER));
        let mut ledgers: Vec<_> = paths.filter(is_ledger).map(Self::at).collect();
        sort(&mut ledgers);
        ledgers
    }

    /// The path of the ledger.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The process that writes the ledger. `None` for the ledger of the session server.
    pub(super) fn owner(&self) -> Option<ProcessIdentity> {
        let name = self.path.file_name()?.to_str()?;
        let mut numbers = name.strip_prefix(LEDGER)?.split('-');
        let (pid, start) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        Some(ProcessIdentity { pid, start })
    }

    /// Takes the lock of the ledger. `None` if another process holds it, which writes or executes the ledger.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if the ledger does not exist.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
        try_lock_file(OpenOptions::new().read(true).append(true).open(&self.path)?)
    }

    /// Whether another process holds the lock of the ledger.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self.lock(), Ok(None))
    }
}

/// Locks a file without blocking. `None` if another process holds the lock.
pub(super) fn try_lock_file(file: File) -> io::Result<Option<File>> {
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::read_ledger;

    #[test]
    fn ledger_is_locked_and_names_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let mark = Some(Mark::new("MARK", "value"));
        let file = LedgerFile::create(folder.path(), mark.as_ref()).unwrap();
        let _other = LedgerFile::create(folder.path(), None).unwrap();
        let ledgers = LedgerFile::all(folder.path());
        assert_eq!(ledgers.len(), 2, "one process may have several");
        assert_eq!(ledgers[0].owner(), Some(own_identity()));
        assert!(ledgers[0].is_locked());
        assert_eq!(read_ledger(&fs::read(ledgers[0].path()).unwrap()).mark, mark);
        drop(file);
        assert!(ledgers[0].lock().unwrap().is_some());
    }

    #[test]
    fn ledger_is_not_created_in_a_missing_folder() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let error = LedgerFile::create(&gone, None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn ledger_of_the_server_has_no_owner() {
        let folder = tempfile::tempdir().unwrap();
        let _file = LedgerFile::create_of_server(folder.path()).unwrap();
        let ledgers = LedgerFile::all(folder.path());
        assert_eq!((ledgers.len(), ledgers[0].owner()), (1, None));
        assert!(!ledgers[0].is_locked());
    }
}
