//! Database servers that a test starts for a suite, and then restarts, limits or breaks.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use itest::prelude::*;
use itest::{Program, RunningProgram, Teardown, TempDir};
use sqlx::{Connection, MySqlConnection, PgConnection};

/// The time within which a server must accept connections.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(40);

/// The common beginning of all scripts: it mounts a small disk if one is requested, and defines commands that do not run as root.
const BEGIN: &str = r#"
    set -e
    [ -z "$DISK" ] || { mkdir -m 777 "$FOLDER-log"; mount -t tmpfs -o "size=$DISK,mode=0777" none "$FOLDER"; }
    as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid nobody --regid nogroup --clear-groups "$@"; else "$@"; fi; }
    become() { if [ "$(id -u)" = 0 ]; then exec setpriv --reuid nobody --regid nogroup --clear-groups "$@"; else exec "$@"; fi; }
    cd /
"#;

/// On a small disk the log is elsewhere, and checkpoints are rare, because a checkpoint without space ends the server.
const POSTGRES: &str = r#"
    programs=$(dirname "$(command -v initdb || ls /usr/lib/postgresql/*/bin/initdb | sort -V | tail -1)")
    [ -d "$FOLDER/data" ] || as "$programs/initdb" -D "$FOLDER/data" -U postgres -A "$AUTH" --pwfile="$PASSWORD" ${DISK:+--waldir="$FOLDER-log/wal"} --no-sync --wal-segsize=1 >&2
    become "$programs/postgres" -D "$FOLDER/data" -h 127.0.0.1 -p "$PORT" -c unix_socket_directories= -c min_wal_size=2MB -c max_wal_size=$([ -z "$DISK" ] && echo 8MB || echo 1GB) "$@"
"#;

/// Each server has its own folder for temporary files, because two servers in two PID namespaces may have the same process id.
const MARIADB: &str = r#"
    export TMPDIR="$FOLDER"
    [ -d "$FOLDER/data" ] || as mariadb-install-db --no-defaults --datadir="$FOLDER/data" --auth-root-authentication-method=normal \
        --skip-test-db --innodb-log-file-size=8M >&2
    become "$(command -v mariadbd || echo /usr/sbin/mariadbd)" --no-defaults --datadir="$FOLDER/data" --bind-address=127.0.0.1 \
        --port="$PORT" --socket="$FOLDER/socket" --pid-file="$FOLDER/pid" --innodb-buffer-pool-size=32M --innodb-log-file-size=8M "$@"
"#;

/// The product of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    Postgres,
    Mariadb,
}

/// A server that belongs to the test.
#[derive(Debug)]
pub(crate) struct Server {
    product: Product,
    folder: PathBuf,
    port: u16,
    program: RunningProgram,
}

/// Options of a server that differ from the defaults.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ServerOptions<'a> {
    /// Additional arguments of the server's program.
    pub(crate) arguments: &'a [&'a str],
    /// The password of PostgreSQL's superuser; without one the server trusts every connection.
    pub(crate) password: Option<&'a str>,
    /// The size of the disk, as `mount` takes it.
    pub(crate) disk: Option<&'a str>,
}

impl Server {
    /// Starts a server, and waits until it accepts connections.
    pub(crate) async fn start(
        product: Product,
        dir: &TempDir,
        teardown: &Teardown,
        options: ServerOptions<'_>,
    ) -> Result<Self> {
        let folder = dir.join(format!("{product:?}").to_lowercase());
        fs::create_dir_all(&folder)?;
        // The server may run as another user, who needs access to the folder.
        for folder in folder.ancestors().take_while(|folder| *folder != std::env::temp_dir()) {
            if folder.components().any(|part| part.as_os_str().to_string_lossy().starts_with("itest-")) {
                fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
            }
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let program = launch(product, &folder, port, teardown, options).await?;
        let server = Self { product, folder, port, program };
        server.wait(options.password).await?;
        Ok(server)
    }

    /// Shuts the server down and starts it again with the same data and port.
    pub(crate) async fn restart(&mut self, teardown: &Teardown, options: ServerOptions<'_>) -> Result<()> {
        // On SIGINT, PostgreSQL shuts down without waiting for its clients.
        let signal = if self.product == Product::Postgres {
            rustix::process::Signal::INT
        } else {
            rustix::process::Signal::TERM
        };
        itest_tests::signal(self.program.id(), signal);
        self.program.wait().await?;
        self.program = launch(self.product, &self.folder, self.port, teardown, options).await?;
        self.wait(options.password).await
    }

    /// A URL for the superuser, or for another user, given as `user` or `user:password`.
    pub(crate) fn url(&self, user: Option<&str>) -> String {
        match self.product {
            Product::Postgres => format!("postgres://{}@127.0.0.1:{}/postgres", user.unwrap_or("postgres"), self.port),
            Product::Mariadb => format!("mysql://{}@127.0.0.1:{}/mysql", user.unwrap_or("root"), self.port),
        }
    }

    /// A URL of another database, for its superuser.
    pub(crate) fn database_url(&self, database: &str) -> String {
        let url = self.url(None);
        url.rsplit_once('/').map_or_else(String::new, |(server, _)| format!("{server}/{database}"))
    }

    /// The environment variable from which suites read the URL.
    pub(crate) fn variable(&self) -> &'static str {
        match self.product {
            Product::Postgres => "ITEST_POSTGRES_URL",
            Product::Mariadb => "ITEST_MYSQL_URL",
        }
    }

    async fn wait(&self, password: Option<&str>) -> Result<()> {
        let user = password.map(|password| format!("postgres:{password}"));
        let url = self.url(user.as_deref());
        let answers = async || match self.product {
            _ if self.program.status().is_some() => true,
            Product::Postgres => PgConnection::connect(&url).await.is_ok(),
            Product::Mariadb => MySqlConnection::connect(&url).await.is_ok(),
        };
        eventually(answers).within(STARTUP_TIMEOUT).equals(true).await?;
        match self.program.status() {
            None => Ok(()),
            Some(status) => {
                let log = fs::read_to_string(self.folder.with_extension("log")).unwrap_or_default();
                Err(format!("the server ended with {status}: {log}").into())
            }
        }
    }
}

async fn launch(
    product: Product,
    folder: &Path,
    port: u16,
    teardown: &Teardown,
    options: ServerOptions<'_>,
) -> Result<RunningProgram> {
    let script = format!("{BEGIN}{}", if product == Product::Postgres { POSTGRES } else { MARIADB });
    let shell = match options.disk {
        None => Command::new("sh"),
        Some(_) => shell_in_mount_namespace(),
    };
    let password = folder.with_extension("password");
    fs::write(&password, options.password.unwrap_or("-"))?;
    fs::set_permissions(&password, fs::Permissions::from_mode(0o644))?;
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.with_extension("log"))?;
    let program = Program::new(shell.get_program()).args(shell.get_args());
    let program = program.args(["-c", &script, "sh"]).args(options.arguments.iter().copied());
    let program = program.env("FOLDER", folder).env("PORT", port.to_string()).env("PASSWORD", password);
    let program = program.env("DISK", options.disk.unwrap_or_default());
    let program = program.env("AUTH", if options.password.is_some() { "scram-sha-256" } else { "trust" });
    // Tests end servers in many ways.
    program.stdout(log.try_clone()?).stderr(log).may_exit().start(teardown).await
}

/// A shell in a mount namespace of its own: other processes do not see its mounts, which end with it. Skips the test where this user may
/// not create one.
pub(crate) fn shell_in_mount_namespace() -> Command {
    const WAYS: [&[&str]; 2] = [&["--mount"], &["--user", "--map-current-user", "--keep-caps", "--mount"]];
    for way in WAYS {
        let tried = Command::new("unshare").args(way).args(["sh", "-c", "mount -t tmpfs none /mnt"]).output();
        if tried.is_ok_and(|tried| tried.status.success()) {
            let mut command = Command::new("unshare");
            command.args(way).arg("sh");
            return command;
        }
    }
    skip!("this user may not mount a small disk, with a mount namespace or with one of users");
}
