//! The command line: duration, seed and output.

use std::path::PathBuf;
use std::time::Duration;

use figures::Failure;

pub(crate) const HELP: &str = "\
Kills a suite at random moments and checks for leftovers.

Usage: run [OPTIONS]

  --minutes N      run for N minutes; the default is 10
  --rounds N       run N rounds
  --seed N         repeat the random choices of another soak, as far as timing lets it
  --from N         begin with this round
  --numbers        measure the cost of the session instead
  --markdown FILE  also write the tables to this file
  --help           print this

Exit code: 0 if nothing was left and no bound was missed, 1 if something was, 2 if the soak itself failed.";

/// The request on the command line.
#[derive(Debug)]
pub(crate) enum Request {
    Help,
    Soak(Options),
    Numbers(Options),
}

/// The extent of the soak test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Time(Duration),
    Rounds(u32),
}

/// The options of the soak test.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) extent: Extent,
    pub(crate) seed: Option<u64>,
    pub(crate) from: u32,
    pub(crate) markdown: Option<PathBuf>,
}

/// Parses the arguments after the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Request, Failure> {
    let mut arguments = arguments.into_iter();
    let mut numbers = false;
    let mut options = Options { extent: Extent::Time(Duration::from_mins(10)), seed: None, from: 1, markdown: None };
    while let Some(flag) = arguments.next() {
        match flag.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            "--numbers" => numbers = true,
            "--minutes" => options.extent = Extent::Time(Duration::from_mins(number(&flag, arguments.next())?)),
            "--rounds" => options.extent = Extent::Rounds(number(&flag, arguments.next())?),
            "--seed" => options.seed = Some(number(&flag, arguments.next())?),
            "--from" => options.from = number(&flag, arguments.next())?,
            "--markdown" => options.markdown = Some(PathBuf::from(value(&flag, arguments.next())?)),
            unknown => {
                return Err(Failure::new(format!("unknown argument `{unknown}`; `--help` lists the options")));
            }
        }
    }
    Ok(if numbers { Request::Numbers(options) } else { Request::Soak(options) })
}

fn value(flag: &str, value: Option<String>) -> Result<String, Failure> {
    value
        .filter(|value| !value.starts_with("--"))
        .ok_or_else(|| Failure::new(format!("`{flag}` needs a value; `--help` lists the options")))
}

fn number<Number: std::str::FromStr>(flag: &str, text: Option<String>) -> Result<Number, Failure> {
    let text = value(flag, text)?;
    text.parse().map_err(|_| Failure::new(format!("`{flag}` needs a whole number, not `{text}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, Failure> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_parsed() -> Result<(), Failure> {
        let Request::Soak(options) = parsed("--minutes 3 --seed 7")? else {
            return Err(Failure::new("a soak test was requested"));
        };
        assert_eq!((options.extent, options.seed), (Extent::Time(Duration::from_mins(3)), Some(7)));
        assert!(matches!(parsed("--numbers")?, Request::Numbers(_)));
        Ok(())
    }

    #[test]
    fn invalid_flag_gets_one_clear_message() {
        let message = |line| parsed(line).err().map(|failure| failure.to_string()).unwrap_or_default();
        assert_eq!(message("--fast"), "unknown argument `--fast`; `--help` lists the options");
        assert_eq!(message("--rounds"), "`--rounds` needs a value; `--help` lists the options");
        assert_eq!(message("--seed x"), "`--seed` needs a whole number, not `x`");
    }
}
