//! The command line: measurements, rounds, and peers to skip.

use std::path::PathBuf;

use figures::Failure;

use crate::measurement::Measurement;
use crate::peer::Peer;

pub(crate) const HELP: &str = "\
Compares itest with its peers in one run and prints Markdown tables.

Usage: run [OPTIONS]

  --rounds N       rounds of every measurement, instead of the default of each
                   (run 15, rebuild 5, scale 15, start 50, memory 5, cold 1)
  --only WHAT      measure only this; may be repeated
                   (run, rebuild, size, scale, start, memory, cold)
  --skip PEER      leave this peer out; may be repeated
                   (itest, itest-plain, itest-dynamic, libtest-mimic,
                   libtest-mimic-inventory, test-r, test-r-nocapture, nextest)
  --tests N        tests in a suite, by default 1000; the large suites have ten times as many
  --cold           measure builds from an empty target directory too (slow)
  --markdown FILE  also write the report to this file
  --help           print this

Exit code: 0 if all measured bounds are met, 1 if one is not, 2 if measuring failed.";

/// The request on the command line.
#[derive(Debug)]
pub(crate) enum Request {
    Help,
    Compare(Options),
}

/// The options of a comparison.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: Option<usize>,
    pub(crate) measurements: Vec<Measurement>,
    pub(crate) skipped: Vec<Peer>,
    pub(crate) tests: usize,
    pub(crate) markdown: Option<PathBuf>,
}

impl Options {
    pub(crate) fn rounds(&self, measurement: Measurement) -> usize {
        self.rounds.unwrap_or(measurement.default_rounds())
    }

    pub(crate) fn large(&self) -> usize {
        self.tests.saturating_mul(10)
    }

    pub(crate) fn includes(&self, peer: Peer) -> bool {
        !self.skipped.contains(&peer)
    }
}

/// Parses the arguments after the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Request, Failure> {
    let mut arguments = arguments.into_iter();
    let mut rounds = None;
    let mut only = Vec::new();
    let mut skipped = Vec::new();
    let mut tests = 1_000;
    let mut markdown = None;
    let mut extra = Vec::new();
    while let Some(flag) = arguments.next() {
        match flag.as_str() {
            "--help" | "-h" => return Ok(Request::Help),
            "--cold" => extra.push(Measurement::Cold),
            "--rounds" => rounds = Some(count(&flag, arguments.next())?),
            "--tests" => tests = count(&flag, arguments.next())?,
            "--only" => only.push(measurement(&value(&flag, arguments.next())?)?),
            "--skip" => skipped.push(peer(&value(&flag, arguments.next())?)?),
            "--markdown" => markdown = Some(PathBuf::from(value(&flag, arguments.next())?)),
            unknown => {
                return Err(Failure::new(format!("unknown argument `{unknown}`; `--help` lists the options")));
            }
        }
    }
    let mut measurements = if only.is_empty() {
        Measurement::ALL.into_iter().filter(|measurement| *measurement != Measurement::Cold).collect()
    } else {
        only
    };
    measurements.extend(extra);
    Ok(Request::Compare(Options { rounds, measurements, skipped, tests, markdown }))
}

fn value(flag: &str, value: Option<String>) -> Result<String, Failure> {
    value
        .filter(|value| !value.starts_with("--"))
        .ok_or_else(|| Failure::new(format!("`{flag}` needs a value; `--help` lists the options")))
}

fn count(flag: &str, text: Option<String>) -> Result<usize, Failure> {
    let text = value(flag, text)?;
    // The upper limit keeps a typing error from filling the disk.
    match text.parse() {
        Ok(count) if (1..=100_000).contains(&count) => Ok(count),
        _ => Err(Failure::new(format!("`{flag}` needs a whole number from 1 to 100000, not `{text}`"))),
    }
}

fn measurement(name: &str) -> Result<Measurement, Failure> {
    let known = Measurement::ALL.into_iter();
    find(name, "--only", known, Measurement::name)
}

fn peer(name: &str) -> Result<Peer, Failure> {
    let known = Peer::ALL.into_iter().filter(|peer| *peer != Peer::Libtest);
    find(name, "--skip", known, Peer::name)
}

fn find<Item: Copy>(
    wanted: &str,
    flag: &str,
    known: impl Iterator<Item = Item> + Clone,
    name: fn(Item) -> &'static str,
) -> Result<Item, Failure> {
    known.clone().find(|item| name(*item) == wanted).ok_or_else(|| {
        let names: Vec<_> = known.map(name).collect();
        Failure::new(format!("`{flag} {wanted}` is not known; it takes one of {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, Failure> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    fn message(line: &str) -> String {
        match parsed(line) {
            Ok(request) => format!("accepted as {request:?}"),
            Err(failure) => failure.to_string(),
        }
    }

    fn options(line: &str) -> Result<Options, Failure> {
        match parsed(line)? {
            Request::Compare(options) => Ok(options),
            Request::Help => Err(Failure::new("help was not requested")),
        }
    }

    #[test]
    fn everything_but_the_cold_build_is_measured_by_default() -> Result<(), Failure> {
        let options = options("")?;
        assert_eq!(options.measurements.len(), Measurement::ALL.len() - 1);
        assert!(!options.measurements.contains(&Measurement::Cold));
        assert_eq!(options.tests, 1_000);
        Ok(())
    }

    #[test]
    fn only_and_skip_narrow_the_comparison() -> Result<(), Failure> {
        let options = options("--only run --only size --skip itest --rounds 3")?;
        assert_eq!(options.measurements, [Measurement::Run, Measurement::Size]);
        assert!(!options.includes(Peer::Itest));
        assert!(options.includes(Peer::TestR));
        assert_eq!(options.rounds(Measurement::Run), 3);
        Ok(())
    }

    #[test]
    fn invalid_flag_gets_one_clear_message() {
        assert_eq!(message("--fast"), "unknown argument `--fast`; `--help` lists the options");
        assert_eq!(message("--rounds"), "`--rounds` needs a value; `--help` lists the options");
        assert_eq!(message("--tests 0"), "`--tests` needs a whole number from 1 to 100000, not `0`");
        assert!(message("--only speed").starts_with("`--only speed` is not known"));
        assert!(message("--skip libtest").contains("takes one of itest,"));
    }
}
