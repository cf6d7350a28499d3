//! Finds the installed programs of MariaDB or MySQL.

use std::path::{Path, PathBuf};
use std::process::Command;

use itest_runtime::__private::variable;
use itest_runtime::{Error, Program};

use super::address::socket;
use crate::database::failed_to;
use crate::service::{Account, Fingerprint, Programs, cached, private_connections};

/// The settings of private servers and of servers in containers. Their data need not survive a crash of the machine, and their tables are
/// small.
pub(super) const SETTINGS: [&str; 9] = [
    "--skip-log-bin",
    // A commit is written to the operating system without waiting for the disk, because a killed server is started again with its files.
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--performance-schema=OFF",
    // With persistent statistics, the server writes them for every new table, and that takes longer than creating the table.
    "--innodb-stats-persistent=OFF",
    "--innodb-stats-auto-recalc=OFF",
    "--character-set-server=utf8mb4",
];

/// An installation of the programs.
#[derive(Debug, Clone)]
pub(crate) struct Installation {
    server: PathBuf,
    /// The program that creates a data directory, if the server does not do that itself.
    install: Option<PathBuf>,
    version: String,
}

impl Programs for Installation {
    const NAME: &'static str = "MariaDB";

    /// Searches the `PATH`, and then the folders of Debian and Homebrew.
    fn find() -> Option<Self> {
        let path = variable("PATH").unwrap_or_default();
        let standard_folders = ["/usr/sbin", "/usr/bin", "/usr/libexec", "/opt/homebrew/bin", "/usr/local/bin"];
        let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(standard_folders.map(PathBuf::from)).collect();
        let find = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|program| program.is_file());
        let server = find("mariadbd").or_else(|| find("mysqld"))?;
        let output = Command::new(&server).arg("--version").output().ok()?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let install = find("mariadb-install-db").or_else(|| find("mysql_install_db"));
        Some(Self { server, install: install.filter(|_| version.contains("MariaDB")), version })
    }

    fn initialize(&self, folder: &Path, account: Option<&Account>) -> Result<(), Error> {
        let data = folder.join("data");
        let key = Fingerprint::default().with(&self.version).with(&SETTINGS).text();
        cached(&format!("mysql-{key}"), &data, account, || make_data_directory(self, folder, &data, account))
    }

    fn server(&self, folder: &Path) -> Program {
        Program::new(&self.server)
            .arg("--no-defaults")
            .arg(option("datadir", &folder.join("data")))
            .arg(option("socket", &socket(folder)))
            .arg(option("pid-file", &folder.join("pid")))
            .arg(option("tmpdir", folder))
            .args(SETTINGS)
            .arg("--skip-networking")
            .arg(format!("--max-connections={}", private_connections()))
    }
}

fn option(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

fn make_data_directory(
    programs: &Installation,
    folder: &Path,
    data: &Path,
    account: Option<&Account>,
) -> Result<(), Error> {
    let mut command = Command::new(programs.install.as_ref().unwrap_or(&programs.server));
    command.arg("--no-defaults");
    if programs.install.is_some() {
        command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
    } else {
        command.arg("--initialize-insecure");
    }
    command.arg(option("datadir", data)).arg("--innodb-log-file-size=16M").current_dir("/");
    // The account of the server may not be allowed to use the temp dir of this process.
    command.arg(option("tmpdir", folder)).env("TMPDIR", folder);
    if let Some(account) = account {
        account.run(&mut command);
    }
    let output =
        command.output().map_err(|error| failed_to("start the program that makes a data directory", &error))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(Error::new(format!("no data directory can be made in {}: {}", data.display(), String::from_utf8_lossy(&text))))
}
