//! The ledgers in a session's folder: one for each process that took something, and one for the session's server.
//!
//! A ledger appears under its name only when its process holds its lock, and only a process that holds its lock removes it: when
//! nothing in it is left to do. So no signal, and no process that ends at the same moment, costs an entry.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{FlockOperation, flock};

use crate::model::{LEDGER_VERSION, LedgerLine, Mark, ProcessIdentity};
use crate::process::own_identity;

const LEDGER: &str = "ledger-";

/// Whose ledger it is that the session's server keeps for its fixtures.
const OF_SERVER: &str = "server";

/// What the names of things begin with that are not ready yet.
pub(super) const DRAFT: &str = "new-";

/// A ledger of a session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LedgerFile {
    path: PathBuf,
}

impl LedgerFile {
    /// Makes a ledger of this process, locked for as long as the file is open. The mark is the variable, with its value, by which
    /// everything is found that the process starts.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if the folder is gone.
    pub(super) fn create(folder: &Path, mark: Option<&Mark>) -> io::Result<File> {
        /// Workers that are threads have ledgers of their own.
        static NUMBERS: AtomicU32 = AtomicU32::new(1);
        let (owner, number) = (own_identity(), NUMBERS.fetch_add(1, Ordering::Relaxed));
        let name = format!("{LEDGER}{}-{}-{number}", owner.pid, owner.start);
        let draft = folder.join(format!("{DRAFT}{name}"));
        let mut file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&draft)?;
        let mut write_head = || {
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            file.write_all(LedgerLine::Ledger { version: LEDGER_VERSION, mark: mark.cloned() }.encode()?.as_bytes())?;
            fs::rename(&draft, folder.join(&name))
        };
        if let Err(error) = write_head() {
            let _ = fs::remove_file(&draft);
            return Err(error);
        }
        Ok(file)
    }

    /// The ledger of the session's server. It is not locked, because its process holds the lock of the session.
    pub(super) fn create_of_server(folder: &Path) -> io::Result<File> {
        let path = folder.join(format!("{LEDGER}{OF_SERVER}"));
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
        ledgers.sort();
        ledgers
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The process that keeps it; `None` for that of the session's server.
    pub(super) fn owner(&self) -> Option<ProcessIdentity> {
        let name = self.path.file_name()?.to_str()?;
        let mut numbers = name.strip_prefix(LEDGER)?.split('-');
        let (pid, start) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        Some(ProcessIdentity { pid, start })
    }

    /// Takes its lock. `None`: another process holds it, which keeps it or gives back what stands in it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if it is gone.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
        locked(OpenOptions::new().read(true).append(true).open(&self.path)?)
    }

    /// Whether another process holds its lock.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.lock(), Ok(None))
    }
}

/// A file, if its lock could be taken.
pub(super) fn locked(file: File) -> io::Result<Option<File>> {
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
    fn a_ledger_is_held_by_its_process_and_says_whose_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let mark = Some(Mark::new("MARK", "value"));
        let file = LedgerFile::create(folder.path(), mark.as_ref()).unwrap();
        let _other = LedgerFile::create(folder.path(), None).unwrap();
        let ledgers = LedgerFile::all(folder.path());
        assert_eq!(ledgers.len(), 2, "one process may have several");
        assert_eq!(ledgers[0].owner(), Some(own_identity()));
        assert!(ledgers[0].is_held());
        assert_eq!(read_ledger(&fs::read(ledgers[0].path()).unwrap()).mark, mark);
        drop(file);
        assert!(ledgers[0].lock().unwrap().is_some());
    }

    #[test]
    fn no_ledger_is_made_in_a_folder_that_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let error = LedgerFile::create(&gone, None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_ledger_of_the_server_is_no_processs() {
        let folder = tempfile::tempdir().unwrap();
        let _file = LedgerFile::create_of_server(folder.path()).unwrap();
        let ledgers = LedgerFile::all(folder.path());
        assert_eq!((ledgers.len(), ledgers[0].owner()), (1, None));
        assert!(!ledgers[0].is_held());
    }
}
