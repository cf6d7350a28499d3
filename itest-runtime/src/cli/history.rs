//! `--history`, and what makes it possible: records are taken in when somebody asks, and before they go.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::call::Call;
use super::outlet::{complain, print};
use super::quarantine::{apply_quarantine, unneeded_of};
use super::records;
use super::refusal::Refusal;
use super::selection::NothingMatched;
use crate::history::{Address, HistoryError, Insertion, Key, Run, Store, SuiteHistory, write_lines, write_table};
use crate::inject::Registry;
use crate::model::{Date, ExitStatus, Format, HarnessError, RunConfig, Summary, TestId, UsageError};
use crate::report::{Extent, Record};

/// The file's name, beside the folder of records.
const NAME: &str = "history.sqlite";

/// Who asks waits for so long.
const LIMIT_OF_QUESTION: Duration = Duration::from_mins(1);

/// The end of a run waits for so long.
const LIMIT_OF_RUN: Duration = Duration::from_secs(5);

/// A record without an end that is older than this is that of a run that was killed.
const LONGEST_RUN: Duration = Duration::from_hours(24);

/// Tells what the past runs say, from the database or, where that cannot be had, from the records that are there.
pub(super) fn history(call: &Call, mut config: RunConfig, registry: &Registry) -> Result<ExitStatus, Refusal> {
    let place = "--history";
    let Some((suite, address)) = call.suite().zip(address(call, &config)) else {
        return Err(UsageError::new(place, "this suite has no folder of records; run it with cargo").into());
    };
    let mut paths = records::newest_first(call, &config);
    paths.reverse();
    records::warn_of_unusable(&paths);
    let keeping = Keeping::of(&config);
    let (runs, label) = match within(LIMIT_OF_QUESTION, &address, all_runs(&address, &suite, &keeping, &paths))? {
        Ok(runs) => (runs, address.label().to_owned()),
        Err(error) => {
            complain(&format!("warning: {}; this is what the records say that are there", error.in_one_line()));
            (paths.iter().filter_map(|path| run_of(path, &keeping)).collect(), "records".to_owned())
        }
    };
    let remarks = apply_quarantine(call, &mut config, registry, today(), |need| unneeded_of(need, newest_first(&runs)));
    for remark in remarks {
        complain(&format!("warning: {remark}"));
    }
    let known: BTreeSet<TestId> = registry.candidates().map(|case| case.id()).collect();
    let selection = &config.selection;
    let matches =
        |name: &str, word: &String| if call.line.is_exact() { name == word } else { name.contains(word.as_str()) };
    let selects = |test: &TestId| {
        let name = test.as_str();
        let is_asked = selection.filters.is_empty() || selection.filters.iter().any(|filter| matches(name, filter));
        known.contains(test) && is_asked && !selection.skips.iter().any(|skip| matches(name, skip))
    };
    let past = SuiteHistory::of(&runs, selects);
    if past.tests.is_empty()
        && !selection.is_everything()
        && let Some(notice) = call.without_match(&NothingMatched::History, &config)?
    {
        complain(&notice);
    }
    let title = format!("{suite} ({label})");
    Ok(print(|out| match config.format {
        Format::Json | Format::LibtestJson => write_lines(&past, &suite, &config.quarantined, out),
        Format::Pretty | Format::Terse => write_table(&past, &title, &config.quarantined, out),
    }))
}

/// Takes in what would be lost otherwise: records that are about to be removed, if there is a history; and this run's own, if the
/// history is one that others read, because the machine may be gone tomorrow. Whatever goes wrong, the run is none the worse.
///
/// What may go is left of the records that are about to be removed: what could not be taken in stays for another while.
pub(super) fn keep_up(
    call: &Call,
    config: &RunConfig,
    own: Option<&Path>,
    mut leaving: Vec<PathBuf>,
    summary: &Summary,
) -> Vec<PathBuf> {
    let Some((suite, address)) = call.suite().zip(address(call, config)) else { return leaving };
    let is_shared = config.history_url.is_some();
    let is_there = is_shared || file(config, call).is_some_and(|path| path.exists());
    if !is_there {
        return leaving;
    }
    let own = own.filter(|_| is_shared).map(Path::to_path_buf);
    let paths: Vec<PathBuf> = leaving.iter().cloned().chain(own).collect();
    // Whoever ends a run wants it to end.
    if paths.is_empty() || summary.interrupted_by.is_some() {
        leaving.truncate(leaving.len().saturating_sub(config.records));
        return leaving;
    }
    let keeping = Keeping::of(config);
    let kept = async {
        let mut store = Store::open(&address).await?;
        if take_in(&mut store, &keeping, &paths).await? > 0 {
            store.forget(&suite, keeping.since).await?;
        }
        store.close().await
    };
    let failed = match within(LIMIT_OF_RUN, &address, kept) {
        Ok(Ok(())) => return leaving,
        Ok(Err(error)) => error.in_one_line(),
        Err(error) => error.chain(),
    };
    complain(&format!("warning: the history is not up to date: {failed}"));
    leaving.truncate(leaving.len().saturating_sub(config.records));
    leaving
}

async fn all_runs(
    address: &Address,
    suite: &str,
    keeping: &Keeping,
    paths: &[PathBuf],
) -> Result<Vec<Run>, HistoryError> {
    let mut store = Store::open(address).await?;
    take_in(&mut store, keeping, paths).await?;
    store.forget(suite, keeping.since).await?;
    let runs = store.runs(suite).await?;
    store.close().await?;
    Ok(runs)
}

/// Takes in what is not there yet, and counts it.
async fn take_in(store: &mut Store, keeping: &Keeping, paths: &[PathBuf]) -> Result<usize, HistoryError> {
    let mut new = 0;
    for path in paths {
        // Its first line says which run it is; the rest is read only if that is needed.
        let Some(head) = records::read_head(path) else { continue };
        if !store.has(&Key::of(&head)).await?
            && let Some(run) = run_of(path, keeping)
        {
            new += usize::from(store.add(&run).await? == Insertion::New);
        }
    }
    Ok(new)
}

/// How far back the history goes, in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Keeping {
    since: u64,
    /// Runs that began before this have come to their end.
    over: u64,
}

impl Keeping {
    fn of(config: &RunConfig) -> Self {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let now = now();
        Self { since: now.saturating_sub(millis(config.history_keep)), over: now.saturating_sub(millis(LONGEST_RUN)) }
    }

    /// Whether a record is worth taking in; one whose run may still be going on is left for later.
    fn takes(&self, record: &Record) -> bool {
        let began = record.facts.began_unix_ms;
        began >= self.since && (record.extent == Extent::Whole || began < self.over)
    }
}

fn run_of(path: &Path, keeping: &Keeping) -> Option<Run> {
    records::read_quietly(path).filter(|record| keeping.takes(record)).map(|record| Run::of(&record))
}

fn newest_first(runs: &[Run]) -> impl Iterator<Item = (TestId, crate::model::Outcome)> {
    let attempts = runs.iter().rev().flat_map(|run| run.attempts.iter().rev());
    attempts.map(|attempt| (attempt.test.clone(), attempt.outcome))
}

/// Waits for the history, and not for ever.
fn within<T>(
    limit: Duration,
    address: &Address,
    work: impl Future<Output = Result<T, HistoryError>>,
) -> Result<Result<T, HistoryError>, HarnessError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(HarnessError::io("start an event loop for the history"))?;
    let silent = |_| HistoryError::Silent { place: address.label().to_owned(), seconds: limit.as_secs() };
    Ok(runtime.block_on(async { tokio::time::timeout(limit, work).await.map_err(silent).flatten() }))
}

/// Where the history is: where the setting says, or beside the records.
fn address(call: &Call, config: &RunConfig) -> Option<Address> {
    match &config.history_url {
        Some(url) => Address::parse(url.expose()).ok(),
        None => file(config, call).map(|path| Address::of_file(&path)),
    }
}

fn file(config: &RunConfig, call: &Call) -> Option<PathBuf> {
    // The folder of all suites' records is one up from this one's.
    Some(records::folder(call, config)?.parent()?.with_file_name(NAME))
}

fn today() -> Date {
    Date::of_unix_ms(now())
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
