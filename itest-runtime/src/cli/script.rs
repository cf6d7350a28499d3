//! Scripts of runs, in which each case has a fixed place: from `--lane`, or from the record of another run.

use std::collections::HashMap;

use super::output::print_to_stderr;
use super::values::closest;
use crate::inject::{Candidate, Registry};
use crate::model::{After, Lane, Place, UsageError, WorkerId};
use crate::plan::lockstep;
use crate::report::{Record, quote};

/// The cases of the suite by name.
pub(super) type CasesByName = HashMap<String, Candidate>;

/// All cases of the suite, including ignored ones, because a script also runs these.
pub(super) fn cases_by_name(registry: &Registry) -> CasesByName {
    registry.candidates().map(|case| (case.name.clone().into_owned(), case)).collect()
}

/// The case with this name.
///
/// # Errors
///
/// When there is no such case.
pub(super) fn find<'k>(known: &'k CasesByName, flag: &str, name: &str) -> Result<&'k Candidate, UsageError> {
    known.get(name).ok_or_else(|| {
        let hint = match closest(name, known.keys().map(String::as_str)) {
            Some(likely) => format!("did you mean `{likely}`?"),
            None => "--list shows all names".to_owned(),
        };
        UsageError::new(flag, format!("no test is named `{}`; {hint}", name.escape_debug()))
    })
}

/// The cases of `--lane` and their places.
///
/// # Errors
///
/// When a lane is empty or has the name of no test.
pub(super) fn steps_of_lanes(known: &CasesByName, lanes: &[String]) -> Result<Vec<(Candidate, Place)>, UsageError> {
    let parse_lane = |lane: &String| {
        let flag = format!("--lane {}", quote(lane));
        let names = lane.split([' ', ',']).filter(|name| !name.is_empty());
        let cases: Vec<&Candidate> = names.map(|name| find(known, &flag, name)).collect::<Result<_, _>>()?;
        if cases.is_empty() {
            return Err(UsageError::new(flag, "names no test; give names, separated by spaces"));
        }
        Ok(cases)
    };
    let lanes: Vec<Vec<&Candidate>> = lanes.iter().map(parse_lane).collect::<Result<_, _>>()?;
    Ok(lockstep(&lanes).into_iter().map(|(case, place)| (case.clone(), place)).collect())
}

/// The cases of a record and their places: in the same order, and split between workers in the same way.
///
/// # Errors
///
/// When the suite has none of the recorded tests any more.
pub(super) fn steps_of_record(known: &CasesByName, record: &Record) -> Result<Vec<(Candidate, Place)>, UsageError> {
    let mut lanes: HashMap<WorkerId, Lane> = HashMap::new();
    let mut steps = Vec::new();
    let mut removed = Vec::new();
    for attempt in record.attempts() {
        let next = Lane(u32::try_from(lanes.len()).unwrap_or(u32::MAX));
        let lane = *lanes.entry(attempt.worker).or_insert(next);
        match known.get(attempt.id.as_str()) {
            Some(case) => steps.push((case.clone(), Place { lane, after: After::Begun })),
            None => removed.push(attempt.id.as_str()),
        }
    }
    if steps.is_empty() {
        return Err(UsageError::new("--replay", "the suite has none of the recorded tests any more"));
    }
    if !removed.is_empty() {
        let (count, names) = (removed.len(), removed.join(", "));
        print_to_stderr(&format!(
            "warning: --replay: the suite does not have {count} recorded tests any more: {names}"
        ));
    }
    Ok(steps)
}
