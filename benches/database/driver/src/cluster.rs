//! The PostgreSQL server for `#[sqlx::test]` and the plain clone. With `--server`, all methods use the given server.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use figures::{Context, Failure};

/// The same settings as those of itest's private servers.
const SETTINGS: &str = "
listen_addresses = ''
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
min_wal_size = '2MB'
max_wal_size = '256MB'
dynamic_shared_memory_type = mmap
checkpoint_timeout = '1h'
shared_buffers = '64MB'
max_connections = 200
max_prepared_transactions = 50
jit = off
";

/// A server with its URL.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) url: String,
    own: Option<(Child, PathBuf)>,
}

impl Cluster {
    /// An existing server.
    pub(crate) fn of(url: &str) -> Self {
        Self { url: url.to_owned(), own: None }
    }

    /// Initializes and starts a server in memory. Also returns the time until its first answer.
    pub(crate) fn start() -> Result<(Self, Duration), Failure> {
        let bin = installed()?;
        let folder = Path::new("/dev/shm").join(format!("database-bench-{}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&folder).context(|| format!("making {}", folder.display()))?;
        let user = user_for("postgres", &folder)?;
        let program = |name: &str| {
            let mut command = Command::new(bin.join(name));
            command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let since = Instant::now();
        let data = folder.join("data");
        let mut initdb = program("initdb");
        initdb.arg("-D").arg(&data).args(["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]);
        initdb.args(["--locale=C.UTF-8", "--wal-segsize=1"]);
        let initialized = initdb.status().context(|| "running initdb".to_owned())?;
        if !initialized.success() {
            return Err(Failure::new(format!("initdb failed: {initialized}")));
        }
        let configuration = data.join("postgresql.conf");
        let text = fs::read_to_string(&configuration).context(|| "reading the configuration".to_owned())? + SETTINGS;
        fs::write(&configuration, text).context(|| "writing the configuration".to_owned())?;
        let mut server = program("postgres");
        let child =
            server.arg("-D").arg(&data).arg("-k").arg(&folder).spawn().context(|| "starting postgres".to_owned())?;
        let url = format!("postgres:///postgres?host={}&user=postgres", folder.display());
        let cluster = Self { url, own: Some((child, folder)) };
        while cluster.psql("SELECT 1").is_err() {
            if since.elapsed() > Duration::from_secs(30) {
                return Err(Failure::new("the server does not answer"));
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        Ok((cluster, since.elapsed()))
    }

    /// Makes the template database for plain clones.
    pub(crate) fn make_template(&self, migrations: &Path) -> Result<(), Failure> {
        self.psql("DROP DATABASE IF EXISTS bench_template")?;
        self.psql("CREATE DATABASE bench_template")?;
        let entries = fs::read_dir(migrations).context(|| format!("reading {}", migrations.display()))?;
        let mut files: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        files.sort();
        let mut sql = String::new();
        for file in files {
            sql += &fs::read_to_string(&file).context(|| format!("reading {}", file.display()))?;
        }
        let url = with_database(&self.url, "bench_template");
        run(Command::new("psql").args(["-q", "-v", "ON_ERROR_STOP=1", "-d", &url, "-c", &sql]))
    }

    /// Marks all templates of itest as not ready, so that the next run builds them again.
    pub(crate) fn forget_templates(&self) -> Result<(), Failure> {
        let url = with_database(&self.url, "itest_leases");
        run(Command::new("psql").args(["-q", "-d", &url, "-c", "UPDATE itest_leases.template SET is_ready = false"]))
    }

    fn psql(&self, sql: &str) -> Result<(), Failure> {
        run(Command::new("psql").args(["-q", "-d", &self.url, "-c", sql]))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some((child, folder)) = &mut self.own {
            let _ = Command::new("kill").args(["-QUIT", &child.id().to_string()]).status();
            let _ = child.wait();
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// The URL of another database on the same server.
fn with_database(url: &str, database: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let (place, settings) =
        rest.split_once('?').map_or((rest, String::new()), |(place, rest)| (place, format!("?{rest}")));
    let server = place.split('/').next().unwrap_or_default();
    format!("{scheme}://{server}/{database}{settings}")
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let output = command.stdin(Stdio::null()).output().context(|| format!("running {command:?}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::new(String::from_utf8_lossy(&output.stderr).into_owned()))
}

fn installed() -> Result<PathBuf, Failure> {
    let folders = fs::read_dir("/usr/lib/postgresql").context(|| "looking for PostgreSQL".to_owned())?;
    let newest = folders.filter_map(Result::ok).map(|entry| entry.path().join("bin")).max();
    newest.ok_or_else(|| Failure::new("PostgreSQL is not installed"))
}

/// The user and group id that run the server, because servers refuse to run as root. `None` if this process is not root.
pub(crate) fn user_for(name: &str, folder: &Path) -> Result<Option<(u32, u32)>, Failure> {
    let users = fs::read_to_string("/etc/passwd").context(|| "reading /etc/passwd".to_owned())?;
    let user = users.lines().find(|line| line.split(':').next() == Some(name));
    let mut numbers =
        user.into_iter().flat_map(|line| line.split(':').skip(2)).filter_map(|number| number.parse().ok());
    let (Some(uid), Some(gid)) = (numbers.next(), numbers.next()) else { return Ok(None) };
    // If `chown` fails, this process is not root, and the server can run as its user.
    Ok(chown(folder, Some(uid), Some(gid)).is_ok().then_some((uid, gid)))
}
