//! Programs in Python, with packages that may be missing on this machine.

use std::process::{Command, Stdio};

use itest::prelude::*;
use itest::s3::Bucket;

/// The interpreter that has the packages. CI installs them, and sets the variable.
pub(crate) fn interpreter() -> String {
    std::env::var("ITEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Skips the test if a package is missing.
pub(crate) fn require(package: &str, remedy: &str) {
    let import = format!("import {package}");
    let mut command = Command::new(interpreter());
    let status = command.args(["-c", &import]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !status.is_ok_and(|status| status.success()) {
        unavailable!(package, "{remedy}, and set ITEST_PYTHON to its interpreter");
    }
}

/// Runs a script that must succeed, with the variables and the name of a bucket.
pub(crate) async fn run(script: &str, bucket: &Bucket) -> Result<String> {
    run_with(script, bucket.name(), bucket.env()).await
}

/// Runs a script that must succeed, with an argument and variables.
pub(crate) async fn run_with(script: &str, argument: &str, variables: Vec<(&str, String)>) -> Result<String> {
    let mut command = tokio::process::Command::new(interpreter());
    command.args(["-c", script, argument]).envs(variables).kill_on_drop(true);
    let output = command.output().await?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    Ok(stdout.into_owned())
}
