//! Runs histories in workers that are never replaced, because a new worker has a new server or namespace, and proves nothing about one that is used
//! again.
//!
//! Histories leave tasks and threads of their clients. With the detection of leaks, the harness would replace the worker after many of them.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;

use itest::prelude::*;

use crate::nested::{Run, require_nested, run};

/// The variable with the file in which each history notes its process.
const PROCESSES: &str = "NESTED_PROCESSES";

/// The workers of a nested run.
const JOBS: usize = 2;

/// Skips a history outside of a nested run, and notes its process in one.
pub(crate) fn note_worker() -> Result<()> {
    require_nested();
    let path = std::env::var_os(PROCESSES).ok_or("histories are run by run_histories")?;
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    Ok(file.write_all(format!("{}\n", std::process::id()).as_bytes())?)
}

/// Runs the histories that match `filter`, and checks that no worker was replaced.
pub(crate) async fn run_histories(filter: &str, variables: &[(&str, &str)], dir: &TempDir) -> Result<Run> {
    let path = dir.join("processes");
    let file = path.display().to_string();
    let variables = [variables, &[(PROCESSES, &file)]].concat();
    let run = run(filter, &["--leaks", "ignore", "--jobs", &JOBS.to_string()], &variables).await?;
    let mut workers = BTreeMap::<String, usize>::new();
    for process in std::fs::read_to_string(path)?.lines() {
        *workers.entry(process.to_owned()).or_default() += 1;
    }
    assert_eq!(workers.len(), JOBS, "workers were replaced; their histories: {workers:?}\n{}", run.text);
    Ok(run)
}
