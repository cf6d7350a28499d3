//! The folder of a session: made whole, safe from others, locked by its server.
//!
//! It is renamed before it is removed, so that no process finds it any more; and where a ledger appears in it all the same, it is
//! not removed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::ledger::{DRAFT, LedgerFile, locked};
use crate::model::{ProcessIdentity, SessionAddress, SessionConfig};
use crate::process::{continue_if_stopped, identify, own_identity};

const LOCK: &str = "lock";
const SOCKET: &str = "socket";
const CONFIG: &str = "session.json";
const SERVER: &str = "server.json";
const STARTED: &str = "started.json";
const LOG: &str = "log";
const WATCHED: &str = "watched";

/// What the name of a folder ends with that is about to be removed; the number of its process follows.
const RETIRED: &str = ".ended-";

/// A session's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SessionFolder {
    path: PathBuf,
}

/// A session without a server, and what its server is given.
#[derive(Debug)]
pub(super) struct Unserved {
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

    /// The session's name, which is also in the environment of its processes.
    pub(super) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        name.split(RETIRED).next().unwrap_or_default().to_owned()
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
    pub(super) fn create(address: &SessionAddress, config: &SessionConfig) -> io::Result<Option<Unserved>> {
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

    fn create_in(root: &Path, name: &str, config: &SessionConfig) -> io::Result<Option<Unserved>> {
        let draft = Self::at(root.join(format!(".{name}.{}", std::process::id())));
        DirBuilder::new().mode(0o700).create(&draft.path)?;
        let made = draft.fill(config).and_then(|(lock, listener)| {
            let folder = Self::at(root.join(name));
            // A folder that is there and has something in it is not replaced.
            fs::rename(&draft.path, &folder.path)?;
            Ok(Unserved { folder, lock, listener })
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
        Ok((lock, self.listen()?))
    }

    /// Listens at the session's address; a socket that was there before is replaced.
    fn listen(&self) -> io::Result<UnixListener> {
        let draft = format!("{DRAFT}{SOCKET}");
        let _ = fs::remove_file(self.path.join(&draft));
        let listener = with_short_path(&self.path, |short| UnixListener::bind(short.join(&draft)))?;
        fs::rename(self.path.join(draft), self.path.join(SOCKET))?;
        Ok(listener)
    }

    /// Takes over from a server that is dead. `None`: it lives, another process was quicker, or the folder is being removed.
    pub(super) fn take_over(&self) -> io::Result<Option<Unserved>> {
        let lock = match self.try_lock() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            lock => lock?,
        };
        lock.map(|lock| Ok(Unserved { folder: self.clone(), lock, listener: self.listen()? })).transpose()
    }

    /// The session's server, or the last one that there was, if it has begun to serve.
    pub(super) fn server(&self) -> Option<ProcessIdentity> {
        self.read_process(SERVER)
    }

    /// Names the session's server: this process, which begins to serve.
    pub(super) fn set_server(&self) -> io::Result<()> {
        self.write_process(SERVER, own_identity())
    }

    /// Names a process that was started as the session's server, and may not have begun to serve.
    pub(super) fn set_started(&self, server: u32) -> io::Result<()> {
        identify(server).map_or(Ok(()), |server| self.write_process(STARTED, server))
    }

    /// Continues the session's server, if a signal has stopped it.
    pub(super) fn continue_server(&self) {
        for server in self.servers() {
            continue_if_stopped(server);
        }
    }

    /// The processes that may hold the lock: the server, and one that was started as it.
    pub(super) fn servers(&self) -> impl Iterator<Item = ProcessIdentity> {
        [self.server(), self.read_process(STARTED)].into_iter().flatten()
    }

    fn read_process(&self, name: &str) -> Option<ProcessIdentity> {
        serde_json::from_slice(&fs::read(self.path.join(name)).ok()?).ok()
    }

    fn write_process(&self, name: &str, process: ProcessIdentity) -> io::Result<()> {
        let draft = format!("{DRAFT}{name}-{}", std::process::id());
        self.open(&draft)?.write_all(&serde_json::to_vec(&process)?)?;
        fs::rename(self.path.join(draft), self.path.join(name))
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

    /// Where the processes are written down whose end ends what they started.
    pub(super) fn watched(&self) -> PathBuf {
        self.path.join(WATCHED)
    }

    pub(super) fn open_watched(&self) -> io::Result<File> {
        self.open(WATCHED)
    }

    /// The end of the log, for a message.
    pub(super) fn end_of_log(&self) -> String {
        let text = fs::read(self.path.join(LOG)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// The ledgers of the run's processes, and that of the server.
    pub(super) fn ledgers(&self) -> Vec<LedgerFile> {
        LedgerFile::all(&self.path)
    }

    /// Takes the lock, if the server is dead. `None` if it lives.
    pub(super) fn try_lock(&self) -> io::Result<Option<File>> {
        let path = self.path.join(LOCK);
        // Without creating it: a folder without a lock is none of a session, or one that is being removed.
        let Some(lock) = locked(OpenOptions::new().append(true).open(&path)?)? else { return Ok(None) };
        // Meanwhile the folder may have been removed, and another one made in its place.
        let (own, found) = (lock.metadata()?, fs::metadata(path)?);
        Ok(((own.dev(), own.ino()) == (found.dev(), found.ino())).then_some(lock))
    }

    /// Whether no process finds the folder any more.
    pub(super) fn is_retired(&self) -> bool {
        self.path.file_name().is_some_and(|name| name.to_string_lossy().contains(RETIRED))
    }

    /// Lets no process find the folder any more. Only the process that holds the lock may do this.
    pub(super) fn retire(&mut self) -> io::Result<()> {
        let retired = format!("{}{RETIRED}{}", self.name(), std::process::id());
        let retired = self.path.with_file_name(retired);
        fs::rename(&self.path, &retired)?;
        self.path = retired;
        Ok(())
    }

    /// Removes the folder, unless there is a ledger in it. Only the process that holds the lock may do this.
    pub(super) fn remove(&self) -> io::Result<()> {
        if !self.ledgers().is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        let entries = fs::read_dir(&self.path)?.map(|entry| entry.map(|entry| entry.path()));
        let mut rest = entries.collect::<io::Result<Vec<_>>>()?;
        // The lock goes last: as long as it is there, it says that a process is at work.
        rest.sort_by_key(|path| path.file_name().is_some_and(|name| name == LOCK));
        for path in rest {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::remove_dir(&self.path)
    }

    /// Folders of the session that a server has retired and not removed yet.
    pub(super) fn retired(address: &SessionAddress) -> Vec<Self> {
        let mut found: Vec<_> = address.roots.iter().flat_map(|root| Self::all(root)).collect();
        found.retain(|folder| folder.is_retired() && folder.name() == address.name);
        found
    }

    /// What there is of the session of an address: its folder, and drafts whose makers died over them or are still at it.
    pub(super) fn traces(address: &SessionAddress) -> Vec<Self> {
        let draft = format!(".{}.", address.name);
        let is_trace = |name: &str| name == address.name || name.starts_with(&draft);
        let mut found: Vec<_> = address.roots.iter().flat_map(|root| Self::all(root)).collect();
        found.retain(|folder| folder.path.file_name().is_some_and(|name| is_trace(&name.to_string_lossy())));
        found
    }

    /// Removes drafts that were never finished. No process of the run may be making one any more.
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

/// Makes a root, or makes sure that no other user can have put anything there.
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

/// Whether only this user can change what is in a folder.
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
pub(super) mod tests {
    use super::*;

    fn config() -> SessionConfig {
        let owner = own_identity();
        let json = serde_json::json!({
            "owner": owner, "binary": "/bin/true", "seed": 1, "require": "Nothing", "log": "",
            "limits": {"setup": {"secs": 1, "nanos": 0}, "test": {"secs": 1, "nanos": 0}, "teardown": {"secs": 1, "nanos": 0}},
        });
        serde_json::from_value(json).unwrap()
    }

    pub(in crate::session) fn address(root: &Path) -> SessionAddress {
        let root = root.join("sessions");
        SessionAddress { roots: vec![root], name: "run-1-2".to_owned(), owner: own_identity() }
    }

    pub(in crate::session) fn made(address: &SessionAddress) -> Unserved {
        SessionFolder::create(address, &config()).unwrap().unwrap()
    }

    #[test]
    fn a_session_is_taken_over_when_its_server_is_dead_and_not_before() {
        let root = tempfile::tempdir().unwrap();
        let first = made(&address(root.path()));
        let folder = first.folder.clone();
        assert!(folder.take_over().unwrap().is_none());
        folder.set_server().unwrap();
        drop(first);
        assert!(folder.connect().is_err(), "nothing listens any more");
        let second = folder.take_over().unwrap().unwrap();
        assert!(folder.connect().is_ok());
        assert_eq!(folder.server(), Some(own_identity()));
        drop(second);
    }

    #[test]
    fn a_retired_session_is_not_found_and_another_one_takes_its_place() {
        let root = tempfile::tempdir().unwrap();
        let address = address(root.path());
        let mut first = made(&address);
        first.folder.retire().unwrap();
        assert_eq!((SessionFolder::find(&address), first.folder.name()), (None, address.name.clone()));
        let second = made(&address);
        first.folder.remove().unwrap();
        assert_eq!(SessionFolder::find(&address), Some(second.folder.clone()));
        // One that found the first folder before it was removed holds no lock of the second one.
        assert!(second.folder.try_lock().unwrap().is_none());
    }

    #[test]
    fn a_session_in_which_a_ledger_has_appeared_is_not_removed() {
        let root = tempfile::tempdir().unwrap();
        let mut session = made(&address(root.path()));
        let late = LedgerFile::create(session.folder.path(), None).unwrap();
        session.folder.retire().unwrap();
        let error = session.folder.remove().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::DirectoryNotEmpty);
        assert!(session.folder.try_lock().unwrap().is_none(), "nothing was removed");
        drop(late);
        fs::remove_file(session.folder.ledgers()[0].path()).unwrap();
        session.folder.remove().unwrap();
        assert!(SessionFolder::all(&root.path().join("sessions")).is_empty());
    }

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
