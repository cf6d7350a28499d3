//! The cost of the session, as ratios to references that are measured in the same run.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use figures::{Context, Failure, Samples, Table};
use serde_json::Value;

use crate::stage::Stage;

/// The number of sessions that are started, one after the other.
const STARTS: u32 = 41;

/// The number of runs of the suite for the other numbers.
const RUNS: u32 = 3;

/// The time limit of a run.
const RUN_TIMEOUT: Duration = Duration::from_mins(1);

/// The measured durations.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    entry: Samples,
    line: Samples,
    server: Samples,
    empty: Samples,
    arrival: Samples,
}

/// A measurement with its reference and its bound.
struct Bound {
    what: &'static str,
    measured: Duration,
    against: &'static str,
    unit: Duration,
    most: f64,
}

impl Bound {
    fn ratio(&self) -> f64 {
        self.measured.as_secs_f64() / self.unit.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn is_met(&self) -> bool {
        self.ratio() <= self.most
    }
}

impl Numbers {
    fn bounds(&self) -> [Bound; 3] {
        [
            Bound {
                what: "an entry of the ledger",
                measured: self.entry.median(),
                against: "a line of the same length, written and synced to the same disk",
                unit: self.line.median(),
                most: 2.0,
            },
            Bound {
                what: "the session server: from the first request to the first answer",
                measured: self.server.median(),
                against: "start and end of an empty program",
                unit: self.empty.median(),
                most: 5.0,
            },
            Bound {
                what: "a session fixture reaches a new worker",
                measured: self.arrival.median(),
                against: "a millisecond",
                unit: Duration::from_millis(1),
                most: 1.0,
            },
        ]
    }

    pub(crate) fn are_met(&self) -> bool {
        self.bounds().iter().all(Bound::is_met)
    }

    pub(crate) fn markdown(&self) -> String {
        let mut table = Table::new(&["what", "median", "against", "median", "ratio", "bound", ""]);
        for bound in self.bounds() {
            table.row([
                Some(bound.what.to_owned()),
                Some(format!("{:.1?}", bound.measured)),
                Some(bound.against.to_owned()),
                Some(format!("{:.1?}", bound.unit)),
                Some(format!("{:.2} ×", bound.ratio())),
                Some(format!("{:.0} ×", bound.most)),
                Some(if bound.is_met() { "met" } else { "**missed**" }.to_owned()),
            ]);
        }
        table.to_string()
    }
}

/// Takes all measurements. The two values of a comparison are measured alternately.
pub(crate) fn measure(suite: &Path, empty: &Path) -> Result<Numbers, Failure> {
    let parent = std::env::temp_dir().join(format!("itest-soak-{}", std::process::id()));
    let mut numbers = Numbers::default();
    for round in 0..STARTS {
        let began = Instant::now();
        let status =
            Command::new(empty).stdin(Stdio::null()).status().context(|| "running the empty program".to_owned())?;
        numbers.empty.add(began.elapsed());
        if !status.success() {
            return Err(Failure::new("the empty program failed"));
        }
        let events = run(suite, &parent, round, &["--exact", "needs_the_session"])?;
        numbers.server.add(setups(&events).into_iter().next().ok_or_else(|| Failure::new("no test was run"))?);
    }
    for round in 0..RUNS {
        // The first test starts the server, so its setup does not count.
        let events = run(suite, &parent, STARTS + round, &["needs_the_session_in_a_new_worker", "--jobs", "1"])?;
        for setup in setups(&events).into_iter().skip(1) {
            numbers.arrival.add(setup);
        }
    }
    for round in 0..RUNS {
        let stage = Stage::new(&parent, 2 * STARTS + round)?;
        pass(suite, &stage, &["registers_many_durable_steps"])?;
        let journal = fs::read_to_string(stage.journal()).context(|| "reading what was measured".to_owned())?;
        for line in journal.lines() {
            let times: Vec<_> =
                line.split(' ').filter_map(|time| time.parse().ok().map(Duration::from_nanos)).collect();
            let [entry, line] = times.as_slice() else { continue };
            numbers.entry.add(*entry);
            numbers.line.add(*line);
        }
        stage.clear()?;
    }
    fs::remove_dir(&parent).context(|| format!("removing {}", parent.display()))?;
    Ok(numbers)
}

fn run(suite: &Path, parent: &Path, round: u32, arguments: &[&str]) -> Result<Vec<Value>, Failure> {
    let stage = Stage::new(parent, round)?;
    let events = pass(suite, &stage, arguments)?;
    stage.clear()?;
    Ok(events)
}

fn pass(suite: &Path, stage: &Stage, arguments: &[&str]) -> Result<Vec<Value>, Failure> {
    let arguments: Vec<String> = ["--format", "json"].iter().chain(arguments).map(|word| (*word).to_owned()).collect();
    let mut run = stage.start("run", suite, &arguments)?;
    let status = run.wait(RUN_TIMEOUT)?;
    if status.is_some_and(|status| status.success()) {
        return Ok(run.events());
    }
    Err(Failure::new(format!("{arguments:?} did not pass: {}", run.output())))
}

/// The setup time of each test, in the order in which the tests ended.
fn setups(events: &[Value]) -> Vec<Duration> {
    let ends = events.iter().filter(|event| event["event"] == "case_finished");
    let setup = |case: &Value| {
        let phases = case["phases"].as_array()?;
        let setup = phases.iter().find(|phase| phase["phase"] == "setup")?;
        setup["elapsed_us"].as_u64().map(Duration::from_micros)
    };
    ends.filter_map(setup).collect()
}
