//! The ledger of this process. Each external resource is written to it before the resource is acquired.

use std::fmt;
use std::fs::{DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::Error;
use super::folder::{REMOVE_FOLDER, describe, remove_folder};
use super::portable::Portable;
use crate::model::{LedgerEntry, LedgerLine, Problem};

/// Fixtures that contain a teardown are safe to use in `catch_unwind`, so this function is as well.
type Open = Box<dyn Fn() -> Result<File, Error> + Send + Sync + RefUnwindSafe + UnwindSafe>;

/// The on-disk list of the resources that one process has acquired and not given back.
///
/// The file is created with the first entry, so that tests without external resources do not pay for it.
pub(crate) struct Ledger {
    open: Open,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<File>,
    last: u64,
    folder: Option<(PathBuf, EntryNumber)>,
}

/// The number of an entry in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryNumber(u64);

impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ledger").field("last", &self.lock().last).finish_non_exhaustive()
    }
}

impl Ledger {
    /// A ledger that appends to the file which `open` creates.
    pub(crate) fn new(
        open: impl Fn() -> Result<File, Error> + Send + Sync + RefUnwindSafe + UnwindSafe + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { open: Box::new(open), state: Mutex::default() })
    }

    /// Writes an entry. The entry is on the disk when this function returns.
    ///
    /// # Errors
    ///
    /// When the entry cannot be written. The caller must not acquire the resource then.
    pub(crate) fn take(&self, function: &str, arguments: String) -> Result<EntryNumber, Error> {
        self.lock().take(&self.open, function, arguments)
    }

    /// Writes that a resource was given back. If the write fails, a later process gives the resource back once more, which
    /// `#[teardown]` functions must tolerate.
    pub(crate) fn give_back(&self, entry: EntryNumber) {
        self.lock().give_back(entry);
    }

    /// A folder of this process under the system's temp dir. The ledger has one entry for the whole folder, so that files and
    /// folders inside it need no entries.
    ///
    /// # Errors
    ///
    /// When the folder cannot be created or the ledger cannot be written.
    pub(crate) fn folder(&self) -> Result<PathBuf, Error> {
        let mut state = self.lock();
        if let Some((path, _)) = &state.folder {
            // A test may have removed or replaced the folder. The tests after it need a new one.
            if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.mode() & 0o700 == 0o700) {
                return Ok(path.clone());
            }
            state.remove_folder().map_err(|problem| Error::new(problem.message))?;
        }
        let name = RandomState::new().hash_one(std::process::id());
        let parent = std::env::temp_dir();
        let path = parent.join(format!("itest-{}-{name:012x}", std::process::id()));
        let arguments = path.to_json().map_err(|problem| Error::new(problem.message))?;
        let entry = state.take(&self.open, REMOVE_FOLDER, arguments)?;
        if let Err(error) = DirBuilder::new().mode(0o700).create(&path) {
            // The folder was not created, so there is nothing to remove.
            state.give_back(entry);
            return Err(Error::new(format!("cannot make a temp dir in {}: {error}", parent.display())));
        }
        state.folder = Some((path.clone(), entry));
        Ok(path)
    }

    /// Removes the folder of this process and closes the ledger, when the process ends normally.
    pub(crate) fn close(&self) -> Result<(), Problem> {
        let mut state = self.lock();
        let removed = state.remove_folder();
        state.note(&LedgerLine::Closed {});
        removed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&mut self, line: &LedgerLine) {
        if let (Some(file), Ok(line)) = (&mut self.file, line.encode()) {
            let _ = file.write_all(line.as_bytes());
        }
    }

    fn give_back(&mut self, EntryNumber(number): EntryNumber) {
        self.note(&LedgerLine::GivenBack { number });
    }

    fn remove_folder(&mut self) -> Result<(), Problem> {
        let Some((path, entry)) = self.folder.take() else { return Ok(()) };
        remove_folder(&path).map_err(|error| Problem::new(describe(&path, &error)))?;
        self.give_back(entry);
        Ok(())
    }

    fn take(&mut self, open: &Open, function: &str, arguments: String) -> Result<EntryNumber, Error> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => open()?,
        };
        let number = self.last + 1;
        let taken = LedgerEntry { number, function: function.to_owned(), arguments };
        let line = LedgerLine::Taken(taken).encode()?;
        let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
        self.file = Some(file);
        self.last = number;
        written.map_err(|error| {
            Error::new(format!("the ledger cannot be written, so nothing is taken that it could not name: {error}"))
        })?;
        Ok(EntryNumber(number))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    #[test]
    fn failed_ledger_write_prevents_acquisition() {
        let full = Ledger::new(|| Ok(OpenOptions::new().write(true).open("/dev/full")?));
        let error = full.take("drop_database", "\"shop\"".to_owned()).unwrap_err().to_string();
        assert!(error.starts_with("the ledger cannot be written") && error.contains("No space left"), "{error}");
        assert!(full.folder().is_err(), "no folder is made that would not be removed");
    }

    #[test]
    fn replaced_folder_of_process_is_created_again() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("ledger");
        let ledger = Ledger::new(move || Ok(OpenOptions::new().create(true).append(true).open(&path)?));
        let first = ledger.folder().unwrap();
        assert_eq!(ledger.folder().unwrap(), first);
        std::fs::remove_dir(&first).unwrap();
        std::os::unix::fs::symlink(outer.path(), &first).unwrap();
        let second = ledger.folder().unwrap();
        assert!(second != first && second.is_dir() && first.symlink_metadata().is_err());
        ledger.close().unwrap();
        assert!(!second.exists());
        let reading = crate::model::read_ledger(&std::fs::read(outer.path().join("ledger")).unwrap());
        assert!(reading.closed && reading.outstanding.is_empty());
    }
}
