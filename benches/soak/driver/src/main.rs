//! Kills a suite at random moments and checks for leftovers; or measures the cost of the session.

mod action;
mod leftovers;
mod nextest;
mod numbers;
mod options;
mod processes;
mod random;
mod round;
mod soak;
mod stage;
mod tally;
mod verdict;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use figures::{Context, Failure};

use crate::options::{Options, Request};

fn main() -> ExitCode {
    let answered = options::parse(std::env::args().skip(1)).and_then(|request| match request {
        Request::Help => {
            println!("{}", options::HELP);
            Ok(ExitCode::SUCCESS)
        }
        Request::Soak(options) => {
            let (tally, seed) = soak::soak(&options, &beside("soak-suite")?)?;
            finish(&options, &tally.markdown(seed), tally.is_clean())
        }
        Request::Numbers(options) => {
            let numbers = numbers::measure(&beside("soak-numbers")?, &beside("soak-empty")?)?;
            finish(&options, &numbers.markdown(), numbers.are_met())
        }
    });
    answered.unwrap_or_else(|failure| {
        eprintln!("soak: {failure}");
        ExitCode::from(2)
    })
}

fn finish(options: &Options, text: &str, is_clean: bool) -> Result<ExitCode, Failure> {
    println!("\n{text}");
    if let Some(file) = &options.markdown {
        fs::write(file, text).context(|| format!("writing {}", file.display()))?;
    }
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The path of a program in the folder of this one.
fn beside(name: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().context(|| "finding the suites".to_owned())?;
    let program = own.with_file_name(name);
    if program.is_file() {
        return Ok(program);
    }
    Err(Failure::new(format!("{} is not there; start this with benches/soak/run", program.display())))
}
