//! The measurements, in the order in which they are taken.

mod cold;
mod memory;
mod rebuild;
mod run;
mod scale;
mod size;
mod start;

use figures::Failure;

use crate::measurement::Measurement;
use crate::results::Results;
use crate::workbench::Workbench;

/// Takes all requested measurements.
pub(crate) fn all(bench: &mut Workbench) -> Result<Results, Failure> {
    let mut results = Results::default();
    for peer in &bench.options.skipped {
        let name = peer.name();
        results.notes.push(format!("{name} was left out: `--skip {name}`."));
    }
    for measurement in Measurement::ALL {
        if !bench.options.measurements.contains(&measurement) {
            continue;
        }
        match measurement {
            Measurement::Run => run::measure(bench, &mut results)?,
            Measurement::Size => size::measure(bench, &mut results)?,
            Measurement::Scale => scale::measure(bench, &mut results)?,
            Measurement::Start => start::measure(bench, &mut results)?,
            Measurement::Memory => memory::measure(bench, &mut results)?,
            Measurement::Rebuild => rebuild::measure(bench, &mut results)?,
            Measurement::Cold => cold::measure(bench, &mut results)?,
        }
    }
    Ok(results)
}
