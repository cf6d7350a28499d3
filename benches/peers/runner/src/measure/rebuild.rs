//! Measures Cargo's rebuild after a change in the body of one test.

use figures::Failure;

use crate::measurement::Measurement;
use crate::results::Results;
use crate::rounds::{self, Rounds};
use crate::suite::Suite;
use crate::workbench::Workbench;

pub(crate) fn measure(bench: &mut Workbench, results: &mut Results) -> Result<(), Failure> {
    let tests = bench.options.tests;
    let mut built = Vec::new();
    for suite in bench.wanted(&Suite::ALL) {
        built.push(bench.built(suite, tests)?);
    }
    let rounds = Rounds { what: "rebuild", warm_ups: 1, counted: bench.options.rounds(Measurement::Rebuild) };
    let cargo = bench.cargo();
    let mut literal = 1;
    let samples = rounds::interleave(
        rounds,
        &built,
        |built| built.generated.suite.name().to_owned(),
        |_, built| {
            // The generated suites contain the literal 1.
            literal += 1;
            built.generated.edit(literal)?;
            cargo.rebuild(&built.generated)
        },
    )?;
    let suites = built.iter().map(|built| built.generated.suite);
    results.rebuilds = suites.zip(samples).collect();
    Ok(())
}
