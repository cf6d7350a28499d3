//! Contenders: a peer with its suite built, ready to run all of it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use figures::{Context, Failure};

use crate::cargo;
use crate::launcher::{LIBRARIES, Launcher};
use crate::peer::Peer;
use crate::workbench::{Built, Workbench};

/// A peer about to run a suite of some size.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) peer: Peer,
    pub(crate) tests: usize,
    folder: PathBuf,
    program: OsString,
    arguments: Vec<OsString>,
    /// The folders of the dynamic libraries that the suite needs.
    libraries: Option<OsString>,
}

impl Contender {
    /// Builds the peer's suite if necessary, and checks that a run of it passes all tests.
    pub(crate) fn ready(bench: &mut Workbench, peer: Peer, tests: usize) -> Result<Self, Failure> {
        let built = bench.built(peer.suite(), tests)?;
        let mut contender = Self {
            peer,
            tests,
            folder: built.generated.folder.clone(),
            program: built.executable.clone().into_os_string(),
            arguments: peer.arguments().iter().map(OsString::from).collect(),
            libraries: None,
        };
        if peer == Peer::Nextest {
            contender.program = cargo::program();
            contender.arguments = nextest_arguments(bench, &built)?;
        }
        if peer == Peer::ItestDynamic {
            let folders = [bench.layout.suites_target().join("debug/deps"), bench.cargo().libraries_of_compiler()?];
            let joined = env::join_paths(folders).context(|| "joining the folders of libraries".to_owned())?;
            contender.libraries = Some(joined);
        }
        contender.check(&bench.launcher)?;
        Ok(contender)
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        // `cargo test` starts test binaries in this folder and with this variable.
        command.current_dir(&self.folder);
        command.env("CARGO_MANIFEST_DIR", &self.folder);
        // `cargo test` also says where the dynamic libraries of a suite and of the compiler are.
        command.envs(self.libraries.iter().map(|folders| (LIBRARIES, folders)));
        command
    }

    /// The time limit of a run: far more than any peer needs, even one that starts a process per test.
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_mins(1) + Duration::from_millis(50) * u32::try_from(self.tests).unwrap_or(1)
    }

    /// Checks that a run executes all tests, because a time is only valid then.
    fn check(&self, launcher: &Launcher) -> Result<(), Failure> {
        let finished =
            launcher.capture(&mut self.command(), self.limit()).context(|| format!("trying {}", self.peer.name()))?;
        let printed = format!("{}\n{}", finished.stdout, finished.stderr).replace(',', "");
        let summary = format!("{} passed", self.tests);
        if printed.contains(&summary) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{} did not print `{summary}`, so it is not known to have run all tests",
            self.peer.name()
        )))
    }
}

/// The arguments for nextest. It gets the built binary, so that only the run is measured.
fn nextest_arguments(bench: &Workbench, built: &Built) -> Result<Vec<OsString>, Failure> {
    let cargo = bench.cargo();
    let metadata = ["metadata", "--format-version=1", "--no-deps"];
    let binaries = ["nextest", "list", "--test=suite", "--list-type=binaries-only", "--message-format=json"];
    let mut arguments: Vec<OsString> = ["nextest", "run", "--test-threads=2"].map(OsString::from).to_vec();
    for (option, question) in [("--cargo-metadata", metadata.as_slice()), ("--binaries-metadata", binaries.as_slice())]
    {
        let answer = cargo.query(&built.generated, question)?;
        let name = format!("nextest{option}.json");
        let file = bench.layout.logs().join(name);
        fs::write(&file, answer).context(|| format!("writing {}", file.display()))?;
        arguments.push(option.into());
        arguments.push(file.into_os_string());
    }
    Ok(arguments)
}
