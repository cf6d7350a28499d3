//! What is said on the command line to something that does not listen: refused, because whoever wrote it waits for it to happen.

use super::contract::CommandLine;
use crate::model::UsageError;

/// Refuses settings and filters that mean nothing beside what is asked for. Variables and files speak to all runs, and are not meant.
pub(super) fn refuse_idle_words(line: &CommandLine) -> Result<(), UsageError> {
    let asked = &line.asked;
    let (flag, idle, why): (_, &[&str], _) = if !asked.report.is_empty() {
        ("--report", &["tag"], "all of the record is reported")
    } else if !asked.lanes.is_empty() {
        ("--lane", &["order", "jobs", "retries"], "lanes are what runs, in their order and once")
    } else if asked.replay.is_some() && asked.bisect.is_none() {
        ("--replay", &["order", "jobs"], "order and workers are those of the record")
    } else {
        return Ok(());
    };
    let refused = |given: &str| UsageError::new(given, format!("means nothing to {flag}: {why}"));
    if let Some(given) = line.settings.iter().find(|given| idle.contains(&given.key) && !given.is_default()) {
        return Err(refused(&given.place));
    }
    match line.filters.first() {
        Some(filter) if flag == "--report" => Err(refused(filter)),
        _ => Ok(()),
    }
}
