//! The resources that the test of the suite acquires, and checks whether they are still there.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite};

/// A kind of resource that must be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resource {
    /// A directory of the test's own.
    TempDir,
    /// A database in a file.
    SqliteFile,
    /// A process that a test started, and a child of that process.
    Child,
    /// A process that left its parent, its group and its session.
    Daemon,
    /// A port on which a process listens.
    Port,
    /// A file that a test made, with a `teardown.durable` step.
    Durable,
    /// A file that a test made, with a `teardown.defer` step.
    Deferred,
    /// A file that a session fixture made, with a `teardown.durable` step.
    SessionDurable,
    /// A file that a session fixture made, with a `teardown.defer` step.
    SessionDeferred,
    /// The session's folder with its socket, lock and ledgers.
    Session,
    /// A process of the harness, or an unexpected file.
    Other,
}

/// The resources that are left, with their paths or process ids.
pub(super) type Leftovers = BTreeMap<Resource, Vec<String>>;

/// The environment of one run, in which leftovers are searched.
#[derive(Debug)]
pub(super) struct Surroundings<'t> {
    dir: &'t TempDir,
}

impl<'t> Surroundings<'t> {
    pub(super) fn new(dir: &'t TempDir) -> Result<Self> {
        fs::create_dir_all(dir.join("outside"))?;
        Ok(Self { dir })
    }

    pub(super) fn suite(&self) -> Suite<'t> {
        Suite::new(env!("CARGO_BIN_EXE_suite-matrix"), self.dir)
            .env("JOURNAL", self.journal().display().to_string())
            .env("OUTSIDE", self.dir.join("outside").display().to_string())
            .env("SERVICE", env!("CARGO_BIN_EXE_program-service"))
    }

    fn journal(&self) -> PathBuf {
        self.dir.join("journal")
    }

    /// The value that the journal has for this word.
    pub(super) fn noted(&self, word: &str) -> Option<String> {
        let text = fs::read_to_string(self.journal()).unwrap_or_default();
        text.lines().find_map(|line| Some(line.strip_prefix(word)?.strip_prefix(' ')?.to_owned()))
    }

    /// The resources that the test should have acquired and did not.
    pub(super) fn never_taken(&self) -> Vec<&'static str> {
        let words = ["temp", "sqlite", "session", "child", "grandchild", "daemon", "listener", "port"];
        words.into_iter().filter(|word| self.noted(word).is_none()).collect()
    }

    /// The running processes of the harness, without those of services.
    pub(super) fn harness(&self) -> Vec<u32> {
        self.suite().traces().process_ids().into_iter().filter(|id| !is_service(*id)).collect()
    }

    /// Searches for leftovers of every kind.
    pub(super) fn leftovers(&self, run: &Finished) -> Leftovers {
        let mut left = Leftovers::new();
        let mut add = |resource: Resource, what: String| left.entry(resource).or_default().push(what);
        for (word, resource) in [("temp", Resource::TempDir), ("sqlite", Resource::SqliteFile)] {
            if let Some(path) = self.noted(word).filter(|path| Path::new(path).exists()) {
                add(resource, path);
            }
        }
        for name in names(&self.dir.join("outside")) {
            let resource = match name.as_str() {
                "durable" => Resource::Durable,
                "deferred" => Resource::Deferred,
                "session-durable" => Resource::SessionDurable,
                "session-deferred" => Resource::SessionDeferred,
                _ => Resource::Other,
            };
            add(resource, name);
        }
        for name in names(&self.suite().sessions()) {
            add(Resource::Session, name);
        }
        let processes = [
            ("child", Resource::Child),
            ("grandchild", Resource::Child),
            ("daemon", Resource::Daemon),
            ("listener", Resource::Port),
        ];
        let known = processes.map(|(word, resource)| (self.noted(word).and_then(|id| id.parse().ok()), resource));
        let marked = run.process_ids();
        // These processes are also checked by their ids, in case they lost the environment variable that marks them.
        for (id, resource) in known.iter().filter_map(|(id, resource)| Some(((*id)?, resource))) {
            if is_service(id) {
                add(*resource, format!("process {id}"));
            }
        }
        for id in marked.into_iter().filter(|id| !known.iter().any(|(known, _)| *known == Some(*id))) {
            add(Resource::Other, format!("process {id} {}", command_line(id)));
        }
        if let Some(port) = self.noted("port").and_then(|port| port.parse().ok()).filter(|port| self.answers(*port)) {
            add(Resource::Port, format!("port {port}"));
        }
        // The temp folder itself is no leftover while folders of the worker are in it.
        let is_known = left.contains_key(&Resource::TempDir) || left.contains_key(&Resource::SqliteFile);
        let rest = names(&self.suite().temp());
        if !is_known && !rest.is_empty() {
            left.entry(Resource::Other).or_default().extend(rest);
        }
        left
    }

    /// Whether the service of this run still listens on a port. Another process may have got the port since, so the service sends its name.
    fn answers(&self, port: u16) -> bool {
        let Ok(mut connection) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
        let mut greeting = String::new();
        let received = connection
            .set_read_timeout(Some(Duration::from_millis(200)))
            .and_then(|()| connection.read_to_string(&mut greeting));
        // A listener that sends nothing may be the service, stopped while it answers.
        received.is_err() || greeting == self.journal().display().to_string()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).map(|entries| entries.filter_map(Result::ok).collect::<Vec<_>>());
    entries.unwrap_or_default().iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn command_line(id: u32) -> String {
    let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}

/// Whether a living process is a service that the test of the suite started. A zombie has no command line.
fn is_service(id: u32) -> bool {
    command_line(id).starts_with(env!("CARGO_BIN_EXE_program-service"))
}
