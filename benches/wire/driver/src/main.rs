//! Measures what a stand-in costs a test, and an exchange with it, beside wiremock, in interleaved rounds.

use std::process::{Command, ExitCode};
use std::time::Duration;

use figures::{Context, Failure, Samples, Table, timed};

const HELP: &str = "\
Measures what a stand-in costs a test, beside wiremock.

Usage: run [OPTIONS]

  --rounds N   runs of each server; the default is 5
  --help       print this

Exit code: 0 if both bounds are met, 1 if one is missed, 2 if the measuring itself failed.";

/// The number of tests that a long run has in addition to a short run.
const ADDITIONAL_TESTS: u32 = 200;

/// The number of requests that a long test has in addition to a short test.
const ADDITIONAL_REQUESTS: u32 = 5_000;

/// The servers: the title and the module of the tests. The first one is no server, whose time is subtracted from the others.
const SERVERS: [(&str, &str); 4] = [
    ("no server", "nothing"),
    ("itest, `StandIn`", "stand_in"),
    ("wiremock, `MockServer::builder().start()`", "wiremock_built"),
    ("wiremock, pooled `MockServer::start()`", "wiremock_pooled"),
];

/// The limits of a stand-in relative to a server of wiremock: from nothing to the first answer, built and pooled, and for each exchange.
const MAX_OF_BUILT: f64 = 0.5;
const MAX_OF_POOLED: f64 = 1.2;
const MAX_OF_EXCHANGE: f64 = 1.0;

#[derive(Default)]
struct Figures {
    test: Samples,
    exchange: Samples,
}

fn main() -> ExitCode {
    match measure(std::env::args().skip(1).collect::<Vec<_>>().as_slice()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("wire: {failure}");
            ExitCode::from(2)
        }
    }
}

fn measure(arguments: &[String]) -> Result<bool, Failure> {
    let rounds = match arguments {
        [] => 5,
        [help] if help == "--help" => {
            println!("{HELP}");
            return Ok(true);
        }
        [flag, rounds] if flag == "--rounds" => {
            rounds.parse().map_err(|_| Failure::new(format!("{rounds} is no number of rounds")))?
        }
        _ => return Err(Failure::new("unknown arguments; see --help")),
    };
    let mut figures: [Figures; SERVERS.len()] = Default::default();
    for round in 1..=rounds {
        for ((title, module), figures) in SERVERS.iter().zip(&mut figures) {
            let few = run(&[&format!("{module}::few")])?;
            let all = run(&[&format!("{module}::few"), &format!("{module}::more")])?;
            let one = run(&["--exact", &format!("{module}::requests::requests_1")])?;
            let many = run(&["--exact", &format!("{module}::requests::requests_5001")])?;
            figures.test.add(all.saturating_sub(few) / ADDITIONAL_TESTS);
            figures.exchange.add(many.saturating_sub(one) / ADDITIONAL_REQUESTS);
            eprintln!("round {round}: {title}");
        }
    }
    let empty = figures[0].test.median();
    let cost = figures.each_ref().map(|figures| figures.test.median().saturating_sub(empty).as_secs_f64());
    let exchange = figures.each_ref().map(|figures| figures.exchange.median().as_secs_f64());
    let mut table = Table::new(&["server", "start to first answer and end", "ratio", "an exchange", "ratio"]);
    for (position, (title, _)) in SERVERS.iter().enumerate().skip(1) {
        let microseconds = |seconds: f64| Some(format!("{:.0} µs", seconds * 1e6));
        let ratio = |times: &[f64]| Some(format!("{:.2} ×", times[position] / times[2]));
        let title = Some((*title).to_owned());
        table.row([
            title,
            microseconds(cost[position]),
            ratio(&cost),
            microseconds(exchange[position]),
            ratio(&exchange),
        ]);
    }
    println!("{table}");
    let bounds = [
        ("a stand-in / a built server", cost[1] / cost[2], MAX_OF_BUILT),
        ("a stand-in / a pooled server", cost[1] / cost[3], MAX_OF_POOLED),
        ("an exchange / one with a built server", exchange[1] / exchange[2], MAX_OF_EXCHANGE),
    ];
    let mut are_met = true;
    for (what, measured, bound) in bounds {
        let is_met = measured <= bound;
        are_met &= is_met;
        println!("{what}: {measured:.2} ×, bound {bound} ×: {}", if is_met { "met" } else { "missed" });
    }
    Ok(are_met)
}

/// The time of a run of the suite with two workers. Leaks are ignored, because a pooled server of wiremock outlives its test, and would
/// cost its worker.
fn run(arguments: &[&str]) -> Result<Duration, Failure> {
    let own = std::env::current_exe().context(|| "finding the suite".to_owned())?;
    let mut command = Command::new(own.with_file_name("wire-suite"));
    timed(command.args(["--jobs", "2", "--leaks", "ignore"]).args(arguments))
}
