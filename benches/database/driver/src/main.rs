//! Measures what a clean database costs a test: itest's methods, `#[sqlx::test]` and a plain clone, in interleaved rounds.

mod cluster;
mod maria;
mod measure;
mod options;

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use figures::{Context, Failure, Samples, Table};

use crate::cluster::Cluster;
use crate::maria::Maria;
use crate::measure::{DatabaseKind, METHODS, Method, Programs, per_test};
use crate::options::{HELP, Options};

/// The limit for the cost of a test in a run of 5,000, relative to a run of 200.
const MAX_GROWTH: f64 = 1.25;

fn main() -> ExitCode {
    let measured = options::parse(std::env::args().skip(1)).and_then(|options| match options {
        None => {
            println!("{HELP}");
            Ok(true)
        }
        Some(options) => measure(&options),
    });
    match measured {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("database: {failure}");
            ExitCode::from(2)
        }
    }
}

fn measure(options: &Options) -> Result<bool, Failure> {
    let mut programs = Programs::find()?;
    let maria = if options.mysql.is_none() { Some(Maria::start()?) } else { None };
    if maria.is_some() {
        programs.starts.push(DatabaseKind::Mysql);
    }
    if options.server.is_none() {
        programs.starts.push(DatabaseKind::Postgres);
    }
    let mysql = maria.as_ref().map(|maria| maria.url.as_str()).or(options.mysql.as_deref());
    let (cluster, initdb_start) = match &options.server {
        Some(url) => (Cluster::of(url), None),
        None => Cluster::start().map(|(cluster, time)| (cluster, Some(time)))?,
    };
    cluster.make_template(&programs.migrations)?;
    let url = |kind| match kind {
        DatabaseKind::Postgres => Some(cluster.url.as_str()),
        DatabaseKind::Mysql => mysql,
        DatabaseKind::Sqlite => Some("sqlite://unused.sqlite"),
    };
    let methods = METHODS.iter().filter(|method| url(method.kind).is_some() && method.title.contains(&options.only));
    let mut times: Vec<(Method, Samples)> = methods.map(|method| (*method, Samples::default())).collect();
    for round in 1..=options.rounds {
        for (method, samples) in &mut times {
            let time = per_test(&programs, *method, url(method.kind).unwrap_or_default())?;
            eprintln!("round {round}: {} {time:?}", method.title);
            samples.add(time);
        }
    }
    let columns = ["way", "per test", "share of `#[sqlx::test]`", "bound", "more than not cleaned", "bound"];
    let mut table = Table::new(&columns);
    let mut is_met = true;
    for (method, samples) in &times {
        let base = times.iter().find(|(first, _)| first.kind == method.kind);
        let base = base.map_or(f64::NAN, |(_, samples)| samples.median().as_secs_f64());
        let speedup = base / samples.median().as_secs_f64();
        // A server that the user names is assumed to be durable.
        let is_private = options.server.is_none();
        let bound = method.bounds.map(|(private, durable)| if is_private { private } else { durable });
        is_met &= bound.is_none_or(|bound| speedup >= bound);
        let time = milliseconds(samples.median());
        let bound = bound.map(|bound| format!("1/{bound:.0}"));
        let share = Some(format!("1/{speedup:.1}"));
        let overhead = overhead(*method, samples.median(), &times);
        is_met &= overhead.as_ref().is_none_or(|overhead| overhead.is_met);
        let (more, most) = overhead.map(|overhead| (overhead.text, overhead.bound)).unzip();
        table.row([Some(method.title.to_owned()), Some(time), share, bound, more, most]);
    }
    let mut text = table.to_string();
    if let Some(initdb_start) = initdb_start.filter(|_| options.only.is_empty()) {
        let recycle = METHODS[3];
        let (few, many) = measure::flatness(&programs, recycle, &cluster.url)?;
        let growth = many.as_secs_f64() / few.as_secs_f64();
        is_met &= growth <= MAX_GROWTH;
        let (few, many) = (milliseconds(few), milliseconds(many));
        text = format!("{text}\nA test among 5,000 costs {growth:.2} × what it costs among 200: {many}, {few}.\n");
        let mut start = Samples::default();
        for _ in 0..options.rounds {
            start.add(measure::private_start(&programs, &cluster)?);
        }
        let share = start.median().as_secs_f64() / initdb_start.as_secs_f64();
        is_met &= share <= 0.5;
        let (start, initdb_start) = (milliseconds(start.median()), milliseconds(initdb_start));
        text = format!(
            "{text}A private server from the cache costs a run {start}, initdb and start {initdb_start}: {share:.2} ×.\n"
        );
    }
    println!("{text}");
    if let Some(file) = &options.markdown {
        fs::write(file, &text).context(|| format!("writing {}", file.display()))?;
    }
    Ok(is_met)
}

/// What cleaning adds to a test.
struct Overhead {
    text: String,
    bound: String,
    is_met: bool,
}

fn overhead(method: Method, time: Duration, times: &[(Method, Samples)]) -> Option<Overhead> {
    let baseline = method.baseline?;
    let (_, uncleaned) = times.iter().find(|(other, _)| other.module == baseline.module)?;
    let more = (time.as_secs_f64() - uncleaned.median().as_secs_f64()) * 1000.0;
    let ratio = time.as_secs_f64() / uncleaned.median().as_secs_f64();
    Some(Overhead {
        text: format!("{more:.2} ms, {ratio:.1} ×"),
        bound: format!("{} ms", baseline.max_overhead),
        is_met: more <= baseline.max_overhead,
    })
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}
