//! The ledger of this process: what it takes from the outside world is written down before it is taken.

use std::fmt;
use std::fs::{DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::Error;
use super::folder::{REMOVE_FOLDER, describe, remove_folder};
use super::portable::Portable;
use crate::model::{LedgerLine, Problem, Taken};

type Open = Box<dyn Fn() -> Result<File, Error> + Send + Sync>;

/// What one process has taken and not given back, on disk.
///
/// The file is opened with the first entry: a test that takes nothing pays nothing.
pub(crate) struct Ledger {
    open: Open,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<File>,
    last: u64,
    folder: Option<(PathBuf, Ticket)>,
}

/// An entry of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ledger").field("last", &self.lock().last).finish_non_exhaustive()
    }
}

impl Ledger {
    /// A ledger in the file that `open` makes, to be appended to.
    pub(crate) fn new(open: impl Fn() -> Result<File, Error> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { open: Box::new(open), state: Mutex::default() })
    }

    /// Writes an entry; when this returns it is on the disk.
    ///
    /// # Errors
    ///
    /// When it cannot be written. Then what it is about must not be taken.
    pub(crate) fn take(&self, function: &str, arguments: String) -> Result<Ticket, Error> {
        self.lock().take(&self.open, function, arguments)
    }

    /// Notes that something was given back. If that cannot be written it will be given back once more, which does no harm.
    pub(crate) fn give_back(&self, ticket: Ticket) {
        self.lock().give_back(ticket);
    }

    /// A folder of this process under the system's temp dir, in the ledger as a whole: what is made inside of it needs no
    /// entry of its own.
    ///
    /// # Errors
    ///
    /// When the temp dir, or the ledger, takes no more.
    pub(crate) fn folder(&self) -> Result<PathBuf, Error> {
        let mut state = self.lock();
        if let Some((path, _)) = &state.folder {
            // A test may have removed it, or put something else in its place; the tests after it need another one.
            if path.symlink_metadata().is_ok_and(|found| found.is_dir() && found.mode() & 0o700 == 0o700) {
                return Ok(path.clone());
            }
            state.remove_folder().map_err(|problem| Error::new(problem.message))?;
        }
        let name = RandomState::new().hash_one(std::process::id());
        let parent = std::env::temp_dir();
        let path = parent.join(format!("itest-{}-{name:012x}", std::process::id()));
        let arguments = path.write_down().map_err(|problem| Error::new(problem.message))?;
        let ticket = state.take(&self.open, REMOVE_FOLDER, arguments)?;
        if let Err(error) = DirBuilder::new().mode(0o700).create(&path) {
            // What was not made need not be given back.
            state.give_back(ticket);
            return Err(Error::new(format!("cannot make a temp dir in {}: {error}", parent.display())));
        }
        state.folder = Some((path.clone(), ticket));
        Ok(path)
    }

    /// Gives back what belongs to the process as a whole, at its end in good order.
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

    fn give_back(&mut self, Ticket(number): Ticket) {
        self.note(&LedgerLine::Given { number });
    }

    fn remove_folder(&mut self) -> Result<(), Problem> {
        let Some((path, ticket)) = self.folder.take() else { return Ok(()) };
        remove_folder(&path).map_err(|error| Problem::new(describe(&path, &error)))?;
        self.give_back(ticket);
        Ok(())
    }

    fn take(&mut self, open: &Open, function: &str, arguments: String) -> Result<Ticket, Error> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => open()?,
        };
        let number = self.last + 1;
        let taken = Taken { number, function: function.to_owned(), arguments };
        let line = LedgerLine::Taken(taken).encode()?;
        let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
        self.file = Some(file);
        self.last = number;
        written.map_err(|error| {
            Error::new(format!("the ledger cannot be written, so nothing is taken that it could not name: {error}"))
        })?;
        Ok(Ticket(number))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    #[test]
    fn what_cannot_be_written_down_is_not_taken() {
        let full = Ledger::new(|| Ok(OpenOptions::new().write(true).open("/dev/full")?));
        let error = full.take("drop_database", "\"shop\"".to_owned()).unwrap_err().to_string();
        assert!(error.starts_with("the ledger cannot be written") && error.contains("No space left"), "{error}");
        assert!(full.folder().is_err(), "no folder is made that would not be removed");
    }

    #[test]
    fn a_folder_that_a_test_replaced_is_replaced_by_another_one() {
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
