//! The Markdown report of the comparison.

use std::fmt::Write as _;

use figures::{Samples, Table};

use crate::bounds::{self, Bound, Unit, Verdict};
use crate::numbers;
use crate::options::Options;
use crate::peer::Peer;
use crate::results::{self, Cold, Results, Start};
use crate::suite::Suite;

/// The machine and the compiler, for the head of the report.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) compiler: String,
    pub(crate) processors: usize,
}

/// The whole report.
pub(crate) fn markdown(options: &Options, machine: &Machine, results: &Results, bounds: &[Bound]) -> String {
    let tests = numbers::grouped(options.tests);
    let large = numbers::grouped(options.large());
    let mut text = format!(
        "{tests} empty async tests per suite, two workers, dev profile; medians of interleaved \
         rounds.\n{}, {} processors, {}.\n",
        machine.compiler,
        machine.processors,
        std::env::consts::OS,
    );
    let sections = [
        ("Peers", peers(results)),
        ("Tests in a larger suite", scale(results, &tests, &large)),
        ("Starting", starts(results)),
        ("Peak memory", memory(results, &large)),
        ("Cold build of what a suite depends on", cold(results)),
        ("Bounds of itest", verdicts(bounds)),
    ];
    for (title, table) in sections {
        if table.has_rows() {
            let _ = write!(text, "\n## {title}\n\n{table}");
        }
    }
    if !results.notes.is_empty() {
        text.push('\n');
    }
    for note in &results.notes {
        let _ = writeln!(text, "- {note}");
    }
    text
}

fn peers(results: &Results) -> Table {
    let mut table =
        Table::new(&["peer", "run", "least to most", "ratio", "edit + rebuild", "ratio", "binary, bytes", "ratio"]);
    for peer in Peer::ALL {
        // A suite's rebuild and size belong to the row of the peer that stands for it.
        let suite = Some(peer.suite()).filter(|suite| Peer::of(*suite) == peer);
        let run = results::of(&results.runs, peer);
        let rebuild = suite.and_then(|suite| results::of(&results.rebuilds, suite));
        let size = suite.and_then(|suite| results::of(&results.sizes, suite).copied());
        if run.is_none() && rebuild.is_none() && size.is_none() {
            continue;
        }
        let rebuild_ratio = suite.and_then(|suite| bounds::quotient(&results.rebuilds, suite, Suite::Libtest));
        let size_ratio = size
            .zip(results::of(&results.sizes, Suite::Libtest))
            .map(|(size, libtest)| numbers::as_float(size) / numbers::as_float(*libtest));
        table.row([
            Some(peer.label().to_owned()),
            run.map(median),
            run.map(spread),
            bounds::quotient(&results.runs, peer, Peer::Libtest).map(numbers::ratio),
            rebuild.map(median),
            rebuild_ratio.map(numbers::ratio),
            size.map(numbers::grouped),
            size_ratio.map(numbers::ratio),
        ]);
    }
    table
}

fn scale(results: &Results, tests: &str, large: &str) -> Table {
    let mut table = Table::new(&["peer", &format!("{tests} tests"), &format!("{large} tests"), "time per test, ratio"]);
    for (suite, scale) in &results.scale {
        table.row([
            Some(suite.label().to_owned()),
            Some(median(&scale.small)),
            Some(median(&scale.large)),
            bounds::scale(results, *suite).map(numbers::ratio),
        ]);
    }
    table
}

fn starts(results: &Results) -> Table {
    let mut table = Table::new(&["program", "start to end", "ratio to the empty program"]);
    for (start, samples) in &results.starts {
        let label = match start {
            Start::Empty => "empty program".to_owned(),
            Start::List(suite) => format!("{} `--list`", suite.label()),
            Start::Exact(suite) => format!("{} `--exact`, one test", suite.label()),
        };
        table.row([
            Some(label),
            Some(median(samples)),
            bounds::quotient(&results.starts, *start, Start::Empty).map(numbers::ratio),
        ]);
    }
    table
}

fn memory(results: &Results, large: &str) -> Table {
    let mut table = Table::new(&[&format!("peer, {large} tests"), "the process started", "its largest child"]);
    for (suite, peak) in &results.memory {
        table.row([
            Some(suite.label().to_owned()),
            Some(numbers::mebibytes(peak.top)),
            peak.largest_child.map(numbers::mebibytes),
        ]);
    }
    table
}

fn cold(results: &Results) -> Table {
    let mut table = Table::new(&["dependency", "cold build", "ratio to test-r"]);
    for (cold, samples) in &results.cold {
        let label = match cold {
            Cold::Itest => "itest without default features",
            Cold::ItestDefault => "itest",
            Cold::TestR => "test-r",
        };
        table.row([
            Some(label.to_owned()),
            Some(median(samples)),
            bounds::quotient(&results.cold, *cold, Cold::TestR).map(numbers::ratio),
        ]);
    }
    table
}

fn verdicts(bounds: &[Bound]) -> Table {
    let mut table = Table::new(&["target", "bound", "measured", "met?"]);
    for bound in bounds {
        let (most, measured) = match bound.unit {
            Unit::Ratio => (format!("≤ {} ×", bound.most), bound.measured.map(|value| format!("{value:.3} ×"))),
            Unit::Mebibytes => (format!("≤ {} MiB", bound.most), bound.measured.map(|value| format!("{value:.1} MiB"))),
        };
        let met = match bound.verdict() {
            Verdict::Met => "yes",
            Verdict::Missed => "**no**",
            Verdict::NotMeasured => "not measured",
        };
        table.row([Some(bound.target.to_owned()), Some(most), measured, Some(met.to_owned())]);
    }
    table
}

fn median(samples: &Samples) -> String {
    numbers::time(samples.median())
}

fn spread(samples: &Samples) -> String {
    let least = numbers::time(samples.least());
    format!("{least} to {}", numbers::time(samples.most()))
}
