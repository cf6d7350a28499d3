//! Measures a run of all tests of a suite, by every peer.

use figures::Failure;

use crate::contender::Contender;
use crate::measurement::Measurement;
use crate::peer::Peer;
use crate::results::Results;
use crate::rounds::{self, Rounds};
use crate::suite::Suite;
use crate::workbench::Workbench;

const WARM_UPS: usize = 3;

pub(crate) fn measure(bench: &mut Workbench, results: &mut Results) -> Result<(), Failure> {
    let tests = bench.options.tests;
    let mut contenders = Vec::new();
    for peer in Peer::ALL {
        if !bench.options.includes(peer) {
            continue;
        }
        if peer == Peer::Nextest && !has_nextest(bench)? {
            let note = "nextest was left out: cargo-nextest is not installed.";
            results.notes.push(note.to_owned());
            continue;
        }
        contenders.push(Contender::ready(bench, peer, tests)?);
    }
    let rounds = Rounds { what: "run", warm_ups: WARM_UPS, counted: bench.options.rounds(Measurement::Run) };
    let samples = rounds::interleave(
        rounds,
        &contenders,
        |contender| contender.peer.name().to_owned(),
        |_, contender| bench.launcher.time(&mut contender.command(), contender.limit()),
    )?;
    let peers = contenders.iter().map(|contender| contender.peer);
    results.runs = peers.zip(samples).collect();
    Ok(())
}

fn has_nextest(bench: &mut Workbench) -> Result<bool, Failure> {
    let built = bench.built(Suite::Libtest, bench.options.tests)?;
    let version = bench.cargo().query(&built.generated, &["nextest", "--version"]);
    Ok(version.is_ok())
}
