//! Reports of runs that are over: from their records, and without running anything.

use super::call::Call;
use super::outlet::complain;
use super::records;
use super::refusal::Refusal;
use super::run::{outlets, status};
use crate::inject::Registry;
use crate::model::{Event, ExitStatus, RunConfig, ShardFacts, UsageError};
use crate::report::{Record, ReportOptions};

/// So many missing parts are named; a record may be of one part of billions.
const NAMED_PARTS: usize = 20;

/// Reports the named records as one run. The exit status is that of the recorded runs.
///
/// # Errors
///
/// A record that cannot be read, or is of another suite.
pub(super) fn report(
    call: &Call,
    names: &[String],
    config: &RunConfig,
    registry: &Registry,
) -> Result<ExitStatus, Refusal> {
    let flag = "--report";
    let mut read = Vec::new();
    for name in names {
        let record = records::read(flag, name, call, config)?;
        records::check(flag, &record, call, registry)?;
        read.push(record);
    }
    check_parts(&read)?;
    for (position, record) in read.iter().enumerate() {
        if read[..position].contains(record) {
            let place = format!("{flag} {}", names[position]);
            return Err(UsageError::new(place, "this run is there already; name each once").into());
        }
    }
    let merged = Record::merge(read);
    let look = ReportOptions { repeat: call.repeat_of_report(&merged.facts.arguments, config), ..call.look(config) };
    let mut outlets = outlets(call, config, look)?;
    if config.record.is_some() {
        outlets.extend(records::recorder(call, config, &merged.facts)?);
    }
    let mut outcome = ExitStatus::Passed;
    for event in &merged.events {
        if let Event::RunFinished(summary) = event {
            outcome = status(summary);
        }
        for outlet in &mut outlets {
            outlet.event(event);
        }
    }
    Ok(outlets.iter().fold(outcome, |outcome, outlet| outlet.status(outcome)))
}

/// Looks whether the records of parts make a whole: parts that were split in different ways may have left tests to each other, and
/// what is missing is not told by what is there.
///
/// # Errors
///
/// Parts of different splits, or one part twice.
fn check_parts(records: &[Record]) -> Result<(), UsageError> {
    let parts: Vec<&ShardFacts> = records.iter().filter_map(|record| record.facts.shard.as_ref()).collect();
    let Some(first) = parts.first() else { return Ok(()) };
    let refused = |what: String| Err(UsageError::new("--report", what));
    for (position, part) in parts.iter().enumerate() {
        let split = |part: &ShardFacts| (part.shard.count(), part.by, part.basis.clone());
        if split(part) != split(first) {
            let (one, other) = (first.shard, part.shard);
            return refused(format!("parts {one} and {other} were not split in the same way, or by other durations"));
        }
        if parts[..position].iter().any(|earlier| earlier.shard == part.shard) {
            return refused(format!("part {} is there twice", part.shard));
        }
    }
    let count = first.shard.count();
    let is_missing = |index: &u32| !parts.iter().any(|part| part.shard.index() == *index);
    let missing = (1..=count.get()).filter(is_missing).map(|index| format!("{index}/{count}"));
    let named: Vec<_> = missing.take(NAMED_PARTS).collect();
    if !named.is_empty() {
        let more = (count.get() as usize).saturating_sub(parts.len() + named.len());
        let more = if more == 0 { String::new() } else { format!(", and {more} more") };
        complain(&format!("warning: --report: these parts of the suite are missing: {}{more}", named.join(", ")));
    }
    Ok(())
}
