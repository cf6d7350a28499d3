//! Measures whether a test costs more in a suite ten times as large.

use figures::Failure;

use crate::contender::Contender;
use crate::measurement::Measurement;
use crate::peer::Peer;
use crate::results::{Results, Scale};
use crate::rounds::{self, Rounds};
use crate::suite::Suite;
use crate::workbench::Workbench;

pub(crate) const SUITES: [Suite; 2] = [Suite::Itest, Suite::LibtestMimicInventory];
const WARM_UPS: usize = 3;

pub(crate) fn measure(bench: &mut Workbench, results: &mut Results) -> Result<(), Failure> {
    let suites = bench.wanted(&SUITES);
    let sizes = [bench.options.tests, bench.options.large()];
    let mut contenders = Vec::new();
    for suite in &suites {
        for tests in sizes {
            contenders.push(Contender::ready(bench, Peer::of(*suite), tests)?);
        }
    }
    let rounds = Rounds { what: "scale", warm_ups: WARM_UPS, counted: bench.options.rounds(Measurement::Scale) };
    let samples = rounds::interleave(
        rounds,
        &contenders,
        |contender| format!("{} with {} tests", contender.peer.name(), contender.tests),
        |_, contender| bench.launcher.time(&mut contender.command(), contender.limit()),
    )?;
    for (suite, pair) in suites.into_iter().zip(samples.chunks_exact(sizes.len())) {
        if let [small, large] = pair {
            let scale = Scale { small: small.clone(), large: large.clone() };
            results.scale.push((suite, scale));
        }
    }
    Ok(())
}
