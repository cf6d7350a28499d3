//! `--report`: reports past runs from their records, without running tests.

use super::call::Call;
use super::records;
use super::refusal::Refusal;
use super::run::{exit_status, outputs};
use crate::inject::Registry;
use crate::model::{Event, ExitStatus, RunConfig, ShardFacts, UsageError};
use crate::report::{Record, ReportOptions};

/// The maximum number of missing shards in a message, because a record may be one of billions of shards.
const MAX_NAMED_PARTS: usize = 20;

/// Reports the named records as one run. The exit status is that of the recorded runs.
///
/// # Errors
///
/// When a record cannot be read, or belongs to another suite.
pub(super) fn report(
    call: &Call,
    names: &[String],
    config: &RunConfig,
    registry: &Registry,
) -> Result<ExitStatus, Refusal> {
    let flag = "--report";
    let mut records = Vec::new();
    for name in names {
        let record = records::read(flag, name, call, config)?;
        records::check(flag, &record, call, registry)?;
        records.push(record);
    }
    let missing = check_shards(&records)?;
    for (position, record) in records.iter().enumerate() {
        if records[..position].contains(record) {
            let place = format!("{flag} {}", names[position]);
            return Err(UsageError::new(place, "the report already has this run; name each record once").into());
        }
    }
    let mut merged = Record::merge(records);
    if let Some(missing) = missing {
        // Every report of the shards must say that it lacks tests, so the warning is an event.
        let after_start = merged.events.len().min(1);
        merged.events.insert(after_start, Event::Warning(missing));
    }
    let repeat = call.repeat_of_report(&merged.facts.arguments, config);
    let mut outputs = outputs(call, config, ReportOptions { repeat, ..call.report_options(config) }, registry)?;
    if config.record.is_some() {
        outputs.writers.extend(records::recorder(call, config, &merged.facts)?);
    }
    let mut outcome = ExitStatus::Passed;
    for event in merged.events {
        let summary = if let Event::RunFinished(summary) = &event { Some(summary.clone()) } else { None };
        outputs.handle(event);
        if let Some(mut summary) = summary {
            outputs.complete(&mut summary);
            outcome = exit_status(&summary);
        }
    }
    Ok(outputs.status(outcome))
}

/// Checks that the records of shards belong to one split, because different splits together may lack a test. Returns a warning of missing
/// shards.
///
/// # Errors
///
/// When the shards belong to different splits, or one of them is there twice.
fn check_shards(records: &[Record]) -> Result<Option<String>, UsageError> {
    let parts: Vec<&ShardFacts> = records.iter().filter_map(|record| record.facts.shard.as_ref()).collect();
    let Some(first) = parts.first() else { return Ok(None) };
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
    let named: Vec<_> = missing.take(MAX_NAMED_PARTS).collect();
    if named.is_empty() {
        return Ok(None);
    }
    let more = (count.get() as usize).saturating_sub(parts.len() + named.len());
    let more = if more == 0 { String::new() } else { format!(", and {more} more") };
    Ok(Some(format!("these parts of the suite are missing: {}{more}", named.join(", "))))
}
