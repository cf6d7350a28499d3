//! The measurements, in the order in which they are taken.

mod cold;
mod memory;
mod rebuild;
mod run;
mod scale;
mod size;
mod start;

use figures::Failure;

use crate::results::Results;
use crate::workbench::Workbench;

/// A kind of measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measurement {
    Run,
    Size,
    Scale,
    Start,
    Memory,
    Rebuild,
    Cold,
}

impl Measurement {
    /// Rebuilds come after all measurements that run a binary, because they change the binaries.
    pub(crate) const ALL: [Self; 7] =
        [Self::Run, Self::Size, Self::Scale, Self::Start, Self::Memory, Self::Rebuild, Self::Cold];

    /// The name for `--only`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Size => "size",
            Self::Scale => "scale",
            Self::Start => "start",
            Self::Memory => "memory",
            Self::Rebuild => "rebuild",
            Self::Cold => "cold",
        }
    }

    pub(crate) fn default_rounds(self) -> usize {
        match self {
            Self::Run | Self::Scale => 15,
            Self::Start => 50,
            Self::Rebuild | Self::Memory => 5,
            Self::Size | Self::Cold => 1,
        }
    }
}

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
