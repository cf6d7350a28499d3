//! Runs the detector on the zoo and compares its verdicts with the answer key: `cargo run -p zoo --bin judge -- --seeds 5`.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use zoo::Problem;
use zoo::key::Key;
use zoo::score::Score;
use zoo::suite::cargo_test;
use zoo::verdict::Detection;

const USAGE: &str = "judge [--seeds N | --seed S | --from FILE]... [-- ARGUMENTS]

  --seeds N     detect N times, with the seeds from 1 to N [default: once, without a seed]
  --seed S      detect with this seed; may be repeated
  --from FILE   judge these JSON lines of an earlier detection; may be repeated
  ARGUMENTS     for the detector, such as a limit of time

Exit code: 0 every bound is met, 1 one is not, 2 the detector or the judge failed.";

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
    let key = Key::read()?;
    let mut score = Score::default();
    for source in &options.sources {
        let detection = match source {
            Source::File(path) => read_detection(path)?,
            Source::Run(seed) => run_detection(*seed, &options.arguments)?,
        };
        score.add(&key, &detection)?;
    }
    let mut table = Vec::new();
    score.print(&mut table).map_err(write_problem)?;
    print(&String::from_utf8_lossy(&table))?;
    Ok(score.is_good())
}

/// The options of the command line.
struct Options {
    sources: Vec<Source>,
    arguments: Vec<String>,
}

enum Source {
    Run(Option<u64>),
    File(PathBuf),
}

impl Options {
    /// Parses the arguments; `None` if the help is requested.
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, Problem> {
        let mut sources = Vec::new();
        while let Some(flag) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| Problem::new(format!("{flag} needs a value\n\n{USAGE}")));
            match flag.as_str() {
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
        Ok(Some(Self { sources, arguments: arguments.collect() }))
    }
}

fn number(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::new(format!("`{text}` is no whole number")))
}

fn read_detection(path: &PathBuf) -> Result<Detection, Problem> {
    let text =
        fs::read_to_string(path).map_err(|error| Problem::because(format!("cannot read {}", path.display()), error))?;
    let mut detection = Detection::default();
    text.lines().try_for_each(|line| detection.read_line(line))?;
    Ok(detection)
}

/// Runs the detector. Its messages go to the standard error.
fn run_detection(seed: Option<u64>, arguments: &[String]) -> Result<Detection, Problem> {
    let mut command = cargo_test();
    command.args(["--", "--detect", "--format", "json"]).stdout(Stdio::piped());
    if let Some(seed) = seed {
        command.args(["--seed", &seed.to_string()]);
    }
    command.args(arguments);
    let failed = |error| Problem::because("cannot run `cargo test`", error);
    let mut child = command.spawn().map_err(failed)?;
    let mut detection = Detection::default();
    if let Some(lines) = child.stdout.take() {
        for line in BufReader::new(lines).lines() {
            detection.read_line(&line.map_err(failed)?)?;
        }
    }
    // The exit code is ignored, because the detector fails if tests lie. Its last line shows whether it finished.
    child.wait().map_err(failed)?;
    Ok(detection)
}

fn print(text: &str) -> Result<(), Problem> {
    io::stdout().write_all(text.as_bytes()).map_err(write_problem)
}

fn write_problem(error: io::Error) -> Problem {
    Problem::because("cannot write the result", error)
}
