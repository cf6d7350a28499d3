//! Running the suites, and what a test of theirs takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use figures::{Context, Failure, Samples};

use crate::cluster::Cluster;

/// Tests that run at a time, everywhere.
const JOBS: &str = "2";

/// How many tests a long run has more than a short one.
const MORE: u32 = 200;

/// A way to a clean database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Way {
    /// What a person calls it.
    pub(crate) title: &'static str,
    /// The module of its tests.
    module: &'static str,
    /// Which server it needs.
    pub(crate) kind: Kind,
    /// What it may cost at most, as a share of `#[sqlx::test]`'s: on a private server, on a durable one.
    pub(crate) bounds: Option<(f64, f64)>,
}

/// The makers of databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    Mysql,
    Sqlite,
}

/// `#[sqlx::test]` first for each kind: the others are compared with it.
pub(crate) const WAYS: [Way; 11] = [
    Way { title: "PostgreSQL, `#[sqlx::test]`", module: "::sqlx_test::", kind: Kind::Postgres, bounds: None },
    Way { title: "PostgreSQL, a plain clone", module: "::plain_clone::", kind: Kind::Postgres, bounds: None },
    Way { title: "PostgreSQL, itest, clone", module: "clone::", kind: Kind::Postgres, bounds: Some((3.0, 3.0)) },
    Way { title: "PostgreSQL, itest, recycle", module: "recycle::", kind: Kind::Postgres, bounds: Some((20.0, 40.0)) },
    Way { title: "PostgreSQL, itest, transaction", module: "transaction::", kind: Kind::Postgres, bounds: None },
    Way { title: "MariaDB, `#[sqlx::test]`", module: "::mysql_sqlx_test::", kind: Kind::Mysql, bounds: None },
    Way { title: "MariaDB, itest, clone", module: "mysql_clone::", kind: Kind::Mysql, bounds: None },
    Way { title: "MariaDB, itest, recycle", module: "mysql_recycle::", kind: Kind::Mysql, bounds: Some((5.0, 5.0)) },
    Way { title: "SQLite, `#[sqlx::test]`", module: "::sqlite_sqlx_test::", kind: Kind::Sqlite, bounds: None },
    Way { title: "SQLite, itest, in memory", module: "sqlite_memory::", kind: Kind::Sqlite, bounds: Some((5.0, 5.0)) },
    Way { title: "SQLite, itest, in files", module: "sqlite_file::", kind: Kind::Sqlite, bounds: Some((20.0, 20.0)) },
];

impl Way {
    fn is_ours(self) -> bool {
        !self.module.starts_with("::")
    }
}

/// What is run.
#[derive(Debug)]
pub(crate) struct Programs {
    ours: PathBuf,
    peers: PathBuf,
    pub(crate) migrations: PathBuf,
    /// For which of them itest starts its own server.
    pub(crate) starts: Vec<Kind>,
}

impl Programs {
    /// Beside this one, where cargo built them.
    pub(crate) fn find() -> Result<Self, Failure> {
        let own = std::env::current_exe().context(|| "finding the suites".to_owned())?;
        let ours = own.with_file_name("database-suite");
        let peers = newest(&own.with_file_name("deps"), "suite-")?;
        let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../postgres");
        if ours.is_file() {
            return Ok(Self { ours, peers, migrations, starts: Vec::new() });
        }
        Err(Failure::new(format!("{} is not there; start this with benches/database/run", ours.display())))
    }

    fn command(&self, way: Way, size: Size, url: &str) -> Command {
        let mut command = Command::new(if way.is_ours() { &self.ours } else { &self.peers });
        self.reach(&mut command, way, url);
        command.args(["--test-threads", JOBS]);
        let module = way.module;
        match (way.is_ours(), size) {
            // A filter is a part of a name; that of one module is not to be part of another one's.
            (true, Size::Few) => command.args([format!("{module}few"), "--skip".to_owned(), format!("_{module}")]),
            (true, Size::All) => command.args([module, "--skip", &format!("_{module}")]),
            (false, Size::Few) => command.arg(format!("few{module}")),
            (false, Size::All) => command.arg(module),
        };
        command
    }

    /// Tells a suite of its server.
    fn reach(&self, command: &mut Command, way: Way, url: &str) {
        let starts = way.is_ours() && self.starts.contains(&way.kind);
        match way.kind {
            Kind::Postgres if starts => command.env("ITEST_POSTGRES", "programs"),
            Kind::Postgres if way.is_ours() => command.env("ITEST_POSTGRES_URL", url),
            Kind::Mysql if starts => command.env("ITEST_MYSQL", "programs"),
            Kind::Mysql if way.is_ours() => command.env("ITEST_MYSQL_URL", url),
            _ => command.env("DATABASE_URL", url),
        };
    }
}

#[derive(Clone, Copy, Debug)]
enum Size {
    Few,
    All,
}

fn newest(folder: &Path, prefix: &str) -> Result<PathBuf, Failure> {
    let entries = fs::read_dir(folder).context(|| format!("reading {}", folder.display()))?;
    let found = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| {
        path.extension().is_none() && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
    });
    let found = found.max_by_key(|path| path.metadata().and_then(|found| found.modified()).ok());
    found.ok_or_else(|| Failure::new(format!("there is no {prefix}… in {}", folder.display())))
}

fn timed(command: &mut Command) -> Result<Duration, Failure> {
    let since = Instant::now();
    let output = command.stdin(Stdio::null()).output().context(|| format!("running {command:?}"))?;
    let time = since.elapsed();
    if output.status.success() {
        return Ok(time);
    }
    let said = String::from_utf8_lossy(&output.stdout);
    Err(Failure::new(format!("{command:?} failed:\n{said}\n{}", String::from_utf8_lossy(&output.stderr))))
}

/// What each test of a long run takes, beyond what the start and the first tests take.
pub(crate) fn per_test(programs: &Programs, way: Way, url: &str) -> Result<Duration, Failure> {
    let few = timed(&mut programs.command(way, Size::Few, url))?;
    let all = timed(&mut programs.command(way, Size::All, url))?;
    Ok(all.saturating_sub(few) / MORE)
}

/// What a test takes among 200, and among 5,000, when it is recycled. A short run is over before the noise of its start has evened out,
/// so that there are as many of them as of long rounds.
pub(crate) fn flatness(programs: &Programs, way: Way, url: &str) -> Result<(Duration, Duration), Failure> {
    const ROUNDS: u32 = 25;
    let (mut few, mut short) = (Samples::default(), Samples::default());
    for _ in 0..ROUNDS {
        few.add(per_test(programs, way, url)?);
        short.add(timed(&mut programs.command(way, Size::Few, url))?);
    }
    let mut long = Command::new(&programs.ours);
    let rounds = ROUNDS.to_string();
    programs.reach(&mut long, way, url);
    long.args(["--test-threads", JOBS, "--repeat", &rounds, "--skip", "_recycle::", "recycle::more"]);
    let many = timed(&mut long)?.saturating_sub(short.median()) / (MORE * ROUNDS);
    Ok((few.median(), many))
}

/// What a private server adds to a run of one test: its start from the cache, and its end. Both runs build their template.
pub(crate) fn private_start(programs: &Programs, cluster: &Cluster) -> Result<Duration, Failure> {
    let one = ["--exact", "recycle::few::tens_0::ones_0"];
    let mut private = Command::new(&programs.ours);
    private.env_remove("ITEST_POSTGRES_URL").env_remove("DATABASE_URL").args(one);
    let mut there = Command::new(&programs.ours);
    there.env("ITEST_POSTGRES_URL", &cluster.url).args(one);
    // The first fills the cache, and makes what a server that is there keeps from run to run.
    timed(&mut private)?;
    timed(&mut there)?;
    let private = timed(&mut private)?;
    cluster.forget_templates()?;
    Ok(private.saturating_sub(timed(&mut there)?))
}
