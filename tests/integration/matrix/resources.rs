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

use super::servers::Servers;

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
    /// A private Redis server, or the keys, the lease and the user of a test on a server at a URL.
    Redis,
    /// A private NATS server, or the streams of a test on a server at a URL.
    Nats,
    /// A private MQTT broker, or the retained message and the session of a test on a broker at a URL.
    Mqtt,
    /// The virtual host and the user of a test on a RabbitMQ server at a URL, or a private server.
    Rabbitmq,
    /// The port of a mail server in the process of the test.
    Mail,
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
    servers: Servers<'t>,
}

/// The suite.
const SUITE: &str = env!("CARGO_BIN_EXE_suite-matrix");

/// The services whose private servers have folders, with their words in the journal.
const SERVICES: [(&str, Resource); 4] = [
    ("redis-folder", Resource::Redis),
    ("nats-folder", Resource::Nats),
    ("mqtt-folder", Resource::Mqtt),
    ("rabbitmq-folder", Resource::Rabbitmq),
];

impl<'t> Surroundings<'t> {
    pub(super) fn new(dir: &'t TempDir, servers: Servers<'t>) -> Result<Self> {
        fs::create_dir_all(dir.join("outside"))?;
        Ok(Self { dir, servers })
    }

    pub(super) fn suite(&self) -> Suite<'t> {
        let suite = Suite::new(SUITE, self.dir);
        let variables = self.servers.variables().into_iter();
        variables
            .fold(suite, |suite, (name, value)| suite.env(&name, value))
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
        let words = ["temp", "sqlite", "session", "child", "grandchild", "daemon", "listener", "port", "services"];
        let folders = SERVICES.iter().map(|(word, _)| *word).filter(|word| self.servers.are_private(word));
        words.into_iter().chain(folders).filter(|word| self.noted(word).is_none()).collect()
    }

    /// The running processes of the harness, without those of services.
    pub(super) fn harness(&self) -> Vec<u32> {
        let is_of_harness = |id: &u32| {
            let program = fs::read_link(format!("/proc/{id}/exe")).unwrap_or_default();
            program == Path::new(SUITE) || program.ends_with("cargo-nextest")
        };
        self.suite().traces().process_ids().into_iter().filter(is_of_harness).collect()
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
            let resource = self.service_of(id).unwrap_or(Resource::Other);
            add(resource, format!("process {id} {}", command_line(id)));
        }
        for (resource, what) in self.left_of_services() {
            add(resource, what);
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

    /// Folders of private servers, what is left on servers at URLs, and the port of the mail server.
    fn left_of_services(&self) -> Vec<(Resource, String)> {
        let mut left = Vec::new();
        for (word, resource) in SERVICES {
            let folder = self.noted(word).filter(|folder| Path::new(folder).exists());
            left.extend(folder.map(|folder| (resource, folder)));
        }
        let host = self.noted("virtual-host").unwrap_or_default();
        let on_servers = [
            (Resource::Redis, self.servers.left_on_redis()),
            (Resource::Nats, Ok(self.servers.left_on_nats())),
            (Resource::Mqtt, self.servers.left_on_mqtt()),
            (Resource::Rabbitmq, self.servers.left_on_rabbitmq(&host)),
        ];
        for (resource, on_server) in on_servers {
            let on_server = on_server.unwrap_or_else(|error| vec![error.to_string()]);
            left.extend(on_server.into_iter().map(|what| (resource, what)));
        }
        let mail = self.noted("mail").and_then(|port| port.parse().ok());
        let greeting = mail.and_then(greeting).filter(|greeting| greeting.starts_with("220 itest"));
        left.extend(greeting.map(|greeting| (Resource::Mail, greeting)));
        left
    }

    /// The service whose private server a process is, or belongs to.
    fn service_of(&self, id: u32) -> Option<Resource> {
        let variables = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        let text = format!("{} {}", command_line(id), String::from_utf8_lossy(&variables));
        let of_service = |(word, _): &&(&str, Resource)| self.noted(word).is_some_and(|folder| text.contains(&folder));
        SERVICES.iter().find(of_service).map(|(_, resource)| *resource)
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

/// The first bytes that a server on a port sends.
fn greeting(port: u16) -> Option<String> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    connection.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
    let mut bytes = [0; 64];
    let length = connection.read(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
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
