//! The arguments of the benchmark.

use figures::Failure;

pub(crate) const HELP: &str = "\
Measures what a clean Redis, broker or mailbox costs each test, and how long a private server takes to start.

Usage: run [OPTIONS]

  --rounds N           alternating rounds; the default is 15
  --features [NAME…]   measures instead what features of itest-fixtures add to a build; the default is all
  --help               print this

Exit code: 0 if all bounds are met, 1 if one is missed, 2 if the measuring itself failed.";

const DEFAULT_ROUNDS: u32 = 15;

/// What to measure.
#[derive(Debug)]
pub(crate) enum Options {
    /// Print the help.
    Help,
    /// The cost of clean services, in this number of rounds.
    Services { rounds: u32 },
    /// What features add to a build. No name stands for all features.
    Features { names: Vec<String> },
}

/// Reads the arguments.
///
/// # Errors
///
/// When an argument is unknown.
pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, Failure> {
    let arguments: Vec<String> = arguments.collect();
    match arguments.as_slice() {
        [] => Ok(Options::Services { rounds: DEFAULT_ROUNDS }),
        [help] if help == "--help" => Ok(Options::Help),
        [flag, names @ ..] if flag == "--features" => Ok(Options::Features { names: names.to_vec() }),
        [flag, rounds] if flag == "--rounds" => match rounds.parse() {
            Ok(rounds @ 1..) => Ok(Options::Services { rounds }),
            _ => Err(Failure::new(format!("{rounds} is no number of rounds"))),
        },
        _ => Err(Failure::new("unknown arguments; see --help")),
    }
}
