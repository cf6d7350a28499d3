//! Runs rounds until the time is up.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use figures::{Context, Failure};
use rustix::process::Signal;

use crate::nextest::Nextest;
use crate::options::{Extent, Options};
use crate::processes::{marked, send};
use crate::random::Random;
use crate::round::{Round, Suite};
use crate::stage::Stage;
use crate::tally::Tally;

/// Runs the soak test, and returns the results and the seed.
pub(crate) fn soak(options: &Options, suite: &Path) -> Result<(Tally, u64), Failure> {
    let seed = options.seed.unwrap_or_else(seed_of_the_moment);
    let parent = folder(seed)?;
    let typical = typical(suite, &parent)?;
    let nextest = Nextest::find(suite, &parent)?;
    println!("seed {seed}, in {}, a run takes {typical:.1?}", parent.display());
    if nextest.is_none() {
        println!("cargo-nextest is not installed; all rounds run under cargo test");
    }
    let suite = Suite { program: suite, nextest: nextest.as_ref(), typical };
    let mut tally = Tally::default();
    let began = Instant::now();
    for number in options.from.. {
        let is_over = match options.extent {
            Extent::Time(time) => began.elapsed() >= time,
            Extent::Rounds(rounds) => number - options.from >= rounds,
        };
        if is_over {
            break;
        }
        let mut random = Random::of_round(seed, number);
        let mut round = Round::draw(number, &suite, &mut random);
        let stage = Stage::new(&parent, number)?;
        round.execute(&suite, &stage, &mut random)?;
        tally.add(&round, &stage);
        if round.findings.is_empty() {
            stage.clear()?;
        } else {
            print_findings(&round, seed, &stage);
        }
        if tally.rounds().is_multiple_of(50) {
            println!("{} rounds, {} findings, {:.0?}", tally.rounds(), tally.findings(), began.elapsed());
        }
    }
    if tally.findings() == 0 {
        fs::remove_dir_all(&parent).context(|| format!("removing {}", parent.display()))?;
    }
    Ok((tally, seed))
}

/// Prints the findings, and kills the remaining processes, because they would disturb later rounds. The folders stay.
fn print_findings(round: &Round, seed: u64, stage: &Stage) {
    let beside = if round.beside { ", with a second run" } else { "" };
    println!(
        "FOUND in round {} of seed {seed}, under {}: {} after {:.1?}{beside}; see {}",
        round.number,
        round.runner.name(),
        round.action,
        round.moment,
        stage.folder().display()
    );
    for finding in &round.findings {
        println!("    {finding}");
    }
    for process in marked(&stage.mark()) {
        send(process.id, Signal::KILL);
    }
}

/// Measures the duration of a run without an action.
fn typical(suite: &Path, parent: &Path) -> Result<Duration, Failure> {
    let stage = Stage::new(parent, 0)?;
    let began = Instant::now();
    let arguments = ["--format", "json", "--jobs", "3"].map(str::to_owned);
    let ended = stage.start("run", suite, &arguments)?.wait(Duration::from_mins(2))?;
    let typical = began.elapsed();
    ended.ok_or_else(|| Failure::new("the suite does not end without an action"))?;
    stage.clear()?;
    Ok(typical)
}

/// Makes the folder of all rounds. Its path is short, because paths of sockets in it must be short.
fn folder(seed: u64) -> Result<PathBuf, Failure> {
    let folder = std::env::temp_dir().join(format!("itest-soak-{}-{seed}", std::process::id()));
    fs::create_dir_all(&folder).context(|| format!("making {}", folder.display()))?;
    folder.canonicalize().context(|| format!("finding {}", folder.display()))
}

fn seed_of_the_moment() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(now.subsec_nanos()) ^ (now.as_secs() % 1_000_000)
}
