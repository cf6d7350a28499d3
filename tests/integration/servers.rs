//! Servers of databases that a test starts for itself, to give them to suites and to ill-treat them.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use itest::prelude::*;
use itest::{Process, Teardown, TempDir};
use sqlx::{Connection, MySqlConnection, PgConnection};

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(40);

/// What all of them begin with: a small disk, if it is asked for, and somebody else than root.
const BEGIN: &str = r#"
    set -e
    [ -z "$DISK" ] || { mkdir -m 777 "$FOLDER-log"; mount -t tmpfs -o "size=$DISK,mode=0777" none "$FOLDER"; }
    as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid nobody --regid nogroup --clear-groups "$@"; else "$@"; fi; }
    become() { if [ "$(id -u)" = 0 ]; then exec setpriv --reuid nobody --regid nogroup --clear-groups "$@"; else exec "$@"; fi; }
    cd /
"#;

/// On a small disk the log is elsewhere, and checkpoints are rare: one that finds no room ends the server.
const POSTGRES: &str = r#"
    programs=$(dirname "$(command -v initdb || ls /usr/lib/postgresql/*/bin/initdb | sort -V | tail -1)")
    [ -d "$FOLDER/data" ] || as "$programs/initdb" -D "$FOLDER/data" -U postgres -A "$AUTH" --pwfile="$PASSWORD" ${DISK:+--waldir="$FOLDER-log/wal"} --no-sync --wal-segsize=1 >&2
    become "$programs/postgres" -D "$FOLDER/data" -h 127.0.0.1 -p "$PORT" -c unix_socket_directories= -c min_wal_size=2MB -c max_wal_size=$([ -z "$DISK" ] && echo 8MB || echo 1GB) "$@"
"#;

/// Each with temporary files of its own: two servers in two namespaces may have one number.
const MARIADB: &str = r#"
    export TMPDIR="$FOLDER"
    [ -d "$FOLDER/data" ] || as mariadb-install-db --no-defaults --datadir="$FOLDER/data" --auth-root-authentication-method=normal \
        --skip-test-db --innodb-log-file-size=8M >&2
    become "$(command -v mariadbd || echo /usr/sbin/mariadbd)" --no-defaults --datadir="$FOLDER/data" --bind-address=127.0.0.1 \
        --port="$PORT" --socket="$FOLDER/socket" --pid-file="$FOLDER/pid" --innodb-buffer-pool-size=32M --innodb-log-file-size=8M "$@"
"#;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    Mariadb,
}

/// A server of the test's own.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Kind,
    folder: PathBuf,
    port: u16,
    process: Process,
}

/// What is unusual about it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unusual<'a> {
    /// More arguments of the server's program.
    pub(crate) arguments: &'a [&'a str],
    /// The password of PostgreSQL's superuser; nobody needs one if there is none.
    pub(crate) password: Option<&'a str>,
    /// The size of the disk, as `mount` takes it.
    pub(crate) disk: Option<&'a str>,
}

impl Server {
    /// Starts one, and waits until it answers.
    pub(crate) async fn start(kind: Kind, dir: &TempDir, teardown: &Teardown, unusual: Unusual<'_>) -> Result<Self> {
        let folder = dir.join(format!("{kind:?}").to_lowercase());
        fs::create_dir_all(&folder)?;
        // Whoever it runs as must get there.
        for folder in folder.ancestors().take_while(|folder| *folder != std::env::temp_dir()) {
            if folder.components().any(|part| part.as_os_str().to_string_lossy().starts_with("itest-")) {
                fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
            }
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let process = launch(kind, &folder, port, teardown, unusual)?;
        let server = Self { kind, folder, port, process };
        server.wait(unusual.password).await?;
        Ok(server)
    }

    /// Ends it in good order and starts it again, in the same place.
    pub(crate) async fn restart(&mut self, teardown: &Teardown, unusual: Unusual<'_>) -> Result<()> {
        // What asks PostgreSQL to wait for nobody.
        let signal =
            if self.kind == Kind::Postgres { rustix::process::Signal::INT } else { rustix::process::Signal::TERM };
        itest_tests::signal(self.process.id(), signal);
        self.process.wait().await?;
        self.process = launch(self.kind, &self.folder, self.port, teardown, unusual)?;
        self.wait(unusual.password).await
    }

    /// A URL of its superuser, or of another user, who is as good as `user` or `user:password`.
    pub(crate) fn url(&self, user: Option<&str>) -> String {
        match self.kind {
            Kind::Postgres => format!("postgres://{}@127.0.0.1:{}/postgres", user.unwrap_or("postgres"), self.port),
            Kind::Mariadb => format!("mysql://{}@127.0.0.1:{}/mysql", user.unwrap_or("root"), self.port),
        }
    }

    /// A URL of another database, for its superuser.
    pub(crate) fn url_of(&self, database: &str) -> String {
        let url = self.url(None);
        url.rsplit_once('/').map_or_else(String::new, |(server, _)| format!("{server}/{database}"))
    }

    /// The variable in which suites look for its URL.
    pub(crate) fn variable(&self) -> &'static str {
        match self.kind {
            Kind::Postgres => "ITEST_POSTGRES_URL",
            Kind::Mariadb => "ITEST_MYSQL_URL",
        }
    }

    async fn wait(&self, password: Option<&str>) -> Result<()> {
        let user = password.map(|password| format!("postgres:{password}"));
        let url = self.url(user.as_deref());
        let answers = async || match self.kind {
            _ if self.process.status().is_some() => true,
            Kind::Postgres => PgConnection::connect(&url).await.is_ok(),
            Kind::Mariadb => MySqlConnection::connect(&url).await.is_ok(),
        };
        eventually(answers).within(PATIENCE).equals(true).await?;
        match self.process.status() {
            None => Ok(()),
            Some(status) => {
                let said = fs::read_to_string(self.folder.with_extension("log")).unwrap_or_default();
                Err(format!("the server ended with {status}: {said}").into())
            }
        }
    }
}

fn launch(kind: Kind, folder: &Path, port: u16, teardown: &Teardown, unusual: Unusual<'_>) -> Result<Process> {
    let script = format!("{BEGIN}{}", if kind == Kind::Postgres { POSTGRES } else { MARIADB });
    let mut command = match unusual.disk {
        None => Command::new("sh"),
        Some(_) => surroundings_of_its_own(),
    };
    let password = folder.with_extension("password");
    fs::write(&password, unusual.password.unwrap_or("-"))?;
    fs::set_permissions(&password, fs::Permissions::from_mode(0o644))?;
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.with_extension("log"))?;
    command.args(["-c", &script, "sh"]).args(unusual.arguments);
    command.env("FOLDER", folder).env("PORT", port.to_string()).env("DISK", unusual.disk.unwrap_or_default());
    command.env("AUTH", if unusual.password.is_some() { "scram-sha-256" } else { "trust" }).env("PASSWORD", password);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Process::start(command, teardown)
}

/// A shell that mounts what nobody else sees, and what is gone with it. Skips the test where that is not allowed.
pub(crate) fn surroundings_of_its_own() -> Command {
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
