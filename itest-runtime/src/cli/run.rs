//! A run of the suite: what runs in which order, under whose eyes, and what is kept of it.

use std::path::Path;
use std::sync::Arc;

use super::call::Call;
use super::ci_shard::acknowledge;
use super::durations::Durations;
use super::github;
#[cfg(feature = "history")]
use super::history::keep_up;
use super::last_failed::LastFailed;
use super::mode::Mode;
use super::outlet::{Flush, Outlet, Sink, complain};
use super::quarantine::{apply_quarantine, unneeded_of};
use super::records;
use super::refusal::Refusal;
use super::resolve::Resolved;
use super::script::{known, of_lanes, of_record};
use super::selection::{NothingMatched, Selected, select};
use super::share::share;
use crate::engine::{LiveProgress, Run, signal_number, supervise};
use crate::inject::{Candidate, Registry};
use crate::model::{
    Capture, Case, Date, Event, ExitStatus, Facts, Format, Order, Place, Recall, RunConfig, ShardFacts, Summary,
    TestId, UsageError,
};
use crate::plan::{NamedCase, longest_first, ordered};
#[cfg(feature = "junit")]
use crate::report::Junit;
use crate::report::{Console, Ctrf, Json, LibtestJson, ReportOptions, Reporter, Terse};

/// What a run is about.
struct Planned {
    cases: Vec<Case>,
    /// Where each of them runs, if that is said beforehand.
    places: Vec<Place>,
    ignored: Vec<(TestId, &'static str)>,
    filtered_out: usize,
    /// The part of the suite that this is, if it is not all of it.
    shard: Option<ShardFacts>,
}

/// Runs what was asked for.
pub(super) fn run(call: &Call, resolved: Resolved, registry: Registry) -> Result<ExitStatus, Refusal> {
    let Resolved { mut config, sources, .. } = resolved;
    acknowledge(&call.environment);
    let mut last_failed = LastFailed::of(call.identity, &config);
    let mut notices = Vec::new();
    let source_of_shard = sources.get("shard").map_or("", String::as_str);
    let hints = Hints { source_of_shard, last_failed: last_failed.as_ref() };
    let planned = planned(call, &mut config, &registry, hints, &mut notices)?;
    let facts = Facts { shard: planned.shard, ..records::facts(call, &registry) };
    let today = Date::of_unix_ms(facts.began_unix_ms);
    let kept = config.clone();
    let attempts = || records::attempts(records::newest_first(call, &kept));
    notices.extend(apply_quarantine(call, &mut config, &registry, today, |need| unneeded_of(need, attempts())));
    let recorder = records::recorder(call, &config, &facts)?;
    let is_recorded = recorder.is_some();
    // The suite runs in its package's folder; who types a command mostly does not.
    let record = recorder.as_ref().and_then(|recorder| std::path::absolute(recorder.path()).ok());
    let look = ReportOptions { record: record.clone(), ..call.look(&config) };
    // People may look at the report, or at the file that it goes to, at any time.
    let live = match config.format {
        Format::Pretty | Format::Terse => LiveProgress::Shown,
        _ => LiveProgress::Hidden,
    };
    let mut outlets = outlets(call, &config, look)?;
    outlets.extend(recorder);
    let run = Run {
        cases: planned.cases,
        config,
        places: planned.places,
        ignored: planned.ignored,
        filtered_out: planned.filtered_out,
        live,
        until: None,
        facts,
    };
    let mut tell = |mut event: Event| {
        event.redact();
        if let Some(last) = &mut last_failed {
            last.event(&event);
        }
        for outlet in &mut outlets {
            outlet.event(&event);
        }
    };
    let summary = supervise(run, Arc::new(registry), &mut |event: Event| {
        let has_begun = matches!(event, Event::RunStarted { .. });
        tell(event);
        if has_begun {
            notices.iter().cloned().map(Event::Warning).for_each(&mut tell);
        }
    })?;
    if is_recorded {
        prune_records(call, &kept, record.as_deref(), &summary);
    }
    if let Some(Err(error)) = last_failed.map(|last| last.save()) {
        complain(&format!("warning: what failed cannot be kept for --last-failed: {error}"));
    }
    Ok(outlets.iter().fold(status(&summary), |status, outlet| outlet.status(status)))
}

/// Removes the oldest records, after the history has taken in what would be lost.
#[cfg_attr(not(feature = "history"), expect(unused_variables, reason = "only the history needs them"))]
fn prune_records(call: &Call, config: &RunConfig, own: Option<&Path>, summary: &Summary) {
    let leaving = records::superfluous(call, config);
    #[cfg(feature = "history")]
    let leaving = keep_up(call, config, own, leaving, summary);
    records::remove(&leaving);
}

/// What runs where, if that is said beforehand.
fn script(
    call: &Call,
    config: &mut RunConfig,
    registry: &Registry,
) -> Result<Option<Vec<(Candidate, Place)>>, UsageError> {
    let mode = &call.line.mode;
    let flag = mode.kind().flag();
    let (Mode::Lanes(_) | Mode::Replay { .. }) = mode else { return Ok(None) };
    if !config.selection.is_everything() {
        return Err(UsageError::new(flag, "says which tests run; filters, --skip and --tag contradict it"));
    }
    let known = known(registry);
    let record = match mode {
        Mode::Lanes(lanes) => return of_lanes(&known, lanes).map(Some),
        Mode::Replay { record } => records::read(flag, record, call, config)?,
        _ => return Ok(None),
    };
    records::check(flag, &record, call, registry)?;
    config.seed = record.seed;
    of_record(&known, &record).map(Some)
}

/// What the plan of a run depends on, beside its configuration.
#[derive(Clone, Copy)]
struct Hints<'h> {
    /// Who says which part of the suite this is.
    source_of_shard: &'h str,
    last_failed: Option<&'h LastFailed>,
}

/// What lanes or a record name, in their order, or else what the selection leaves, in the run's order.
fn planned(
    call: &Call,
    config: &mut RunConfig,
    registry: &Registry,
    hints: Hints<'_>,
    notices: &mut Vec<String>,
) -> Result<Planned, Refusal> {
    if let Some(steps) = script(call, config, registry)? {
        config.order = Order::Given;
        let (cases, places): (Vec<_>, _) = steps.into_iter().unzip();
        let cases = described(registry, &cases);
        return Ok(Planned { cases, places, ignored: Vec::new(), filtered_out: 0, shard: None });
    }
    let mut selected = choose(registry, call, config, notices)?;
    // Before what failed last is recalled: the other parts may recall something else.
    let shard = share(&mut selected, call, config, hints.source_of_shard)?;
    let Selected { mut cases, ignored, mut filtered_out } = selected;
    // Tests that are gone can neither fail nor pass again.
    let is_there = |last: &&LastFailed| registry.candidates().any(|case| last.contains(&case.name));
    let recalled = hints.last_failed.filter(|last| config.recall != Recall::default() && is_there(last));
    if config.recall.only_failed && recalled.is_none() {
        complain("nothing has failed that --last-failed could run again: everything runs");
    }
    if let Some(last) = recalled.filter(|_| config.recall.only_failed) {
        let had_cases = !cases.is_empty();
        filtered_out.extend(cases.extract_if(.., |case| !last.contains(&case.name)));
        if had_cases && cases.is_empty() && shard.is_none() {
            notices.extend(call.without_match(&NothingMatched::LastFailed, config)?);
        }
    }
    let mut order = ordered(&named(&cases), config.order, config.seed)?;
    if config.order == Order::LongestFirst {
        let durations = Durations::known(call, config, &cases)?;
        longest_first(&mut order, |position| durations.of(&cases[position].name));
    }
    if let Some(last) = recalled {
        order.sort_by_key(|position| !last.contains(&cases[*position].name));
    }
    Ok(Planned {
        cases: described(registry, order.into_iter().map(|position| &cases[position])),
        places: Vec::new(),
        ignored: ignored.iter().map(|case| (case.id(), case.entry().meta.ignore.unwrap_or_default())).collect(),
        filtered_out: filtered_out.len(),
        shard,
    })
}

/// Sorts the suite's cases into those that run and the others.
///
/// # Errors
///
/// A selection that matches nothing, where that is an error; where it is none, what is to be said about it is noted.
pub(super) fn choose(
    registry: &Registry,
    call: &Call,
    config: &RunConfig,
    notices: &mut Vec<String>,
) -> Result<Selected, Refusal> {
    let (selected, unmatched) = select(registry, &call.line, config);
    if let Some(nothing) = unmatched {
        notices.extend(call.without_match(&nothing, config)?);
    }
    Ok(selected)
}

/// What their order depends on.
pub(super) fn named(cases: &[Candidate]) -> Vec<NamedCase<'_>> {
    cases.iter().map(|case| NamedCase { name: &case.name, location: case.entry().location, row: case.row() }).collect()
}

/// As plain data, with all locks.
pub(super) fn described<'c>(registry: &Registry, cases: impl IntoIterator<Item = &'c Candidate>) -> Vec<Case> {
    let session_locks = registry.session_locks();
    let one = |candidate: &Candidate| {
        let mut case = candidate.describe();
        case.locks.extend(session_locks.of(candidate.entry()));
        case
    };
    cases.into_iter().map(one).collect()
}

/// The report on stdout, and others that were asked for.
pub(super) fn outlets(call: &Call, config: &RunConfig, look: ReportOptions) -> Result<Vec<Outlet>, UsageError> {
    let flush =
        if look.live_width.is_some() || config.capture == Capture::Inherited { Flush::EachEvent } else { Flush::Soon };
    let github = github::outlets(call, config, &look);
    let reporter: Box<dyn Reporter> = match config.format {
        Format::Pretty => Box::new(Console::new(look)),
        Format::Terse => Box::new(Terse::new(look)),
        Format::Json => Box::new(Json),
        Format::LibtestJson => Box::new(LibtestJson::new(look)),
    };
    let sink = match call.line.logfile() {
        None => Sink::stdout(),
        Some(path) => Sink::file("--logfile", Path::new(path))?,
    };
    // A program reads what it is given, and no line of it may be changed.
    let is_for_people = matches!(config.format, Format::Pretty | Format::Terse);
    let sink = if is_for_people && !github.is_empty() { sink.defused() } else { sink };
    let mut outlets = vec![Outlet::new(reporter, sink, flush)];
    outlets.extend(github);
    let name = [call.identity.package, call.identity.target].map(Option::unwrap_or_default).join("::");
    if let Some(path) = &config.ctrf {
        outlets.push(document(Box::new(Ctrf::new(&name)), "--ctrf", path)?);
    }
    #[cfg(feature = "junit")]
    if let Some(path) = &config.junit {
        outlets.push(document(Box::new(Junit::new(&name)), "--junit", path)?);
    }
    Ok(outlets)
}

/// A report that is a file of its own, whole when the run is over.
fn document(reporter: Box<dyn Reporter>, flag: &str, path: &Path) -> Result<Outlet, UsageError> {
    // Where it cannot be made, the file cannot, either, and that is told.
    let _ = path.parent().map(std::fs::create_dir_all);
    Ok(Outlet::new(reporter, Sink::file(flag, path)?, Flush::AtTheEnd))
}

pub(super) fn status(summary: &Summary) -> ExitStatus {
    match &summary.interrupted_by {
        Some(signal) => ExitStatus::Signal(signal_number(signal)),
        None if summary.is_success() => ExitStatus::Passed,
        None => ExitStatus::TestsFailed,
    }
}
