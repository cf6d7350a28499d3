//! `--history`, and the import of records into the history. Records are imported by `--history`, and before they are removed.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::call::Call;
use super::output::{print_to_stderr, print_to_stdout};
use super::quarantine::{apply_quarantine, unneeded_of};
use super::records;
use super::refusal::Refusal;
use super::selection::NothingMatched;
use crate::history::{Address, HistoryError, Insertion, Key, Run, Store, SuiteHistory, write_lines, write_table};
use crate::inject::{Registry, block_on};
use crate::model::{Date, ExitStatus, Format, RunConfig, Summary, TestId, UsageError, set_of};
use crate::report::{Extent, Record};

/// The name of the database file, which is beside the folder of records.
const FILE_NAME: &str = "history.sqlite";

/// The time limit of `--history`.
const QUERY_TIMEOUT: Duration = Duration::from_mins(1);

/// The time limit of the import at the end of a run.
const UPDATE_TIMEOUT: Duration = Duration::from_secs(5);

/// After this time, the run of an incomplete record counts as killed.
const MAX_RUN_DURATION: Duration = Duration::from_hours(24);

/// Prints statistics about past runs, from the database or, if the database is not available, from the existing records.
pub(super) fn history(call: &Call, mut config: RunConfig, registry: &Registry) -> Result<ExitStatus, Refusal> {
    let place = "--history";
    let Some((suite, address)) = call.suite().zip(address(call, &config)) else {
        return Err(UsageError::new(place, "this suite has no folder of records; run it with cargo").into());
    };
    let mut paths = records::newest_first(call, &config);
    paths.reverse();
    records::warn_of_unusable(&paths);
    let retention = Retention::of(&config);
    let (runs, label) = match with_timeout(QUERY_TIMEOUT, &address, all_runs(&address, &suite, &retention, &paths)) {
        Ok(runs) => (runs, address.label().to_owned()),
        Err(error) => {
            print_to_stderr(&format!("warning: {}; only the existing records are shown", error.in_one_line()));
            (paths.iter().filter_map(|path| run_of(path, &retention)).collect(), "records".to_owned())
        }
    };
    let remarks = apply_quarantine(call, &mut config, registry, today(), |need| unneeded_of(need, newest_first(&runs)));
    for remark in remarks {
        print_to_stderr(&format!("warning: {remark}"));
    }
    let known = set_of(registry.candidates().map(|case| case.id()));
    let selection = &config.selection;
    let matches =
        |name: &str, word: &String| if call.line.is_exact() { name == word } else { name.contains(word.as_str()) };
    let selects = |test: &TestId| {
        let name = test.as_str();
        let is_selected = selection.filters.is_empty() || selection.filters.iter().any(|filter| matches(name, filter));
        known.contains(test) && is_selected && !selection.skips.iter().any(|skip| matches(name, skip))
    };
    let past = SuiteHistory::of(&runs, selects);
    if past.tests.is_empty()
        && !selection.is_everything()
        && let Some(notice) = call.handle_no_match(&NothingMatched::History, &config)?
    {
        print_to_stderr(&notice);
    }
    let title = format!("{suite} ({label})");
    Ok(print_to_stdout(|out| match config.format {
        Format::Json | Format::LibtestJson => write_lines(&past, &suite, &config.quarantined, out),
        Format::Pretty | Format::Terse => write_table(&past, &title, &config.quarantined, out),
    }))
}

/// Imports the records that are about to be removed, if there is a history. A shared history (`--history-url`) also receives the record of
/// this run, because the machine may not exist tomorrow. An error is printed and does not fail the run.
///
/// Returns the records to remove. If the import fails or the run was interrupted, up to `--records` of them are kept for the next import.
pub(super) fn update_history(
    call: &Call,
    config: &RunConfig,
    own: Option<&Path>,
    mut to_remove: Vec<PathBuf>,
    summary: &Summary,
) -> Vec<PathBuf> {
    let Some((suite, address)) = call.suite().zip(address(call, config)) else { return to_remove };
    let is_shared = config.history_url.is_some();
    let exists = is_shared || file(config, call).is_some_and(|path| path.exists());
    if !exists {
        return to_remove;
    }
    let own = own.filter(|_| is_shared).map(Path::to_path_buf);
    let paths: Vec<PathBuf> = to_remove.iter().cloned().chain(own).collect();
    // An interrupted run must end without a wait for the database.
    if paths.is_empty() || summary.interrupted_by.is_some() {
        to_remove.truncate(to_remove.len().saturating_sub(config.records));
        return to_remove;
    }
    let retention = Retention::of(config);
    let update = async {
        let mut store = Store::open(&address).await?;
        if import(&mut store, &retention, &paths).await? > 0 {
            store.forget(&suite, retention.since).await?;
        }
        store.close().await
    };
    let problem = match with_timeout(UPDATE_TIMEOUT, &address, update) {
        Ok(()) => return to_remove,
        Err(error) => error.in_one_line(),
    };
    print_to_stderr(&format!("warning: the history is not up to date: {problem}"));
    to_remove.truncate(to_remove.len().saturating_sub(config.records));
    to_remove
}

async fn all_runs(
    address: &Address,
    suite: &str,
    retention: &Retention,
    paths: &[PathBuf],
) -> Result<Vec<Run>, HistoryError> {
    let mut store = Store::open(address).await?;
    import(&mut store, retention, paths).await?;
    store.forget(suite, retention.since).await?;
    let runs = store.runs(suite).await?;
    store.close().await?;
    Ok(runs)
}

/// Imports the records that the history does not have yet. Returns their number.
async fn import(store: &mut Store, retention: &Retention, paths: &[PathBuf]) -> Result<usize, HistoryError> {
    let mut new = 0;
    for path in paths {
        // The first line of a record identifies the run. The rest is read only if the run is new.
        let Some(head) = records::read_head(path) else { continue };
        if !store.has(&Key::of(&head)).await?
            && let Some(run) = run_of(path, retention)
        {
            new += usize::from(store.add(&run).await? == Insertion::New);
        }
    }
    Ok(new)
}

/// Which runs the history keeps. Times are in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Retention {
    /// Older runs are removed.
    since: u64,
    /// Runs that began before this time have ended.
    ended_before: u64,
}

impl Retention {
    fn of(config: &RunConfig) -> Self {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let now = now();
        Self {
            since: now.saturating_sub(millis(config.history_keep)),
            ended_before: now.saturating_sub(millis(MAX_RUN_DURATION)),
        }
    }

    /// Whether the history keeps the run of a record. A run that may not have ended is imported later.
    fn includes(&self, record: &Record) -> bool {
        let began = record.facts.began_unix_ms;
        began >= self.since && (record.extent == Extent::Whole || began < self.ended_before)
    }
}

fn run_of(path: &Path, retention: &Retention) -> Option<Run> {
    records::read_if_valid(path).filter(|record| retention.includes(record)).map(|record| Run::of(&record))
}

fn newest_first(runs: &[Run]) -> impl Iterator<Item = (TestId, crate::model::Outcome)> {
    let attempts = runs.iter().rev().flat_map(|run| run.attempts.iter().rev());
    attempts.map(|attempt| (attempt.test.clone(), attempt.outcome))
}

/// Runs work on the history with a time limit.
fn with_timeout<T>(
    limit: Duration,
    address: &Address,
    work: impl Future<Output = Result<T, HistoryError>>,
) -> Result<T, HistoryError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(HistoryError::NoEventLoop)?;
    let timed_out = |_| HistoryError::Silent { place: address.label().to_owned(), seconds: limit.as_secs() };
    block_on(&runtime, async { tokio::time::timeout(limit, work).await.map_err(timed_out).flatten() })
}

/// The address of the history: the one of `--history-url`, or a file beside the records.
fn address(call: &Call, config: &RunConfig) -> Option<Address> {
    match &config.history_url {
        Some(url) => Address::parse(url.expose()).ok(),
        None => file(config, call).map(|path| Address::of_file(&path)),
    }
}

fn file(config: &RunConfig, call: &Call) -> Option<PathBuf> {
    // Each suite has its own folder of records. The history is beside the parent folder, and all suites share it.
    Some(records::folder(call, config)?.parent()?.with_file_name(FILE_NAME))
}

fn today() -> Date {
    Date::of_unix_ms(now())
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
