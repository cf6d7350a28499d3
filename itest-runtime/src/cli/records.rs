//! Where records of runs are kept, and what they say of the surroundings.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::call::Call;
use super::outlet::{Flush, Outlet, Sink, complain};
use crate::inject::Registry;
use crate::model::{CaseReport, Facts, LAST_UNIX_MS, Outcome, RunConfig, TestId, UsageError};
use crate::report::{Extent, Record, Recorder};
use crate::session::roots;

/// The ending of a record's name.
const EXTENSION: &str = "itest";

/// The name that stands for the last record.
const LAST: &str = "last";

/// Variables that tell which commit, job and branch a run belongs to, and the names that they go by here.
const FOREIGN: [(&str, &str); 9] = [
    ("GITHUB_SHA", "commit"),
    ("CI_COMMIT_SHA", "commit"),
    ("CIRCLE_SHA1", "commit"),
    ("BUILDKITE_COMMIT", "commit"),
    ("GITHUB_RUN_ID", "ci_run"),
    ("CI_PIPELINE_ID", "ci_run"),
    ("GITHUB_JOB", "ci_job"),
    ("CI_JOB_NAME", "ci_job"),
    ("CIRCLE_JOB", "ci_job"),
];

/// What a record says of the surroundings.
pub(super) fn facts(call: &Call, registry: &Registry) -> Facts {
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut environment = BTreeMap::from([
        ("os".to_owned(), std::env::consts::OS.to_owned()),
        ("arch".to_owned(), std::env::consts::ARCH.to_owned()),
    ]);
    for (variable, name) in FOREIGN {
        if let Some(value) = call.environment.find(variable) {
            environment.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    if !environment.contains_key("commit")
        && let Some(commit) = commit()
    {
        environment.insert("commit".to_owned(), commit);
    }
    environment.insert("process".to_owned(), std::process::id().to_string());
    environment.extend(binary().map(|binary| ("binary".to_owned(), binary)));
    Facts {
        suite: call.suite().unwrap_or_default(),
        build: format!("{:016x}", registry.fingerprint()),
        began_unix_ms: u64::try_from(began.as_millis()).unwrap_or(u64::MAX),
        arguments: call.given.clone(),
        shard: None,
        environment,
    }
}

/// What differs between two builds of this binary: its length, and when it was written.
fn binary() -> Option<String> {
    let metadata = fs::metadata(std::env::current_exe().ok()?).ok()?;
    let written = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{:x}-{:x}", metadata.len(), written.as_nanos()))
}

/// The commit that is checked out, as git's own files say.
fn commit() -> Option<String> {
    let folder = std::env::current_dir().ok()?;
    let git = folder.ancestors().map(|folder| folder.join(".git")).find(|git| git.is_dir())?;
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(reference) = head.trim().strip_prefix("ref: ") else { return Some(head.trim().to_owned()) };
    if let Ok(commit) = fs::read_to_string(git.join(reference)) {
        return Some(commit.trim().to_owned());
    }
    let packed = fs::read_to_string(git.join("packed-refs")).ok()?;
    let line = packed.lines().find(|line| line.ends_with(reference))?;
    line.split(' ').next().map(str::to_owned)
}

/// The folder of a suite's records. None where there is no place for it, or where somebody else looks after that.
pub(super) fn folder(call: &Call, config: &RunConfig) -> Option<PathBuf> {
    // Beside the sessions, in the folder of what cargo built; the temp dir is not a place for it.
    let roots = roots(config);
    let root = roots.first().filter(|_| config.session.dir.is_some() || roots.len() > 1)?;
    if config.session.nextest.is_some() {
        return None;
    }
    Some(root.with_file_name("records").join(call.suite()?))
}

/// What writes this run's record, where one is written.
///
/// # Errors
///
/// A file that was asked for and cannot be made. Where nobody asked, a record that cannot be written is no reason not to run.
pub(super) fn recorder(call: &Call, config: &RunConfig, facts: &Facts) -> Result<Option<Outlet>, UsageError> {
    let outlet = |sink| Outlet::new(Box::<Recorder>::default(), sink, Flush::AtTheEnd);
    let Some(path) = path(call, config, facts) else { return Ok(None) };
    if config.record.is_some() {
        return Ok(Some(outlet(Sink::file("--record", &path)?)));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let made = fs::create_dir_all(folder)
        .map_err(|error| UsageError::new(format!("the folder {}", folder.display()), error.to_string()));
    match made.and_then(|()| Sink::file("the record", &path)) {
        Ok(sink) => Ok(Some(outlet(sink).unasked())),
        Err(error) => {
            complain(&format!("warning: this run is not recorded: {error}"));
            Ok(None)
        }
    }
}

/// Where this run's record is, if there is one.
pub(super) fn path(call: &Call, config: &RunConfig, facts: &Facts) -> Option<PathBuf> {
    if config.record.is_some() {
        return config.record.clone();
    }
    let folder = folder(call, config).filter(|_| config.records > 0)?;
    let began = UNIX_EPOCH + std::time::Duration::from_millis(facts.began_unix_ms.min(LAST_UNIX_MS));
    // A colon is no good in a name that is typed.
    let began = humantime::format_rfc3339_millis(began).to_string().replace(':', "-");
    Some(folder.join(format!("{began}-{}.{EXTENSION}", std::process::id())))
}

/// The oldest records, if there are more than are to be kept.
pub(super) fn superfluous(call: &Call, config: &RunConfig) -> Vec<PathBuf> {
    let Some(folder) = folder(call, config).filter(|_| config.record.is_none()) else { return Vec::new() };
    let mut all = all_in(&folder).unwrap_or_default();
    all.truncate(all.len().saturating_sub(config.records));
    all
}

/// Removes records.
pub(super) fn remove(paths: &[PathBuf]) {
    for path in paths {
        // Another run may have been quicker.
        let _ = fs::remove_file(path);
    }
}

/// All records of a folder, oldest first.
fn all_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut records: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION)).collect();
    records.sort();
    Ok(records)
}

/// All records of a suite, newest first.
pub(super) fn newest_first(call: &Call, config: &RunConfig) -> Vec<PathBuf> {
    let mut all = folder(call, config).and_then(|folder| all_in(&folder).ok()).unwrap_or_default();
    all.reverse();
    all
}

/// Reads the beginning of a record, which says of which run it is.
#[cfg(feature = "history")]
pub(super) fn read_head(path: &Path) -> Option<Record> {
    let mut line = Vec::new();
    io::BufRead::read_until(&mut io::BufReader::new(fs::File::open(path).ok()?), b'\n', &mut line).ok()?;
    Record::read(&line).ok()
}

/// Reads a record that nobody named; what cannot be read is none.
pub(super) fn read_quietly(path: &Path) -> Option<Record> {
    Record::read(&fs::read(path).ok()?).ok()
}

/// Warns of records that cannot be used. An empty one is that of a run that has just begun.
#[cfg(feature = "history")]
pub(super) fn warn_of_unusable(paths: &[PathBuf]) {
    for path in paths {
        let Ok(bytes) = read_bytes(path) else { continue };
        if let Some(error) = Record::read(&bytes).err().filter(|_| !bytes.is_empty()) {
            complain(&format!("warning: {} cannot be used: {error}", path.display()));
        }
    }
}

/// All attempts of records, those of the first record first, the last ones of each first. They are read when they are asked for.
pub(super) fn attempts(paths: Vec<PathBuf>) -> impl Iterator<Item = (TestId, Outcome)> {
    let of = |path: PathBuf| {
        // What cannot be read says nothing.
        let record = read_quietly(&path).unwrap_or_default();
        let outcome = |case: &&CaseReport| (case.id.clone(), case.report.outcome);
        record.attempts().iter().rev().map(outcome).collect::<Vec<_>>()
    };
    paths.into_iter().flat_map(of)
}

/// Reads the record that a flag names: a file, or the last one.
///
/// # Errors
///
/// When there is none, or it cannot be read.
pub(super) fn read(flag: &str, name: &str, call: &Call, config: &RunConfig) -> Result<Record, UsageError> {
    let place = format!("{flag} {name}");
    let path = if name == LAST {
        let folder =
            folder(call, config).ok_or_else(|| UsageError::new(&place, "this suite has no folder of records"))?;
        let newest = all_in(&folder).unwrap_or_default().pop();
        newest.ok_or_else(|| UsageError::new(&place, format!("there is no record in {}", folder.display())))?
    } else {
        PathBuf::from(name)
    };
    let cannot = |why: String| UsageError::new(&place, format!("{} cannot be used: {why}", path.display()));
    let bytes = read_bytes(&path).map_err(|error| cannot(error.to_string()))?;
    let record = Record::read(&bytes).map_err(|error| cannot(error.to_string()))?;
    if record.extent == Extent::CutOff {
        complain(&format!("warning: {} ends early: it holds what was over when the run was cut off", path.display()));
    }
    Ok(record)
}

/// Everything that a file holds, if it begins as records do: what is none may have no end.
///
/// # Errors
///
/// When it cannot be read.
pub(super) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let mut bytes = Vec::new();
    file.by_ref().take(1).read_to_end(&mut bytes)?;
    if Record::may_begin_with(&bytes) {
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Refuses a record of another suite, and warns of one of another build.
///
/// # Errors
///
/// What differs.
pub(super) fn check(flag: &str, record: &Record, call: &Call, registry: &Registry) -> Result<(), UsageError> {
    let own = facts(call, registry);
    let Facts { suite, build, .. } = &record.facts;
    if *suite != own.suite {
        let what = format!("the record is of the suite {suite}, and this is {}", own.suite);
        return Err(UsageError::new(flag, what));
    }
    if *build != own.build {
        complain(&format!("warning: {flag}: the suite's tests have changed since this was recorded"));
    }
    Ok(())
}
