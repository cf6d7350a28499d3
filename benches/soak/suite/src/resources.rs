//! The resources of the tests. Each notes its acquisition, and can check whether it still exists.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use itest::prelude::*;
use itest::sqlite;
use serde::{Deserialize, Serialize};
use sqlx::migrate::Migrator;

use crate::surroundings::{address, child, note, outside};

/// Removal takes a moment, so that its process can be killed meanwhile.
#[teardown]
fn remove_outside(path: PathBuf) -> Result<()> {
    std::thread::sleep(std::time::Duration::from_millis(5));
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// A file outside of processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outside {
    path: PathBuf,
}

impl Outside {
    pub(crate) fn take(stem: &str, teardown: &Teardown) -> Result<Self> {
        let path = outside(stem);
        teardown.durable(remove_outside, path.clone())?;
        fs::write(&path, stem)?;
        note(stem);
        Ok(Self { path })
    }

    pub(crate) fn is_there(&self) -> bool {
        self.path.is_file()
    }
}

#[fixture]
fn durable(teardown: &Teardown) -> Result<Outside> {
    Outside::take("durable", teardown)
}

/// A program that listens on a port, and perhaps started another one.
#[derive(Debug, Clone)]
pub(crate) struct Listening {
    program: RunningProgram,
    port: u16,
}

impl Listening {
    pub(crate) async fn start(kind: &str, dir: &TempDir, teardown: &Teardown) -> Result<Self> {
        let (program, port) = listen(kind, dir, teardown).await?;
        Ok(Self { program, port })
    }

    pub(crate) fn is_there(&self) -> bool {
        self.program.status().is_none() && answers(self.port)
    }
}

async fn listen(kind: &str, dir: &TempDir, teardown: &Teardown) -> Result<(RunningProgram, u16)> {
    let port_file = dir.join("port");
    let file = File::create(&port_file)?;
    // The driver kills it at random moments.
    let program = Program::new(child()).args([address().as_str(), kind]).stdout(file).may_exit();
    let program = program.start(teardown).await?;
    note(&format!("process_{kind}"));
    loop {
        let mut line = String::new();
        BufReader::new(File::open(&port_file)?).read_line(&mut line)?;
        if line.ends_with('\n') {
            return Ok((program, line.trim_end().parse()?));
        }
        if let Some(status) = program.status() {
            return Err(format!("the child ended: {status}").into());
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

fn answers(port: u16) -> bool {
    TcpStream::connect((address().as_str(), port)).is_ok()
}

/// A tree of files and folders, some of them read-only.
#[derive(Debug)]
pub(crate) struct Tree {
    file: PathBuf,
}

#[fixture]
fn tree(dir: TempDir) -> Result<Tree> {
    let sealed = dir.join("a").join("b").join("sealed");
    fs::create_dir_all(&sealed)?;
    let file = sealed.join("file");
    fs::write(&file, "sealed")?;
    fs::write(dir.join("a").join("file"), vec![7; 10_000])?;
    fs::set_permissions(&file, Permissions::from_mode(0o400))?;
    fs::set_permissions(&sealed, Permissions::from_mode(0o500))?;
    fs::set_permissions(dir.join("a"), Permissions::from_mode(0o500))?;
    note("read_only_tree");
    Ok(Tree { file })
}

impl Tree {
    pub(crate) fn is_there(&self) -> bool {
        fs::read(&self.file).is_ok_and(|content| content == b"sealed")
    }
}

/// A folder that belongs to a worker.
#[derive(Debug)]
pub(crate) struct Workshop {
    dir: TempDir,
}

#[fixture(scope = "worker")]
fn workshop(teardown: &Teardown) -> Result<Workshop> {
    let dir = TempDir::create("workshop", teardown)?;
    fs::write(dir.join("tool"), "tool")?;
    note("worker_fixture");
    Ok(Workshop { dir })
}

impl Workshop {
    pub(crate) fn is_there(&self) -> bool {
        self.dir.join("tool").is_file()
    }
}

/// A session fixture with files outside of processes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Harbour {
    outside: Outside,
    deferred: PathBuf,
}

#[fixture(scope = "session")]
fn harbour(teardown: &Teardown) -> Result<Harbour> {
    let taken = Outside::take("session_fixture", teardown)?;
    let dir = TempDir::create("harbour", teardown)?;
    let deferred = dir.join("deferred");
    fs::write(&deferred, "deferred")?;
    let removed = deferred.clone();
    teardown.defer("remove the deferred file", async move { fs::remove_file(removed) });
    Ok(Harbour { outside: taken, deferred })
}

impl Harbour {
    pub(crate) fn is_there(&self) -> bool {
        self.outside.is_there() && self.deferred.is_file()
    }
}

/// A session fixture that depends on the first one: a program that listens.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ship {
    outside: Outside,
    port: u16,
}

#[fixture(scope = "session")]
async fn ship(harbour: &Harbour, teardown: &Teardown) -> Result<Ship> {
    if !harbour.is_there() {
        return Err("the harbour is gone".into());
    }
    let taken = Outside::take("dependent_session_fixture", teardown)?;
    let dir = TempDir::create("ship", teardown)?;
    let (_, port) = listen("forebear", &dir, teardown).await?;
    let below = harbour.outside.clone();
    teardown.defer("leave the harbour", async move {
        if below.is_there() { Ok(()) } else { Err("the harbour went first") }
    });
    Ok(Ship { outside: taken, port })
}

impl Ship {
    pub(crate) fn is_there(&self) -> bool {
        self.outside.is_there() && answers(self.port)
    }
}

/// A database in a file.
pub(crate) struct Schema;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

impl sqlite::Schema for Schema {
    const STORAGE: sqlite::Storage = sqlite::Storage::File;

    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }
}

pub(crate) type Database = sqlite::Sqlite<Schema>;
