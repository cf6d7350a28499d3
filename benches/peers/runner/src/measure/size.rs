//! Measures the size of each suite's binary.

use std::fs;

use figures::{Context, Failure};

use crate::results::Results;
use crate::suite::Suite;
use crate::workbench::Workbench;

pub(crate) fn measure(bench: &mut Workbench, results: &mut Results) -> Result<(), Failure> {
    let tests = bench.options.tests;
    for suite in bench.wanted(&Suite::ALL) {
        let file = bench.built(suite, tests)?.executable;
        let size = fs::metadata(&file).context(|| format!("reading the size of {}", file.display()))?.len();
        results.sizes.push((suite, size));
    }
    Ok(())
}
