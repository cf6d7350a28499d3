//! The suites: a generated copy of each, which is edited and rebuilt.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use figures::{Context, Failure};
use serde_json::Value;

/// The edited file, and a text that both suites contain once, in the body of the same test.
const EDITED_FILE: &str = "tests/integration/transfers.rs";
const EDITED_TEXT: &str = "(700, 350)";

/// Variables that `cargo run` sets for this program. A user's shell does not have them.
const VARIABLES_OF_CARGO_RUN: [&str; 5] =
    ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION", "LD_LIBRARY_PATH"];

/// A way to write and build the tests of the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    Itest,
    ItestDynamic,
    Sqlx,
}

impl Suite {
    /// The reference is the last one.
    pub(crate) const ALL: [Self; 3] = [Self::Itest, Self::ItestDynamic, Self::Sqlx];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Itest => "itest",
            Self::ItestDynamic => "itest with `dynamic`",
            Self::Sqlx => "`#[sqlx::test]` and `#[tokio::test]`",
        }
    }

    /// The limit of the time, relative to the suite without itest.
    pub(crate) fn bound(self) -> Option<f64> {
        match self {
            Self::Itest => Some(1.1),
            Self::ItestDynamic => Some(0.9),
            Self::Sqlx => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Itest => "itest",
            Self::ItestDynamic => "itest-dynamic",
            Self::Sqlx => "sqlx",
        }
    }

    /// The folder of the manifest, the folder of the tests and the lock file, relative to the benchmark.
    fn sources(self) -> [&'static str; 3] {
        match self {
            Self::Itest | Self::ItestDynamic => {
                ["bank-itest", "../../examples/bank/tests/integration", "../../Cargo.lock"]
            }
            Self::Sqlx => ["bank-sqlx", "bank-sqlx/tests/integration", "Cargo.lock"],
        }
    }
}

/// A copy of a suite, in a workspace and with a target directory of its own.
#[derive(Debug)]
pub(crate) struct Copy {
    suite: Suite,
    folder: PathBuf,
    target: PathBuf,
    /// The contents of the edited file, before the first edit.
    original: String,
}

/// A rebuild after an edit.
#[derive(Debug)]
pub(crate) struct Rebuild {
    pub(crate) elapsed: Duration,
    pub(crate) binary_bytes: u64,
}

impl Copy {
    /// Copies a suite, and replaces an older copy.
    pub(crate) fn new(suite: Suite) -> Result<Self, Failure> {
        let bench = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let [manifest, tests, lock_file] = suite.sources().map(|source| bench.join(source));
        let folder = bench.join("generated").join(suite.name());
        if folder.exists() {
            fs::remove_dir_all(&folder).context(|| format!("removing {}", folder.display()))?;
        }
        copy_folder(&tests, &folder.join("tests/integration"))?;
        // The copy lies one folder deeper, and is the root of a workspace.
        let mut manifest = read(&manifest.join("Cargo.toml"))?.replace("\"../../..", "\"../../../..");
        if !manifest.contains("[workspace]") {
            manifest.push_str("\n[workspace]\n");
        }
        write(&folder.join("Cargo.toml"), &manifest)?;
        write(&folder.join("Cargo.lock"), &read(&lock_file)?)?;
        let original = read(&folder.join(EDITED_FILE))?;
        if original.matches(EDITED_TEXT).count() != 1 {
            return Err(Failure::new(format!("{EDITED_FILE} does not contain `{EDITED_TEXT}` exactly once")));
        }
        let target = match env::var_os("CARGO_TARGET_DIR") {
            // Cargo is started in other folders, where a relative path would mean something else.
            Some(target) => env::current_dir().context(|| "finding the current folder".to_owned())?.join(target),
            None => bench.join("target"),
        };
        Ok(Self { suite, folder, target: target.join(suite.name()), original })
    }

    /// Changes the literal, and measures the build of the suite.
    pub(crate) fn edit_and_rebuild(&self, edit: u32) -> Result<Rebuild, Failure> {
        let edited = self.original.replace(EDITED_TEXT, &format!("({}, 350)", 700 + edit));
        write(&self.folder.join(EDITED_FILE), &edited)?;
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
        command.args(["test", "--no-run", "--test", "integration", "--message-format=json-render-diagnostics"]);
        if self.suite == Suite::ItestDynamic {
            command.args(["--features", "itest/dynamic"]);
        }
        command.arg("--target-dir").arg(&self.target).current_dir(&self.folder);
        // CI systems often turn incremental compilation off, but rebuilds are measured with it.
        command.env("CARGO_INCREMENTAL", "1").stdin(Stdio::null());
        for variable in VARIABLES_OF_CARGO_RUN {
            command.env_remove(variable);
        }
        let since = Instant::now();
        let output = command.output().context(|| "starting Cargo".to_owned())?;
        let elapsed = since.elapsed();
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!("building {} failed:\n{errors}", self.folder.display())));
        }
        let binary = rebuilt_binary(&String::from_utf8_lossy(&output.stdout))?;
        let metadata = fs::metadata(&binary).context(|| format!("reading the size of {}", binary.display()))?;
        Ok(Rebuild { elapsed, binary_bytes: metadata.len() })
    }
}

/// The binary of the tests in Cargo's messages. Cargo must have rebuilt it.
fn rebuilt_binary(messages: &str) -> Result<PathBuf, Failure> {
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Value = serde_json::from_str(line).context(|| "reading Cargo's build messages".to_owned())?;
        let is_rebuilt = message["target"]["name"] == "integration" && message["fresh"] == false;
        if let Some(binary) = message["executable"].as_str().filter(|_| is_rebuilt) {
            return Ok(PathBuf::from(binary));
        }
    }
    Err(Failure::new("Cargo did not rebuild the changed suite, so there is no time to measure"))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to).context(|| format!("creating {}", to.display()))?;
    for entry in fs::read_dir(from).context(|| format!("reading {}", from.display()))? {
        let entry = entry.context(|| format!("reading {}", from.display()))?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &copy)?;
        } else {
            write(&copy, &read(&source)?)?;
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).context(|| format!("reading {}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text).context(|| format!("writing {}", file.display()))
}
