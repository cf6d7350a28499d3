//! Measures how long Cargo needs to rebuild the bank's suite after an edit, with itest and without it, in interleaved rounds.

mod suite;

use std::env;
use std::process::ExitCode;

use figures::{Failure, Samples, Table};

use crate::suite::{Copy, Suite};

const HELP: &str = "\
Measures the edit and rebuild of the bank's suite: with itest, with its feature
`dynamic`, and with #[sqlx::test] and #[tokio::test] in place of itest.

Usage: run [OPTIONS]

  --rounds N  measured rounds, after one warm-up; 5 by default
  --help      print this

Exit code: 0 if all bounds are met, 1 if one is not, 2 if measuring failed.";

/// The measurements of one suite.
struct Measured {
    suite: Suite,
    copy: Copy,
    samples: Samples,
    binary_bytes: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let are_bounds_met = match arguments[..] {
        [] => compare(5),
        ["--rounds", rounds] => match rounds.parse() {
            Ok(rounds @ 1..=1000) => compare(rounds),
            _ => Err(Failure::new("`--rounds` needs a whole number from 1 to 1000")),
        },
        ["--help" | "-h"] => {
            println!("{HELP}");
            Ok(true)
        }
        _ => Err(Failure::new("unknown arguments; `--help` lists the options")),
    };
    match are_bounds_met {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("rebuild: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Measures all suites, prints the table, and returns whether all bounds are met.
fn compare(rounds: u32) -> Result<bool, Failure> {
    measure(rounds).map(|measured| report(&measured, rounds))
}

fn measure(rounds: u32) -> Result<Vec<Measured>, Failure> {
    let mut measured = Vec::new();
    for suite in Suite::ALL {
        let copy = Copy::new(suite)?;
        eprintln!("building the suite and its dependencies: {}", suite.label());
        copy.edit_and_rebuild(0)?;
        measured.push(Measured { suite, copy, samples: Samples::default(), binary_bytes: 0 });
    }
    for round in 0..=rounds {
        for measured in &mut measured {
            let rebuild = measured.copy.edit_and_rebuild(round + 1)?;
            eprintln!("round {round} of {rounds}: {:.2?}, {}", rebuild.elapsed, measured.suite.label());
            // Round 0 is the warm-up.
            if round > 0 {
                measured.samples.add(rebuild.elapsed);
                measured.binary_bytes = rebuild.binary_bytes;
            }
        }
    }
    Ok(measured)
}

fn report(measured: &[Measured], rounds: u32) -> bool {
    let seconds = |measured: &Measured| measured.samples.median().as_secs_f64();
    let reference = measured.last().map_or(f64::NAN, seconds);
    let mut table = Table::new(&["suite", "edit + rebuild", "ratio", "bound", "met", "binary"]);
    let mut are_bounds_met = true;
    for measured in measured {
        let ratio = seconds(measured) / reference;
        let bound = measured.suite.bound();
        let is_met = bound.map(|bound| ratio <= bound);
        are_bounds_met &= is_met != Some(false);
        table.row([
            Some(measured.suite.label().to_owned()),
            Some(format!("{:.2} s", seconds(measured))),
            Some(format!("{ratio:.2} ×")),
            bound.map(|bound| format!("≤ {bound:.2} ×")),
            is_met.map(|is_met| if is_met { "yes" } else { "no" }.to_owned()),
            Some(megabytes(measured.binary_bytes)),
        ]);
    }
    let debug = env::var("CARGO_PROFILE_DEV_DEBUG").unwrap_or_else(|_| "full, the default of Cargo".to_owned());
    println!("Profile `dev`, incremental, debug information: {debug}. Medians of {rounds} rounds.\n\n{table}");
    are_bounds_met
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
