//! A run whose order is said beforehand: by lanes on the command line, or by the record of another run.

use std::collections::HashMap;

use super::outlet::complain;
use super::values::closest;
use crate::inject::{Candidate, Registry};
use crate::model::{After, Lane, Place, UsageError, WorkerId};
use crate::plan::lockstep;
use crate::report::{Record, quote};

/// The suite's cases by name.
pub(super) type Known = HashMap<String, Candidate>;

/// All cases of the suite, also those that are ignored: who is named runs.
pub(super) fn known(registry: &Registry) -> Known {
    registry.candidates().map(|case| (case.name.clone().into_owned(), case)).collect()
}

/// The case of a name.
///
/// # Errors
///
/// There is none.
pub(super) fn find<'k>(known: &'k Known, flag: &str, name: &str) -> Result<&'k Candidate, UsageError> {
    known.get(name).ok_or_else(|| {
        let hint = match closest(name, known.keys().map(String::as_str)) {
            Some(likely) => format!("did you mean `{likely}`?"),
            None => "--list shows all names".to_owned(),
        };
        UsageError::new(flag, format!("no test is named `{}`; {hint}", name.escape_debug()))
    })
}

/// Cases and where they run, as `--lane` says.
///
/// # Errors
///
/// A name that no test bears, or an empty lane.
pub(super) fn of_lanes(known: &Known, lanes: &[String]) -> Result<Vec<(Candidate, Place)>, UsageError> {
    let one = |lane: &String| {
        let flag = format!("--lane {}", quote(lane));
        let names = lane.split([' ', ',']).filter(|name| !name.is_empty());
        let cases: Vec<&Candidate> = names.map(|name| find(known, &flag, name)).collect::<Result<_, _>>()?;
        if cases.is_empty() {
            return Err(UsageError::new(flag, "names no test; give names, separated by spaces"));
        }
        Ok(cases)
    };
    let lanes: Vec<Vec<&Candidate>> = lanes.iter().map(one).collect::<Result<_, _>>()?;
    Ok(lockstep(&lanes).into_iter().map(|(case, place)| (case.clone(), place)).collect())
}

/// Cases and where they ran, as a record says: in the same order, each worker with the same share.
///
/// # Errors
///
/// None of its tests is there any more.
pub(super) fn of_record(known: &Known, record: &Record) -> Result<Vec<(Candidate, Place)>, UsageError> {
    let mut lanes: HashMap<WorkerId, Lane> = HashMap::new();
    let mut steps = Vec::new();
    let mut gone = Vec::new();
    for attempt in record.attempts() {
        let next = Lane(u32::try_from(lanes.len()).unwrap_or(u32::MAX));
        let lane = *lanes.entry(attempt.worker).or_insert(next);
        match known.get(attempt.id.as_str()) {
            Some(case) => steps.push((case.clone(), Place { lane, after: After::Begun })),
            None => gone.push(attempt.id.as_str()),
        }
    }
    if steps.is_empty() {
        return Err(UsageError::new("--replay", "none of the tests that were recorded is there any more"));
    }
    if !gone.is_empty() {
        let (count, names) = (gone.len(), gone.join(", "));
        complain(&format!("warning: --replay: {count} recorded tests are not there any more: {names}"));
    }
    Ok(steps)
}
