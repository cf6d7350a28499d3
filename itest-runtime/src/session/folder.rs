//! The folder of a session: made whole, safe from others, locked by its server.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::model::{SessionAddress, SessionConfig};

const LOCK: &str = "lock";
const SOCKET: &str = "socket";
const CONFIG: &str = "session.json";
const LOG: &str = "log";
const LEDGER: &str = "ledger-";

/// A session's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SessionFolder {
    path: PathBuf,
}

/// A session's folder that was just made, and what its server is given.
#[derive(Debug)]
pub(super) struct NewSession {
    pub(super) folder: SessionFolder,
    /// It is locked, and stays so for as long as this or a copy of it is open anywhere.
    pub(super) lock: File,
    pub(super) listener: UnixListener,
}

/// Where sessions are kept unless a setting says otherwise: beside what cargo built, or else in the system's temp dir.
#[must_use]
pub(crate) fn default_roots() -> Vec<PathBuf> {
    let binary = std::env::current_exe().unwrap_or_default();
    // Cargo marks its target directory, wherever it is.
    let target = binary.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let own = rustix::process::geteuid().as_raw();
    let beside_binary = target.map(|target| target.join("itest").join("sessions"));
    beside_binary.into_iter().chain([std::env::temp_dir().join(format!("itest-{own}"))]).collect()
}

impl SessionFolder {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The session of an address, if anyone has made it.
    pub(super) fn find(address: &SessionAddress) -> Option<Self> {
        let candidates = address.roots.iter().map(|root| root.join(&address.name));
        candidates.into_iter().find(|path| path.is_dir()).map(Self::at)
    }

    /// Makes the session of an address; none if somebody else was quicker.
    ///
    /// # Errors
    ///
    /// When none of the roots can be used; the reason of the last one.
    pub(super) fn create(address: &SessionAddress, config: &SessionConfig) -> io::Result<Option<NewSession>> {
        let mut result = Err(io::Error::new(io::ErrorKind::NotFound, "no folder is set for sessions"));
        for root in &address.roots {
            let created = secure(root).and_then(|()| Self::create_in(root, &address.name, config));
            result = created.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", root.display())));
            if result.is_ok() {
                return result;
            }
        }
        result
    }

    fn create_in(root: &Path, name: &str, config: &SessionConfig) -> io::Result<Option<NewSession>> {
        let draft = Self::at(root.join(format!(".{name}.{}", std::process::id())));
        DirBuilder::new().mode(0o700).create(&draft.path)?;
        let made = draft.fill(config).and_then(|(lock, listener)| {
            let folder = Self::at(root.join(name));
            // A folder that is there and has something in it is not replaced.
            fs::rename(&draft.path, &folder.path)?;
            Ok(NewSession { folder, lock, listener })
        });
        match made {
            Ok(made) => Ok(Some(made)),
            Err(error) => {
                let _ = fs::remove_dir_all(&draft.path);
                let taken = matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists);
                if taken { Ok(None) } else { Err(error) }
            }
        }
    }

    fn fill(&self, config: &SessionConfig) -> io::Result<(File, UnixListener)> {
        let lock = self.open(LOCK)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        let config = serde_json::to_vec(config)?;
        self.open(CONFIG)?.write_all(&config)?;
        let listener = with_short_path(&self.path, |short| UnixListener::bind(short.join(SOCKET)))?;
        Ok((lock, listener))
    }

    fn open(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).mode(0o600).open(self.path.join(name))
    }

    /// What the server was told when the session was made.
    pub(super) fn config(&self) -> io::Result<SessionConfig> {
        Ok(serde_json::from_slice(&fs::read(self.path.join(CONFIG))?)?)
    }

    pub(super) fn connect(&self) -> io::Result<UnixStream> {
        with_short_path(&self.path, |short| UnixStream::connect(short.join(SOCKET)))
    }

    pub(super) fn open_log(&self) -> io::Result<File> {
        self.open(LOG)
    }

    /// The end of the log, for a message.
    pub(super) fn end_of_log(&self) -> String {
        let text = fs::read(self.path.join(LOG)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// A new ledger of this process.
    pub(super) fn open_ledger(&self, name: &str) -> io::Result<File> {
        self.open(&format!("{LEDGER}{name}"))
    }

    /// All ledgers.
    pub(super) fn ledgers(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let is_ledger =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(LEDGER));
        let mut ledgers: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_ledger).collect();
        ledgers.sort();
        ledgers
    }

    /// The ledger of one process.
    pub(super) fn ledger(&self, name: &str) -> PathBuf {
        self.path.join(format!("{LEDGER}{name}"))
    }

    /// Takes the lock, if the server is dead. None if it lives.
    pub(super) fn try_lock(&self) -> io::Result<Option<File>> {
        // Without creating it: a folder without a lock is none of a session, or one that is being removed.
        let lock = OpenOptions::new().append(true).open(self.path.join(LOCK))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(lock)),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the folder, the lock last: as long as it is there, it says that somebody is at work.
    pub(super) fn remove(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name != LOCK) {
                fs::remove_file(path)?;
            }
        }
        fs::remove_dir_all(&self.path)
    }

    /// What there is of the session of an address: its folder, and drafts whose makers died over them or are still at it.
    pub(super) fn traces(address: &SessionAddress) -> Vec<Self> {
        let draft = format!(".{}.", address.name);
        let is_trace = |name: &str| name == address.name || name.starts_with(&draft);
        let mut found: Vec<_> = address.roots.iter().flat_map(|root| Self::all(root)).collect();
        found.retain(|folder| folder.path.file_name().is_some_and(|name| is_trace(&name.to_string_lossy())));
        found
    }

    /// Removes what nobody finished; nobody may be at it any more.
    pub(super) fn remove_drafts(address: &SessionAddress) {
        for trace in Self::traces(address) {
            if trace.path.file_name().is_some_and(|name| name != address.name.as_str()) {
                let _ = fs::remove_dir_all(&trace.path);
            }
        }
    }

    /// All sessions in a root, living and dead, and drafts of some that were never finished.
    pub(super) fn all(root: &Path) -> Vec<Self> {
        // A root that others can write to is none of ours.
        if !fs::symlink_metadata(root).is_ok_and(|found| is_private(&found)) {
            return Vec::new();
        }
        let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
        entries.filter_map(|entry| Some(Self::at(entry.ok()?.path()))).collect()
    }
}

/// Makes a root, or sees to it that nobody else can have put anything there.
fn secure(root: &Path) -> io::Result<()> {
    if let Some(parent) = root.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(root) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let found = fs::symlink_metadata(root)?;
    if !is_private(&found) {
        let text = format!(
            "{} is no folder of this user's alone, so its sessions could be somebody else's; remove it, or set \
             --session-dir",
            root.display()
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(root, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Whether nobody but this user can change what is in a folder.
fn is_private(found: &fs::Metadata) -> bool {
    found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0
}

/// The path of a socket must be short; that of a folder is not always. Through an open descriptor it is.
fn with_short_path<T>(folder: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    const LONGEST: usize = 80;
    if folder.as_os_str().len() <= LONGEST || !cfg!(target_os = "linux") {
        return act(folder);
    }
    let opened = File::open(folder)?;
    act(Path::new(&format!("/proc/self/fd/{}", opened.as_raw_fd())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProcessIdentity;

    #[test]
    fn drafts_of_one_session_are_removed_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let names = ["run-1-2", ".run-1-2.77", ".run-1-23.77", "run-3-4"];
        for name in names {
            fs::create_dir(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join("lock"), "").unwrap();
        }
        let owner = ProcessIdentity { pid: 1, start: 2 };
        let address = SessionAddress { roots: vec![root.path().to_owned()], name: "run-1-2".to_owned(), owner };
        assert_eq!(SessionFolder::traces(&address).len(), 2);
        SessionFolder::remove_drafts(&address);
        let left = names.map(|name| root.path().join(name).is_dir());
        assert_eq!(left, [true, false, true, true]);
    }
}
