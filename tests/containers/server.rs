//! The server in a container of the stand-in: a real server, started as its image would start it.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use itest::prelude::*;
use rustix::process::Signal;
use serde_json::Value;

/// The user id of the server processes, because servers refuse to run as root.
const UNPRIVILEGED_USER: u32 = 65534;

/// A running server, with the folder that has its files and its socket.
#[derive(Debug)]
pub(crate) struct Server {
    program: RunningProgram,
    signal: Signal,
    folder: PathBuf,
}

/// A server whose files exist and that can be started.
#[derive(Debug)]
pub(crate) struct Prepared {
    command: Command,
    signal: Signal,
    folder: PathBuf,
}

#[teardown]
fn remove_folder(folder: PathBuf) -> Result<()> {
    remove(&folder)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Makes a folder for the files of a container.
pub(crate) fn folder(id: &str, teardown: &Teardown) -> Result<PathBuf> {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = parent.join(format!("itest-stand-in-{id}"));
    teardown.durable(remove_folder, folder.clone())?;
    DirBuilder::new().mode(0o755).create(&folder)?;
    if is_root() {
        chown(&folder, Some(UNPRIVILEGED_USER), Some(UNPRIVILEGED_USER))?;
    }
    Ok(folder)
}

/// The socket on which the server of a container listens.
pub(crate) fn socket(folder: &Path) -> PathBuf {
    folder.join(".s.PGSQL.5432")
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn set_user(command: &mut Command) {
    if is_root() {
        command.uid(UNPRIVILEGED_USER).gid(UNPRIVILEGED_USER);
    }
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    set_user(&mut command);
    command.current_dir("/").stdin(Stdio::null());
    command
}

/// The value of a variable of a container.
pub(crate) fn environment<'s>(spec: &'s Value, name: &str) -> Option<&'s str> {
    let variables = spec["Env"].as_array()?.iter().filter_map(Value::as_str);
    variables.filter_map(|variable| variable.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Replaces the password in the variables of a container.
pub(crate) fn replace_password(spec: &mut Value) {
    for variable in spec["Env"].as_array_mut().into_iter().flatten() {
        let name = variable.as_str().and_then(|variable| variable.split_once('=')).map(|(name, _)| name.to_owned());
        if let Some(name) = name.filter(|name| name.ends_with("PASSWORD")) {
            *variable = Value::String(format!("{name}=another"));
        }
    }
}

/// The path outside of the container for a path inside of it. Only paths on a `tmpfs` mount are supported.
fn outside(spec: &Value, inside: &str, folder: &Path) -> Result<PathBuf> {
    let mounts = spec["HostConfig"]["Mounts"].as_array().into_iter().flatten();
    let mut memory = mounts.filter(|mount| mount["Type"] == "tmpfs").filter_map(|mount| mount["Target"].as_str());
    let rest = memory.find_map(|memory| inside.strip_prefix(memory)).ok_or(format!("{inside} is not in memory"))?;
    Ok(folder.join(rest.trim_start_matches('/')))
}

fn run(mut command: Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        .into())
}

/// Makes the files of the image's server. It blocks the thread.
pub(crate) fn prepare(spec: &Value, folder: &Path) -> Result<Prepared> {
    if environment(spec, "PGDATA").is_some() { postgres(spec, folder) } else { mysql(spec, folder) }
}

fn arguments(spec: &Value) -> Vec<String> {
    spec["Cmd"].as_array().into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

/// Prepares a server as the image `postgres` does.
fn postgres(spec: &Value, folder: &Path) -> Result<Prepared> {
    let variable = |name: &str| environment(spec, name).ok_or(format!("{name} is not set"));
    let installed = fs::read_dir("/usr/lib/postgresql")?.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let programs = installed.max().ok_or("PostgreSQL is not installed")?;
    let data = outside(spec, variable("PGDATA")?, folder)?;
    let password = folder.join("password");
    fs::write(&password, variable("POSTGRES_PASSWORD")?)?;

    let mut initdb = command(&programs.join("initdb"));
    initdb.arg("-D").arg(&data).args(["-U", variable("POSTGRES_USER")?, "--auth=scram-sha-256", "--pwfile"]);
    initdb.arg(&password).args(variable("POSTGRES_INITDB_ARGS")?.split_whitespace());
    run(initdb)?;

    let words = arguments(spec);
    let (program, settings) = words.split_first().ok_or("there is no command")?;
    let mut server = command(&programs.join(program));
    server.args(settings).arg("-D").arg(data).arg("-k").arg(folder).args(["-c", "listen_addresses=", "-p", "5432"]);
    Ok(Prepared { command: server, signal: Signal::INT, folder: folder.to_owned() })
}

/// Prepares a server as the image `mariadb` does.
fn mysql(spec: &Value, folder: &Path) -> Result<Prepared> {
    let password = environment(spec, "MARIADB_ROOT_PASSWORD").ok_or("MARIADB_ROOT_PASSWORD is not set")?;
    let (mut data, mut settings) = (None, Vec::new());
    for word in arguments(spec) {
        match word.strip_prefix("--datadir=") {
            Some(inside) => data = Some(outside(spec, inside, folder)?),
            None => settings.push(word),
        }
    }
    let data = format!("--datadir={}", data.ok_or("the files are not in memory")?.display());

    let mut install = command(Path::new("/usr/bin/mariadb-install-db"));
    install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", &data]);
    run(install)?;

    let script = folder.join("script.sql");
    fs::write(&script, format!("ALTER USER root@localhost IDENTIFIED BY '{password}';"))?;
    let mut server = command(Path::new("/usr/sbin/mariadbd"));
    server.args(["--no-defaults", &data, "--skip-networking"]).args(settings);
    server.arg(format!("--init-file={}", script.display())).arg(format!("--socket={}", socket(folder).display()));
    server.arg(format!("--pid-file={}", folder.join("pid").display()));
    server.arg(format!("--tmpdir={}", folder.display()));
    Ok(Prepared { command: server, signal: Signal::TERM, folder: folder.to_owned() })
}

impl Prepared {
    /// Starts the server.
    pub(crate) async fn start(self, teardown: &Teardown) -> Result<Server> {
        let log = File::create(self.folder.join("log"))?;
        let program = Program::new(self.command.get_program()).args(self.command.get_args()).current_dir("/");
        let program = program.configure(set_user).stdout(File::open("/dev/null")?).stderr(log).may_exit();
        Ok(Server { program: program.start(teardown).await?, signal: self.signal, folder: self.folder })
    }
}

impl Server {
    /// Ends the server without waiting for its clients, and removes its files.
    pub(crate) async fn remove(self) -> Result<()> {
        itest_tests::signal(self.program.id(), self.signal);
        self.program.stop().await?;
        remove(&self.folder)
    }
}
