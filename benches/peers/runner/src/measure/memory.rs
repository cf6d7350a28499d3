//! Measures the peak memory of a run of a large suite.

use figures::{Context, Failure};

use crate::contender::Contender;
use crate::launcher::Peak;
use crate::measure::{Measurement, scale};
use crate::peer::Peer;
use crate::progress;
use crate::results::Results;
use crate::workbench::Workbench;

pub(crate) fn measure(bench: &mut Workbench, results: &mut Results) -> Result<(), Failure> {
    let tests = bench.options.large();
    let mut contenders = Vec::new();
    for suite in bench.wanted(&scale::SUITES) {
        contenders.push(Contender::ready(bench, Peer::of(suite), tests)?);
    }
    let rounds = bench.options.rounds(Measurement::Memory);
    let mut peaks = vec![Peak::default(); contenders.len()];
    for round in 1..=rounds {
        progress::round("memory", round, rounds);
        for (contender, peak) in contenders.iter().zip(&mut peaks) {
            let measured = bench
                .launcher
                .peak(&mut contender.command(), contender.limit())
                .context(|| format!("measuring the memory of {}", contender.peer.name()))?;
            // A peak can only be missed, never overstated, so the highest reading is the best.
            peak.top = peak.top.max(measured.top);
            peak.largest_child = peak.largest_child.max(measured.largest_child);
        }
    }
    let suites = contenders.iter().map(|contender| contender.peer.suite());
    results.memory = suites.zip(peaks).collect();
    Ok(())
}
