//! The records of runs: their folder, their facts about the environment, and reading and removing them.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::call::Call;
use super::git::commit;
use super::output::{Flush, ReportWriter, Sink, print_to_stderr};
use crate::inject::Registry;
use crate::model::{CaseReport, Facts, LAST_UNIX_MS, Outcome, RunConfig, TestId, UsageError, map_of, sort};
use crate::report::{Extent, ReadEarlierRun, Record, Recorder};
use crate::session::roots;

/// The file extension of records.
const EXTENSION: &str = "itest";

/// The argument that stands for the newest record.
const LAST_RECORD: &str = "last";

/// Variables of CI systems with the commit and the job of a run, and their keys in a record.
const CI_VARIABLES: [(&str, &str); 9] = [
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

/// The facts about the suite, its build and its environment for a record.
pub(super) fn facts(call: &Call, registry: &Registry) -> Facts {
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut environment = map_of([
        ("os".to_owned(), std::env::consts::OS.to_owned()),
        ("arch".to_owned(), std::env::consts::ARCH.to_owned()),
    ]);
    for (variable, name) in CI_VARIABLES {
        if let Some(value) = call.environment.find(variable) {
            environment.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    if !environment.contains_key("commit")
        && let Some(commit) = std::env::current_dir().ok().and_then(|folder| commit(&folder))
    {
        environment.insert("commit".to_owned(), commit);
    }
    environment.insert("process".to_owned(), std::process::id().to_string());
    environment.extend(binary_version().map(|binary| ("binary".to_owned(), binary)));
    Facts {
        suite: call.suite().unwrap_or_default(),
        build: format!("{:016x}", registry.fingerprint()),
        began_unix_ms: u64::try_from(began.as_millis()).unwrap_or(u64::MAX),
        arguments: call.arguments.clone(),
        shard: None,
        environment,
        case_files: registry.case_files(),
    }
}

/// An identification of this build of the binary: its size and its modification time.
fn binary_version() -> Option<String> {
    let metadata = fs::metadata(std::env::current_exe().ok()?).ok()?;
    let written = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{:x}-{:x}", metadata.len(), written.as_nanos()))
}

/// The folder of the suite's records. None if there is no target folder, or cargo-nextest runs the tests.
pub(super) fn folder(call: &Call, config: &RunConfig) -> Option<PathBuf> {
    // The folder is beside the sessions in cargo's target folder, never in the temporary directory.
    let roots = roots(config);
    let root = roots.first().filter(|_| config.session.dir.is_some() || roots.len() > 1)?;
    if config.session.nextest.is_some() {
        return None;
    }
    Some(root.with_file_name("records").join(call.suite()?))
}

/// The writer of this run's record, if the run is recorded.
///
/// # Errors
///
/// When the file of `--record` cannot be created. Without that flag, a record that cannot be created is only a warning.
pub(super) fn recorder(call: &Call, config: &RunConfig, facts: &Facts) -> Result<Option<ReportWriter>, UsageError> {
    let writer = |sink| ReportWriter::new(Box::<Recorder>::default(), sink, Flush::AtEnd);
    let Some(path) = path(call, config, facts) else { return Ok(None) };
    if config.record.is_some() {
        return Ok(Some(writer(Sink::file("--record", &path)?)));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let created = fs::create_dir_all(folder)
        .map_err(|error| UsageError::new(format!("the folder {}", folder.display()), error.to_string()));
    match created.and_then(|()| Sink::file("the record", &path)) {
        Ok(sink) => Ok(Some(writer(sink).optional())),
        Err(error) => {
            print_to_stderr(&format!("warning: this run is not recorded: {error}"));
            Ok(None)
        }
    }
}

/// The path of this run's record, if the run is recorded.
pub(super) fn path(call: &Call, config: &RunConfig, facts: &Facts) -> Option<PathBuf> {
    if config.record.is_some() {
        return config.record.clone();
    }
    let folder = folder(call, config).filter(|_| config.records > 0)?;
    let began = UNIX_EPOCH + std::time::Duration::from_millis(facts.began_unix_ms.min(LAST_UNIX_MS));
    // A file name without colons is easier to type.
    let began = humantime::format_rfc3339_millis(began).to_string().replace(':', "-");
    Some(folder.join(format!("{began}-{}.{EXTENSION}", std::process::id())))
}

/// The oldest records beyond the number that `--records` keeps.
pub(super) fn surplus(call: &Call, config: &RunConfig) -> Vec<PathBuf> {
    let Some(folder) = folder(call, config).filter(|_| config.record.is_none()) else { return Vec::new() };
    let mut all = all_in(&folder).unwrap_or_default();
    all.truncate(all.len().saturating_sub(config.records));
    all
}

/// Removes these records.
pub(super) fn remove(paths: &[PathBuf]) {
    for path in paths {
        // Another run may have removed the record already.
        let _ = fs::remove_file(path);
    }
}

/// All records of a folder, from the oldest to the newest.
fn all_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut records: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION)).collect();
    sort(&mut records);
    Ok(records)
}

/// All records of the suite, from the newest to the oldest.
pub(super) fn newest_first(call: &Call, config: &RunConfig) -> Vec<PathBuf> {
    let mut all = folder(call, config).and_then(|folder| all_in(&folder).ok()).unwrap_or_default();
    all.reverse();
    all
}

/// Reads the newest record of the suite whose run began before a time.
pub(super) fn earlier_run(call: &Call, config: &RunConfig) -> ReadEarlierRun {
    let paths = newest_first(call, config);
    Box::new(move |began_unix_ms| {
        let is_earlier = |record: Record| record.facts.began_unix_ms < began_unix_ms;
        paths.iter().filter(|path| read_head(path).is_some_and(is_earlier)).find_map(|path| read_if_valid(path))
    })
}

/// Reads the first line of a record, which identifies the run.
pub(super) fn read_head(path: &Path) -> Option<Record> {
    let mut line = Vec::new();
    io::BufRead::read_until(&mut io::BufReader::new(fs::File::open(path).ok()?), b'\n', &mut line).ok()?;
    Record::read(&line).ok()
}

/// Reads a record from the folder. None if it is not readable.
pub(super) fn read_if_valid(path: &Path) -> Option<Record> {
    Record::read(&fs::read(path).ok()?).ok()
}

/// Warns of records that cannot be used. An empty record is ignored, because its run has just begun.
#[cfg(feature = "history")]
pub(super) fn warn_of_unusable(paths: &[PathBuf]) {
    for path in paths {
        let Ok(bytes) = read_bytes(path) else { continue };
        if let Some(error) = Record::read(&bytes).err().filter(|_| !bytes.is_empty()) {
            print_to_stderr(&format!("warning: {} cannot be used: {error}", path.display()));
        }
    }
}

/// The attempts of these records. Within a record, the last attempt comes first. Each record is read only when it is needed.
pub(super) fn attempts(paths: Vec<PathBuf>) -> impl Iterator<Item = (TestId, Outcome)> {
    let of = |path: PathBuf| {
        // An unreadable record has no attempts.
        let record = read_if_valid(&path).unwrap_or_default();
        let outcome = |case: &&CaseReport| (case.id.clone(), case.report.outcome);
        record.attempts().iter().rev().map(outcome).collect::<Vec<_>>()
    };
    paths.into_iter().flat_map(of)
}

/// Reads the record that a flag names: a file, or the newest record.
///
/// # Errors
///
/// When there is no record, or it cannot be read.
pub(super) fn read(flag: &str, name: &str, call: &Call, config: &RunConfig) -> Result<Record, UsageError> {
    let place = format!("{flag} {name}");
    let path = if name == LAST_RECORD {
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
        print_to_stderr(&format!(
            "warning: {} ends early: it has only the tests that had ended when the run was cut off",
            path.display()
        ));
    }
    Ok(record)
}

/// Reads a file. A file that does not begin like a record is read only up to its first byte, because it may be endless.
///
/// # Errors
///
/// When the file cannot be read.
pub(super) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let mut bytes = Vec::new();
    file.by_ref().take(1).read_to_end(&mut bytes)?;
    if Record::may_begin_with(&bytes) {
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// The cases whose files had other contents when the record was made.
fn changed_cases<'f>(recorded: &Facts, own: &'f Facts) -> Vec<&'f str> {
    let mut changed = Vec::new();
    for (case, checksum) in &own.case_files {
        if recorded.case_files.get(case).is_some_and(|old| old != checksum) {
            changed.push(case.as_str());
        }
    }
    changed
}

/// Checks that a record belongs to this suite, and warns if it was made by another build.
///
/// # Errors
///
/// When the record belongs to another suite.
pub(super) fn check(flag: &str, record: &Record, call: &Call, registry: &Registry) -> Result<(), UsageError> {
    let own = facts(call, registry);
    let Facts { suite, build, .. } = &record.facts;
    if *suite != own.suite {
        let what = format!("it is a record of the suite {suite}, and this suite is {}", own.suite);
        return Err(UsageError::new(flag, what));
    }
    if *build != own.build {
        print_to_stderr(&format!("warning: {flag}: the suite's tests have changed since this was recorded"));
    }
    let changed = changed_cases(&record.facts, &own);
    if !changed.is_empty() {
        let cases = changed.join(", ");
        print_to_stderr(&format!(
            "warning: {flag}: the files of these cases have changed since this was recorded: {cases}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_whose_file_has_other_contents_is_changed() {
        let facts = |files: &[(&str, &str)]| Facts {
            case_files: map_of(files.iter().map(|(case, checksum)| ((*case).to_owned(), (*checksum).to_owned()))),
            ..Facts::default()
        };
        let recorded = facts(&[("a", "1"), ("b", "2"), ("gone", "3")]);
        assert_eq!(changed_cases(&recorded, &facts(&[("a", "1"), ("b", "9"), ("new", "4")])), ["b"]);
    }
}
