//! Tests that leave programs behind, without a teardown step.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use itest::prelude::*;

use crate::surroundings::{address, child, note};

fn leave(kind: &str) -> Result<()> {
    let mut command = Command::new(child());
    let command = command.args([address().as_str(), kind]).stdin(Stdio::null()).stderr(Stdio::null());
    let mut started = command.stdout(Stdio::piped()).spawn()?;
    note(&format!("left_{kind}"));
    let mut line = String::new();
    // The program prints a line when it listens and has started its own child.
    BufReader::new(started.stdout.take().ok_or("the program has a pipe")?).read_line(&mut line)?;
    Ok(())
}

#[integration_test(tags("red"))]
fn leaves_a_program(#[values("alone", "parent", "forebear")] kind: &str, #[values(0, 1)] _n: u32) -> Result<()> {
    leave(kind)
}

#[integration_test(tags("red"))]
fn leaves_a_program_and_aborts(#[values("parent", "forebear")] kind: &str) -> Result<()> {
    leave(kind)?;
    std::process::abort()
}
