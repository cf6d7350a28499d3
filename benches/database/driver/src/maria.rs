//! A private MariaDB server for `#[sqlx::test]`. itest starts its own server with the same settings.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use figures::{Context, Failure};

use crate::cluster::user_for;

/// The same settings as those of itest's private servers.
const SETTINGS: [&str; 11] = [
    "--skip-networking",
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--performance-schema=OFF",
    "--innodb-stats-persistent=OFF",
    "--innodb-stats-auto-recalc=OFF",
    "--max-connections=200",
    "--character-set-server=utf8mb4",
];

/// A server in memory.
#[derive(Debug)]
pub(crate) struct Maria {
    pub(crate) url: String,
    child: Child,
    folder: PathBuf,
}

impl Maria {
    /// Initializes and starts a server, and waits until it accepts connections.
    pub(crate) fn start() -> Result<Self, Failure> {
        let folder = Path::new("/dev/shm").join(format!("database-bench-maria-{}", std::process::id()));
        fs::create_dir(&folder).context(|| format!("making {}", folder.display()))?;
        let user = user_for("mysql", &folder)?;
        let program = |path: &str| {
            let mut command = Command::new(path);
            command.arg("--no-defaults").current_dir("/").env("TMPDIR", &folder);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.arg(format!("--datadir={}", folder.join("data").display()));
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let mut install = program("/usr/bin/mariadb-install-db");
        install.args(["--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=16M"]);
        if !install.status().context(|| "running mariadb-install-db".to_owned())?.success() {
            return Err(Failure::new("mariadb-install-db failed"));
        }
        let socket = folder.join("socket");
        let mut server = program("/usr/sbin/mariadbd");
        server
            .arg(format!("--socket={}", socket.display()))
            .arg(format!("--tmpdir={}", folder.display()))
            .args(SETTINGS);
        let child = server.spawn().context(|| "starting mariadbd".to_owned())?;
        let url = format!("mysql://root@localhost/bench?socket={}", socket.display());
        let started = Self { url, child, folder };
        let since = Instant::now();
        let make = ["-uroot", "-e", "CREATE DATABASE IF NOT EXISTS bench"];
        while !Command::new("mariadb")
            .arg(format!("--socket={}", socket.display()))
            .args(make)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|ended| ended.success())
        {
            if since.elapsed() > Duration::from_secs(30) {
                return Err(Failure::new("MariaDB does not answer"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(started)
    }
}

impl Drop for Maria {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
