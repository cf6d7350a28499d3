//! Runs the detector or the explorer of faults on its suite, and compares the result with the answer key:
//! `cargo run -p zoo --bin judge -- --seeds 5`, `cargo run -p zoo --bin judge -- --faults`.

use std::io::{self, Write};
use std::process::ExitCode;

use zoo::Problem;
use zoo::faults::finding::Exploration;
use zoo::faults::key::FaultsKey;
use zoo::faults::score::FaultsScore;
use zoo::key::Key;
use zoo::report_lines::{Source, read_report};
use zoo::score::Score;
use zoo::suite::Target;
use zoo::verdict::Detection;

const USAGE: &str = "judge [--faults] [--seeds N | --seed S | --from FILE]... [-- ARGUMENTS]

  --faults      judge the explorer of faults instead of the detector
  --seeds N     run N times, with the seeds from 1 to N [default: once, without a seed]
  --seed S      run with this seed; may be repeated
  --from FILE   judge these JSON lines of an earlier run; may be repeated
  ARGUMENTS     for the detector or the explorer, such as a limit of time

Exit code: 0 every bound is met, 1 one is not, 2 the detector, the explorer or the judge failed.";

fn main() -> ExitCode {
    match judge() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(problem) => {
            let _ = writeln!(io::stderr(), "judge: {problem}");
            ExitCode::from(2)
        }
    }
}

fn judge() -> Result<bool, Problem> {
    let Some(options) = Options::read(std::env::args().skip(1))? else {
        return print(&format!("{USAGE}\n")).map(|()| true);
    };
    let mut table = Vec::new();
    let is_good = match options.target {
        Target::Integration => judge_detector(&options, &mut table)?,
        Target::Faults => judge_explorer(&options, &mut table)?,
    };
    print(&String::from_utf8_lossy(&table))?;
    Ok(is_good)
}

/// Writes the score of the detector. Returns whether it meets every bound.
fn judge_detector(options: &Options, table: &mut Vec<u8>) -> Result<bool, Problem> {
    let (key, mut score) = (Key::read()?, Score::default());
    for source in &options.sources {
        let mut detection = Detection::default();
        read_report(source, options.target, &options.arguments, |line| detection.read_line(line))?;
        score.add(&key, &detection)?;
    }
    score.print(table).map_err(write_problem)?;
    Ok(score.is_good())
}

/// Writes the score of the explorer. Returns whether it meets every bound.
fn judge_explorer(options: &Options, table: &mut Vec<u8>) -> Result<bool, Problem> {
    let (key, mut score) = (FaultsKey::read()?, FaultsScore::default());
    for source in &options.sources {
        let mut exploration = Exploration::default();
        read_report(source, options.target, &options.arguments, |line| exploration.read_line(line))?;
        score.add(&key, &exploration)?;
    }
    score.print(table).map_err(write_problem)?;
    Ok(score.is_good())
}

/// The options of the command line.
struct Options {
    target: Target,
    sources: Vec<Source>,
    arguments: Vec<String>,
}

impl Options {
    /// Parses the arguments; `None` if the help is requested.
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, Problem> {
        let (mut target, mut sources) = (Target::Integration, Vec::new());
        while let Some(flag) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| Problem::new(format!("{flag} needs a value\n\n{USAGE}")));
            match flag.as_str() {
                "--faults" => target = Target::Faults,
                "--seeds" => sources.extend((1..=number(&value()?)?).map(|seed| Source::Run(Some(seed)))),
                "--seed" => sources.push(Source::Run(Some(number(&value()?)?))),
                "--from" => sources.push(Source::File(value()?.into())),
                "--" => break,
                "--help" | "-h" => return Ok(None),
                _ => return Err(Problem::new(format!("`{flag}` is unknown\n\n{USAGE}"))),
            }
        }
        if sources.is_empty() {
            sources.push(Source::Run(None));
        }
        Ok(Some(Self { target, sources, arguments: arguments.collect() }))
    }
}

fn number(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::new(format!("`{text}` is no whole number")))
}

fn print(text: &str) -> Result<(), Problem> {
    io::stdout().write_all(text.as_bytes()).map_err(write_problem)
}

fn write_problem(error: io::Error) -> Problem {
    Problem::because("cannot write the result", error)
}
