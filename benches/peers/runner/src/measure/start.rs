//! Measures the start of test binaries, compared with a program that does nothing.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use figures::{Context, Failure};

use crate::measurement::Measurement;
use crate::progress;
use crate::results::{Results, Start};
use crate::rounds::{self, Rounds};
use crate::suite::Suite;
use crate::workbench::{Built, Workbench};

const SUITES: [Suite; 3] = [Suite::Itest, Suite::Libtest, Suite::LibtestMimicInventory];
const LIMIT: Duration = Duration::from_mins(1);

/// A program with its arguments.
struct Program {
    start: Start,
    file: PathBuf,
    folder: PathBuf,
    arguments: Vec<String>,
}

impl Program {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.file);
        command.args(&self.arguments).current_dir(&self.folder);
        command.env("CARGO_MANIFEST_DIR", &self.folder);
        command
    }
}

pub(crate) fn measure(bench: &mut Workbench, results: &mut Results) -> Result<(), Failure> {
    let tests = bench.options.tests;
    progress::doing("building the empty program");
    let mut programs = vec![Program {
        start: Start::Empty,
        file: bench.cargo().build_empty()?,
        folder: bench.layout.root().to_path_buf(),
        arguments: Vec::new(),
    }];
    for suite in bench.wanted(&SUITES) {
        let built = bench.built(suite, tests)?;
        let list = program(Start::List(suite), &built, vec!["--list".to_owned()]);
        let test =
            first_test(bench, &list).context(|| format!("looking for the name of a test of {}", suite.name()))?;
        let exact = vec!["--exact".to_owned(), test];
        programs.push(list);
        programs.push(program(Start::Exact(suite), &built, exact));
    }
    let rounds = Rounds { what: "start", warm_ups: 3, counted: bench.options.rounds(Measurement::Start) };
    let samples = rounds::interleave(
        rounds,
        &programs,
        |program| program.file.display().to_string(),
        |_, program| bench.launcher.time(&mut program.command(), LIMIT),
    )?;
    let starts = programs.iter().map(|program| program.start);
    results.starts = starts.zip(samples).collect();
    Ok(())
}

fn program(start: Start, built: &Built, arguments: Vec<String>) -> Program {
    Program { start, file: built.executable.clone(), folder: built.generated.folder.clone(), arguments }
}

/// The first name in the list, which must have a line for every test.
fn first_test(bench: &Workbench, list: &Program) -> Result<String, Failure> {
    let finished = bench.launcher.capture(&mut list.command(), LIMIT)?;
    let names: Vec<_> = finished.stdout.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    match names.first() {
        Some(name) if names.len() == bench.options.tests => Ok((*name).to_owned()),
        _ => Err(Failure::new(format!(
            "`--list` printed {} lines ending in `: test`, not {}",
            names.len(),
            bench.options.tests
        ))),
    }
}
