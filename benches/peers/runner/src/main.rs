//! Compares itest with its peers: generates the suites, measures them, prints a report and checks the bounds.

mod bounds;
mod cargo;
mod contender;
mod generate;
mod launcher;
mod layout;
mod measure;
mod measurement;
mod numbers;
mod options;
mod peer;
mod process_tree;
mod progress;
mod report;
mod results;
mod rounds;
mod source;
mod suite;
mod workbench;

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::thread;

use figures::{Context, Failure};

use crate::bounds::Verdict;
use crate::options::{Options, Request};
use crate::report::Machine;
use crate::workbench::Workbench;

fn main() -> ExitCode {
    let answered = options::parse(env::args().skip(1)).and_then(|request| match request {
        Request::Help => print(&format!("{}\n", options::HELP)).map(|()| ExitCode::SUCCESS),
        Request::Compare(options) => compare(options),
    });
    answered.unwrap_or_else(|failure| {
        eprintln!("peers: {failure}");
        ExitCode::from(2)
    })
}

fn compare(options: Options) -> Result<ExitCode, Failure> {
    let mut bench = Workbench::new(options)?;
    let machine = Machine {
        compiler: bench.cargo().compiler_version()?,
        processors: thread::available_parallelism().context(|| "counting the processors".to_owned())?.get(),
    };
    let results = measure::all(&mut bench)?;
    let bounds = bounds::all(&results);
    let text = report::markdown(&bench.options, &machine, &results, &bounds);
    print(&text)?;
    if let Some(file) = &bench.options.markdown {
        fs::write(file, &text).context(|| format!("writing {}", file.display()))?;
    }
    let missed = bounds.iter().any(|bound| bound.verdict() == Verdict::Missed);
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(text: &str) -> Result<(), Failure> {
    io::stdout().write_all(text.as_bytes()).context(|| "printing the report".to_owned())
}
