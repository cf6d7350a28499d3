//! Measures what clean services cost each test, how long private servers take to start, and what each feature adds to a build.

mod differences;
mod features;
mod measured;
mod options;
mod overhead;
mod startup;
mod suite;

use std::process::ExitCode;

use figures::Failure;

use crate::options::{HELP, Options};
use crate::suite::Suite;

fn main() -> ExitCode {
    match options::parse(std::env::args().skip(1)).and_then(measure) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("services: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Measures, prints tables, and returns whether all bounds are met.
fn measure(options: Options) -> Result<bool, Failure> {
    match options {
        Options::Help => {
            println!("{HELP}");
            Ok(true)
        }
        Options::Features { names } => {
            println!("{}", features::table(&names)?);
            Ok(true)
        }
        Options::Services { rounds } => {
            let suite = Suite::find()?;
            let overhead = overhead::measure(&suite, rounds)?;
            println!("{}", overhead.table);
            let startup = startup::measure(&suite, rounds)?;
            println!("{}", startup.table);
            Ok(overhead.is_met && startup.is_met)
        }
    }
}
