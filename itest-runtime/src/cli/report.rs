//! Reports of runs that are over: from their records, and without running anything.

use super::call::Call;
use super::command::Refusal;
use super::records;
use super::run::{outlets, status};
use crate::inject::Registry;
use crate::model::{Event, ExitStatus, RunConfig};
use crate::report::Record;

/// Reports the records that were asked for as one run; the exit status is theirs.
///
/// # Errors
///
/// A record that cannot be read, or is of another suite.
pub(super) fn report(call: &Call, config: &RunConfig, registry: &Registry) -> Result<ExitStatus, Refusal> {
    let flag = "--report";
    let mut read = Vec::new();
    for name in &call.line.asked.report {
        let record = records::read(flag, name, call, config)?;
        records::check(flag, &record, call, registry)?;
        read.push(record);
    }
    let merged = Record::merge(read);
    let mut outlets = outlets(call, config, call.look(config))?;
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
