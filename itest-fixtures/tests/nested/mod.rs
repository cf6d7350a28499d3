//! Runs tests of this suite as a run of their own, with another server or a server that is lost.

use std::process::{Command, Output};

use itest::prelude::*;

/// The variable of a nested run.
pub(crate) const NESTED: &str = "NESTED_RUN";

/// A nested run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) is_green: bool,
    pub(crate) text: String,
}

impl Run {
    #[track_caller]
    pub(crate) fn assert_contains(&self, expected: &str) -> &Self {
        assert!(self.text.contains(expected), "expected {expected:?} in:\n{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn assert_green(&self) -> &Self {
        assert!(self.is_green, "the run is red:\n{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn assert_red(&self) -> &Self {
        assert!(!self.is_green, "the run is green:\n{}", self.text);
        self
    }
}

/// Runs the tests that match `filter`, with these variables.
pub(crate) async fn run(filter: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
    let mut command = Command::new(std::env::current_exe()?);
    // With the variables of cargo-nextest, the nested run would join the session of this run, and use its servers.
    let is_of_this_run =
        |name: &str| name.starts_with("NEXTEST") || (name.starts_with("ITEST_") && name != "ITEST_PROGRAM");
    for (name, _) in std::env::vars().filter(|(name, _)| is_of_this_run(name)) {
        command.env_remove(name);
    }
    command.env(NESTED, "1").envs(variables.iter().copied()).arg(filter).args(arguments);
    let Output { status, stdout, stderr } = tokio::process::Command::from(command).kill_on_drop(true).output().await?;
    let text = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    Ok(Run { is_green: status.success(), text })
}

/// Skips a test that is meant for nested runs.
pub(crate) fn require_nested() {
    if std::env::var_os(NESTED).is_none() {
        skip!("only nested runs execute this test");
    }
}
