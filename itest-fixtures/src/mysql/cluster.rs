//! A private MariaDB or MySQL server: started for the run, and ended with it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use itest_runtime::__private::variable;
use itest_runtime::{Error, Process, Teardown};

use super::address::Address;
use super::connection::connect;
use crate::database::{Fingerprint, Owner, cached, failed_to, private};

/// What to do where its programs are not.
pub(super) const REMEDY: &str = "install it (Debian: apt-get install mariadb-server; macOS: brew install mariadb)";

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(5);

/// Nothing of the server must survive its machine, and its tables are small.
pub(super) const SETTINGS: [&str; 9] = [
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--performance-schema=OFF",
    // Statistics in tables are written with every definition, and cost more than it does.
    "--innodb-stats-persistent=OFF",
    "--innodb-stats-auto-recalc=OFF",
    "--character-set-server=utf8mb4",
];

/// Where the programs of a server are.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    server: PathBuf,
    install: Option<PathBuf>,
    version: String,
}

impl Binaries {
    /// Those on the `PATH`, or where Debian and Homebrew put them.
    pub(super) fn find() -> Option<Self> {
        let path = variable("PATH").unwrap_or_default();
        let places = ["/usr/sbin", "/usr/bin", "/usr/libexec", "/opt/homebrew/bin", "/usr/local/bin"];
        let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(places.map(PathBuf::from)).collect();
        let find = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|program| program.is_file());
        let server = find("mariadbd").or_else(|| find("mysqld"))?;
        let said = Command::new(&server).arg("--version").output().ok()?;
        let version = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        let install = find("mariadb-install-db").or_else(|| find("mysql_install_db"));
        Some(Self { server, install: install.filter(|_| version.contains("MariaDB")), version })
    }
}

/// Starts a server on a socket in a folder of its own, and registers its end.
pub(super) async fn start(binaries: Binaries, teardown: &Teardown) -> Result<Address, Error> {
    let owner = Owner::instead_of_root("MariaDB", &["mysql", "nobody"])?;
    let folder = private::folder("mysql", teardown)?;
    let (log, file) = {
        let (folder, owner, binaries) = (folder.clone(), owner.clone(), binaries.clone());
        let prepared = tokio::task::spawn_blocking(move || prepare(&binaries, &folder, owner.as_ref())).await;
        prepared.map_err(|error| failed_to("prepare a server", &error))??
    };
    let socket = folder.join("socket");
    let mut command = Command::new(&binaries.server);
    command.arg("--no-defaults").arg(option("datadir", &folder.join("data"))).arg(option("socket", &socket));
    command.arg(option("pid-file", &folder.join("pid"))).arg(option("tmpdir", &folder)).args(SETTINGS);
    command.arg("--skip-networking");
    command.arg(format!("--max-connections={}", private::connections()));
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
    if let Some(owner) = &owner {
        owner.run(&mut command);
    }
    let process = Process::start(command, teardown)?;
    let address = Address::Socket(socket);
    let since = Instant::now();
    loop {
        let Err(error) = connect(&address, None).await else { return Ok(address) };
        if process.status().is_some() || since.elapsed() > PATIENCE {
            return Err(private::silent("MariaDB", &error, &log));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn option(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

fn prepare(binaries: &Binaries, folder: &Path, owner: Option<&Owner>) -> Result<(PathBuf, File), Error> {
    let log = private::prepare(folder, owner)?;
    let data = folder.join("data");
    let key = Fingerprint::default().of(&binaries.version).of(&SETTINGS).text();
    cached(&format!("mysql-{key}"), &data, owner, || initialize(binaries, folder, &data, owner))?;
    Ok(log)
}

fn initialize(binaries: &Binaries, folder: &Path, data: &Path, owner: Option<&Owner>) -> Result<(), Error> {
    let mut command = Command::new(binaries.install.as_ref().unwrap_or(&binaries.server));
    command.arg("--no-defaults");
    if binaries.install.is_some() {
        command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
    } else {
        command.arg("--initialize-insecure");
    }
    command.arg(option("datadir", data)).arg("--innodb-log-file-size=16M").current_dir("/");
    // The temp dir of whoever runs the tests may be closed to the server's user.
    command.arg(option("tmpdir", folder)).env("TMPDIR", folder);
    if let Some(owner) = owner {
        owner.run(&mut command);
    }
    let output =
        command.output().map_err(|error| failed_to("start the program that makes a data directory", &error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Error::new(format!("no data directory can be made in {}: {}", data.display(), String::from_utf8_lossy(&said))))
}
