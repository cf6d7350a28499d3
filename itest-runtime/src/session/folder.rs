//! The folder of a session: it is created atomically, only its owner can write to it, and the session server locks it.
//!
//! The folder is renamed before it is removed, so that no other process opens it any more. If a ledger still appears in it, the
//! folder is not removed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::ledger::{DRAFT, LedgerFile, try_lock_file};
use crate::model::{ProcessIdentity, SessionAddress, SessionConfig, sort_by_key};
use crate::process::{continue_if_stopped, identify, own_identity};

const LOCK: &str = "lock";
const SOCKET: &str = "socket";
const CONFIG: &str = "session.json";
const SERVER: &str = "server.json";
const STARTED: &str = "started.json";
const LOG: &str = "log";
const WATCHED: &str = "watched";

/// The suffix of a folder that is about to be removed. The pid of the process that removes it follows.
const RETIRED: &str = ".ended-";

/// The folder of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SessionFolder {
    path: PathBuf,
}

/// A session without a server, and the files that its server will receive.
#[derive(Debug)]
pub(super) struct UnservedSession {
    pub(super) folder: SessionFolder,
    /// The locked lock file. The lock is held until all descriptors of this open file are closed, in all processes.
    pub(super) lock: File,
    pub(super) listener: UnixListener,
}

/// The default folders for sessions: cargo's target directory first, then the system's temp dir.
#[must_use]
pub(crate) fn default_roots() -> Vec<PathBuf> {
    let binary = std::env::current_exe().unwrap_or_default();
    // Cargo writes this file to its target directory.
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

    /// The name of the session. The environment of the session's processes contains it too.
    pub(super) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        name.split(RETIRED).next().unwrap_or_default().to_owned()
    }

    /// The value by which the processes of the session's fixtures are recognized. Sessions of kept services have the same name in the folders of all
    /// projects, so the value contains the file number of the folder too, which stays the same when the folder is renamed.
    pub(super) fn mark_of_fixtures(&self) -> String {
        let number = fs::metadata(&self.path).map_or(0, |folder| folder.ino());
        format!("{}-{number}", self.name())
    }

    /// The folder of the session at an address, if it exists.
    pub(super) fn find(address: &SessionAddress) -> Option<Self> {
        let candidates = address.roots.iter().map(|root| root.join(&address.name));
        candidates.into_iter().find(|path| path.is_dir()).map(Self::at)
    }

    /// Creates the session at an address. `None` if another process has created it first.
    ///
    /// # Errors
    ///
    /// The error of the last root, if the session cannot be created in any root.
    pub(super) fn create(address: &SessionAddress, config: &SessionConfig) -> io::Result<Option<UnservedSession>> {
        let mut result = Err(io::Error::new(io::ErrorKind::NotFound, "no folder is set for sessions"));
        for root in &address.roots {
            let created = ensure_private(root).and_then(|()| Self::create_in(root, &address.name, config));
            result = created.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", root.display())));
            if result.is_ok() {
                return result;
            }
        }
        result
    }

    fn create_in(root: &Path, name: &str, config: &SessionConfig) -> io::Result<Option<UnservedSession>> {
        let draft = Self::at(root.join(format!(".{name}.{}", std::process::id())));
        DirBuilder::new().mode(0o700).create(&draft.path)?;
        let created = draft.fill(config).and_then(|(lock, listener)| {
            let folder = Self::at(root.join(name));
            // `rename` does not replace an existing folder that is not empty.
            fs::rename(&draft.path, &folder.path)?;
            Ok(UnservedSession { folder, lock, listener })
        });
        match created {
            Ok(session) => Ok(Some(session)),
            Err(error) => {
                let _ = fs::remove_dir_all(&draft.path);
                let exists = matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists);
                if exists { Ok(None) } else { Err(error) }
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

    /// Listens on the session's socket. An earlier socket is replaced.
    fn listen(&self) -> io::Result<UnixListener> {
        let draft = format!("{DRAFT}{SOCKET}");
        let _ = fs::remove_file(self.path.join(&draft));
        let listener = with_short_path(&self.path, |short| UnixListener::bind(short.join(&draft)))?;
        fs::rename(self.path.join(draft), self.path.join(SOCKET))?;
        Ok(listener)
    }

    /// Takes the session over from a dead server. `None` if the server runs, if another process has taken the session over first,
    /// or if the folder is being removed.
    pub(super) fn take_over(&self) -> io::Result<Option<UnservedSession>> {
        let lock = match self.try_lock() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            lock => lock?,
        };
        lock.map(|lock| Ok(UnservedSession { folder: self.clone(), lock, listener: self.listen()? })).transpose()
    }

    /// The process that last began to serve this session. It may have ended.
    pub(super) fn server(&self) -> Option<ProcessIdentity> {
        self.read_process(SERVER)
    }

    /// Writes down that this process is the session server.
    pub(super) fn set_server(&self) -> io::Result<()> {
        self.write_process(SERVER, own_identity())
    }

    /// Writes down which process was started as the session server. It may not have begun to serve.
    pub(super) fn set_started(&self, server: u32) -> io::Result<()> {
        identify(server).map_or(Ok(()), |server| self.write_process(STARTED, server))
    }

    /// Continues the session server, if a signal has stopped it.
    pub(super) fn continue_server(&self) {
        for server in self.servers() {
            continue_if_stopped(server);
        }
    }

    /// The processes that may hold the lock: the session server, and the process that was started as the session server.
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

    /// The configuration that was written when the session was created.
    pub(super) fn config(&self) -> io::Result<SessionConfig> {
        Ok(serde_json::from_slice(&fs::read(self.path.join(CONFIG))?)?)
    }

    pub(super) fn connect(&self) -> io::Result<UnixStream> {
        with_short_path(&self.path, |short| UnixStream::connect(short.join(SOCKET)))
    }

    pub(super) fn open_log(&self) -> io::Result<File> {
        self.open(LOG)
    }

    /// The path of the list of watched processes.
    pub(super) fn watched(&self) -> PathBuf {
        self.path.join(WATCHED)
    }

    pub(super) fn open_watched(&self) -> io::Result<File> {
        self.open(WATCHED)
    }

    /// The last lines of the log, for a message.
    pub(super) fn end_of_log(&self) -> String {
        const MAX_LINES: usize = 20;
        let text = fs::read(self.path.join(LOG)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(MAX_LINES)..].join("\n")
    }

    /// The ledgers of the run's processes and of the session server.
    pub(super) fn ledgers(&self) -> Vec<LedgerFile> {
        LedgerFile::all(&self.path)
    }

    /// Takes the lock. `None` if the session server or another process holds it.
    pub(super) fn try_lock(&self) -> io::Result<Option<File>> {
        let path = self.path.join(LOCK);
        // The file is not created. A folder without a lock file is not a session, or it is being removed.
        let Some(lock) = try_lock_file(OpenOptions::new().append(true).open(&path)?)? else { return Ok(None) };
        // Another process may have removed the folder and created a new one between opening the file and locking it.
        let (locked, current) = (lock.metadata()?, fs::metadata(path)?);
        Ok(((locked.dev(), locked.ino()) == (current.dev(), current.ino())).then_some(lock))
    }

    /// Whether the folder was renamed by [`Self::retire`].
    pub(super) fn is_retired(&self) -> bool {
        self.path.file_name().is_some_and(|name| name.to_string_lossy().contains(RETIRED))
    }

    /// Renames the folder, so that no process can open the session any more. Only the process that holds the lock may do this.
    pub(super) fn retire(&mut self) -> io::Result<()> {
        let retired = format!("{}{RETIRED}{}", self.name(), std::process::id());
        let retired = self.path.with_file_name(retired);
        fs::rename(&self.path, &retired)?;
        self.path = retired;
        Ok(())
    }

    /// Removes the folder, unless it contains a ledger. Only the process that holds the lock may do this.
    pub(super) fn remove(&self) -> io::Result<()> {
        if !self.ledgers().is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        let entries = fs::read_dir(&self.path)?.map(|entry| entry.map(|entry| entry.path()));
        let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
        // The lock file is removed last, because it shows other processes that the folder is in use.
        sort_by_key(&mut paths, |path| path.file_name().is_some_and(|name| name == LOCK));
        for path in paths {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::remove_dir(&self.path)
    }

    /// The retired folders of a session that are not removed yet.
    pub(super) fn retired(address: &SessionAddress) -> Vec<Self> {
        let mut folders: Vec<_> = address.roots.iter().flat_map(|root| Self::all(root)).collect();
        folders.retain(|folder| folder.is_retired() && folder.name() == address.name);
        folders
    }

    /// The folder of the session at an address, and its drafts. A draft belongs to a process that is creating the session, or
    /// that has died before it was complete.
    pub(super) fn with_drafts(address: &SessionAddress) -> Vec<Self> {
        let draft = format!(".{}.", address.name);
        let is_of_session = |name: &str| name == address.name || name.starts_with(&draft);
        let mut folders: Vec<_> = address.roots.iter().flat_map(|root| Self::all(root)).collect();
        folders.retain(|folder| folder.path.file_name().is_some_and(|name| is_of_session(&name.to_string_lossy())));
        folders
    }

    /// Removes the drafts of a session. It may be called only when no process of the run can be creating the session.
    pub(super) fn remove_drafts(address: &SessionAddress) {
        for folder in Self::with_drafts(address) {
            if folder.path.file_name().is_some_and(|name| name != address.name.as_str()) {
                let _ = fs::remove_dir_all(&folder.path);
            }
        }
    }

    /// All folders in a root: live sessions, dead sessions, and drafts.
    pub(super) fn all(root: &Path) -> Vec<Self> {
        // A root to which other users can write is not trusted.
        if !fs::symlink_metadata(root).is_ok_and(|metadata| is_private(&metadata)) {
            return Vec::new();
        }
        let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
        entries.filter_map(|entry| Some(Self::at(entry.ok()?.path()))).collect()
    }
}

/// Creates a root, or ensures that no other user can write to an existing root.
fn ensure_private(root: &Path) -> io::Result<()> {
    if let Some(parent) = root.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(root) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let metadata = fs::symlink_metadata(root)?;
    if !is_private(&metadata) {
        let text = format!(
            "{} is not a folder that only this user can write to, so its sessions cannot be trusted; remove it, or set \
             --session-dir",
            root.display()
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(root, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Whether a folder belongs to this user and no other user can write to it.
fn is_private(metadata: &fs::Metadata) -> bool {
    metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

/// Calls a function with a short path of a folder, because the system limits the length of a socket's path. A long path is
/// replaced by the path of an open descriptor.
fn with_short_path<T>(folder: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    const MAX_PATH_BYTES: usize = 80;
    if folder.as_os_str().len() <= MAX_PATH_BYTES || !cfg!(target_os = "linux") {
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

    pub(in crate::session) fn create(address: &SessionAddress) -> UnservedSession {
        SessionFolder::create(address, &config()).unwrap().unwrap()
    }

    #[test]
    fn session_is_taken_over_only_after_its_server_is_dead() {
        let root = tempfile::tempdir().unwrap();
        let first = create(&address(root.path()));
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
    fn new_session_can_be_created_after_the_first_is_retired() {
        let root = tempfile::tempdir().unwrap();
        let address = address(root.path());
        let mut first = create(&address);
        first.folder.retire().unwrap();
        assert_eq!((SessionFolder::find(&address), first.folder.name()), (None, address.name.clone()));
        let second = create(&address);
        first.folder.remove().unwrap();
        assert_eq!(SessionFolder::find(&address), Some(second.folder.clone()));
        // The second session has its own lock, which is held.
        assert!(second.folder.try_lock().unwrap().is_none());
    }

    #[test]
    fn mark_of_fixtures_differs_between_roots_and_stays_when_the_session_is_retired() {
        let roots = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [mut one, other] = roots.each_ref().map(|root| create(&address(root.path())));
        assert_eq!(one.folder.name(), other.folder.name());
        let mark = one.folder.mark_of_fixtures();
        assert_ne!(mark, other.folder.mark_of_fixtures());
        one.folder.retire().unwrap();
        assert_eq!(one.folder.mark_of_fixtures(), mark);
    }

    #[test]
    fn session_with_a_new_ledger_is_not_removed() {
        let root = tempfile::tempdir().unwrap();
        let mut session = create(&address(root.path()));
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
    fn only_the_drafts_of_one_session_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let names = ["run-1-2", ".run-1-2.77", ".run-1-23.77", "run-3-4"];
        for name in names {
            fs::create_dir(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join("lock"), "").unwrap();
        }
        let owner = ProcessIdentity { pid: 1, start: 2 };
        let address = SessionAddress { roots: vec![root.path().to_owned()], name: "run-1-2".to_owned(), owner };
        assert_eq!(SessionFolder::with_drafts(&address).len(), 2);
        SessionFolder::remove_drafts(&address);
        let exists = names.map(|name| root.path().join(name).is_dir());
        assert_eq!(exists, [true, false, true, true]);
    }
}
