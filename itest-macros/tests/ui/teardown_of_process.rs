use itest::prelude::*;

use std::process::Child;

#[teardown]
fn stop(mut server: Child) -> Result<()> {
    server.kill()?;
    Ok(())
}

fn main() {}
