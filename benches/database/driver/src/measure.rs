//! Runs the suites and measures the time of a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use figures::{Context, Failure, Samples, timed};

use crate::cluster::Cluster;

/// The number of tests that run at a time, with all methods.
const JOBS: &str = "2";

/// The number of tests that a long run has in addition to a short run.
const ADDITIONAL_TESTS: u32 = 200;

/// A method to get a clean database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Method {
    /// The name in the table.
    pub(crate) title: &'static str,
    /// The module of its tests.
    pub(crate) module: &'static str,
    /// The kind of database.
    pub(crate) kind: DatabaseKind,
    /// The least speedup over `#[sqlx::test]`, on a private and on a durable server.
    pub(crate) bounds: Option<(f64, f64)>,
    /// The same test on a database that is not cleaned.
    pub(crate) baseline: Option<Baseline>,
}

/// What a method is compared with to get its overhead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Baseline {
    /// The module of the tests on a database that is not cleaned.
    pub(crate) module: &'static str,
    /// The largest time in milliseconds that cleaning may add to a test.
    pub(crate) max_overhead: f64,
}

/// The kinds of databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DatabaseKind {
    Postgres,
    Mysql,
    Sqlite,
}

/// All methods. `#[sqlx::test]` is the first of each kind, because the others are compared with it.
pub(crate) const METHODS: [Method; 15] = [
    Method {
        title: "PostgreSQL, `#[sqlx::test]`",
        module: "::sqlx_test::",
        kind: DatabaseKind::Postgres,
        bounds: None,
        baseline: None,
    },
    Method {
        title: "PostgreSQL, a plain clone",
        module: "::plain_clone::",
        kind: DatabaseKind::Postgres,
        bounds: None,
        baseline: None,
    },
    Method {
        title: "PostgreSQL, itest, clone",
        module: "clone::",
        kind: DatabaseKind::Postgres,
        bounds: Some((3.0, 3.0)),
        baseline: None,
    },
    Method {
        title: "PostgreSQL, itest, recycle",
        module: "recycle::",
        kind: DatabaseKind::Postgres,
        bounds: Some((20.0, 40.0)),
        baseline: Some(Baseline { module: "postgres_uncleaned::", max_overhead: 0.6 }),
    },
    Method {
        title: "PostgreSQL, itest, transaction",
        module: "transaction::",
        kind: DatabaseKind::Postgres,
        bounds: None,
        baseline: None,
    },
    Method {
        title: "PostgreSQL, not cleaned",
        module: "postgres_uncleaned::",
        kind: DatabaseKind::Postgres,
        bounds: None,
        baseline: None,
    },
    Method {
        title: "MariaDB, `#[sqlx::test]`",
        module: "::mysql_sqlx_test::",
        kind: DatabaseKind::Mysql,
        bounds: None,
        baseline: None,
    },
    Method {
        title: "MariaDB, itest, clone",
        module: "mysql_clone::",
        kind: DatabaseKind::Mysql,
        bounds: None,
        baseline: None,
    },
    Method {
        title: "MariaDB, itest, recycle",
        module: "mysql_recycle::",
        kind: DatabaseKind::Mysql,
        bounds: Some((5.0, 5.0)),
        baseline: Some(Baseline { module: "mysql_uncleaned::", max_overhead: 1.2 }),
    },
    Method {
        title: "MariaDB, not cleaned",
        module: "mysql_uncleaned::",
        kind: DatabaseKind::Mysql,
        bounds: None,
        baseline: None,
    },
    Method {
        title: "SQLite, `#[sqlx::test]`",
        module: "::sqlite_sqlx_test::",
        kind: DatabaseKind::Sqlite,
        bounds: None,
        baseline: None,
    },
    Method {
        title: "SQLite, itest, in memory",
        module: "sqlite_memory::",
        kind: DatabaseKind::Sqlite,
        bounds: Some((5.0, 5.0)),
        baseline: Some(Baseline { module: "sqlite_memory_uncleaned::", max_overhead: 0.4 }),
    },
    Method {
        title: "SQLite in memory, not cleaned",
        module: "sqlite_memory_uncleaned::",
        kind: DatabaseKind::Sqlite,
        bounds: None,
        baseline: None,
    },
    Method {
        title: "SQLite, itest, in files",
        module: "sqlite_file::",
        kind: DatabaseKind::Sqlite,
        bounds: Some((20.0, 20.0)),
        baseline: Some(Baseline { module: "sqlite_file_uncleaned::", max_overhead: 0.5 }),
    },
    Method {
        title: "SQLite in files, not cleaned",
        module: "sqlite_file_uncleaned::",
        kind: DatabaseKind::Sqlite,
        bounds: None,
        baseline: None,
    },
];

impl Method {
    fn is_ours(self) -> bool {
        !self.module.starts_with("::")
    }

    /// Whether itest starts the server of this method, if it can.
    fn is_cleaned_by_us(self) -> bool {
        self.is_ours()
            && METHODS.iter().all(|other| other.baseline.is_none_or(|baseline| baseline.module != self.module))
    }
}

/// The programs and migrations of the benchmark.
#[derive(Debug)]
pub(crate) struct Programs {
    ours: PathBuf,
    peers: PathBuf,
    pub(crate) migrations: PathBuf,
    /// The kinds for which itest starts its own server.
    pub(crate) starts: Vec<DatabaseKind>,
}

impl Programs {
    /// Finds the programs in the folder of this program, where cargo built them.
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

    fn command(&self, method: Method, size: Size, url: &str) -> Command {
        let mut command = Command::new(if method.is_ours() { &self.ours } else { &self.peers });
        self.set_server(&mut command, method, url);
        command.args(["--test-threads", JOBS]);
        let module = method.module;
        match (method.is_ours(), size) {
            // A filter matches a part of a name, so `clone::` would also match `mysql_clone::`; `--skip` leaves such modules out.
            (true, Size::Few) => command.args([format!("{module}few"), "--skip".to_owned(), format!("_{module}")]),
            (true, Size::All) => command.args([module, "--skip", &format!("_{module}")]),
            (false, Size::Few) => command.arg(format!("few{module}")),
            (false, Size::All) => command.arg(module),
        };
        command
    }

    /// Sets the environment variable that names the server of a suite.
    fn set_server(&self, command: &mut Command, method: Method, url: &str) {
        let starts = method.is_cleaned_by_us() && self.starts.contains(&method.kind);
        match method.kind {
            DatabaseKind::Postgres if starts => command.env("ITEST_POSTGRES", "programs"),
            DatabaseKind::Postgres if method.is_cleaned_by_us() => command.env("ITEST_POSTGRES_URL", url),
            DatabaseKind::Mysql if starts => command.env("ITEST_MYSQL", "programs"),
            DatabaseKind::Mysql if method.is_cleaned_by_us() => command.env("ITEST_MYSQL_URL", url),
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
    let newest_path = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| {
        path.extension().is_none() && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
    });
    let newest_path = newest_path.max_by_key(|path| path.metadata().and_then(|metadata| metadata.modified()).ok());
    newest_path.ok_or_else(|| Failure::new(format!("there is no {prefix}… in {}", folder.display())))
}

/// The time of each additional test of a long run, without the start and the first tests.
pub(crate) fn per_test(programs: &Programs, method: Method, url: &str) -> Result<Duration, Failure> {
    let few = timed(&mut programs.command(method, Size::Few, url))?;
    let all = timed(&mut programs.command(method, Size::All, url))?;
    Ok(all.saturating_sub(few) / ADDITIONAL_TESTS)
}

/// The time of a test in a run of 200 and in a run of 5,000, with recycled databases. The start dominates the noise of short runs, so there are as many
/// of them as there are rounds in the long run.
pub(crate) fn flatness(programs: &Programs, method: Method, url: &str) -> Result<(Duration, Duration), Failure> {
    const ROUNDS: u32 = 25;
    let (mut few, mut short) = (Samples::default(), Samples::default());
    for _ in 0..ROUNDS {
        few.add(per_test(programs, method, url)?);
        short.add(timed(&mut programs.command(method, Size::Few, url))?);
    }
    let mut long = Command::new(&programs.ours);
    let rounds = ROUNDS.to_string();
    programs.set_server(&mut long, method, url);
    long.args(["--test-threads", JOBS, "--repeat", &rounds, "--skip", "_recycle::", "recycle::more"]);
    let many = timed(&mut long)?.saturating_sub(short.median()) / (ADDITIONAL_TESTS * ROUNDS);
    Ok((few.median(), many))
}

/// The time that a private server adds to a run of one test: its start from the cache, and its end. Both runs build their template.
pub(crate) fn private_start(programs: &Programs, cluster: &Cluster) -> Result<Duration, Failure> {
    let one = ["--exact", "recycle::few::tens_0::ones_0"];
    let mut private = Command::new(&programs.ours);
    private.env_remove("ITEST_POSTGRES_URL").env_remove("DATABASE_URL").args(one);
    let mut existing = Command::new(&programs.ours);
    existing.env("ITEST_POSTGRES_URL", &cluster.url).args(one);
    // The first runs fill the cache, and make the databases that an existing server keeps between runs.
    timed(&mut private)?;
    timed(&mut existing)?;
    let private = timed(&mut private)?;
    cluster.forget_templates()?;
    Ok(private.saturating_sub(timed(&mut existing)?))
}
