//! Runs the tests of the suite: it plans the run, writes the reports, and keeps the record.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::call::Call;
use super::ci_shard::touch_status_file;
#[cfg(feature = "coverage")]
use super::coverage::CoverageOfRun;
use super::durations::Durations;
use super::github;
#[cfg(feature = "history")]
use super::history::update_history;
use super::last_failed::LastFailed;
use super::mode::Mode;
use super::output::{Flush, ReportWriter, Sink, print_to_stderr};
use super::outputs::Outputs;
use super::quarantine::{apply_quarantine, unneeded_of};
use super::records;
use super::refusal::Refusal;
use super::resolve::Resolved;
use super::script::{cases_by_name, steps_of_lanes, steps_of_record};
use super::selection::{NothingMatched, SelectedCases, select};
use super::shard::keep_own_shard;
use crate::engine::{LiveProgress, Run, signal_number, supervise};
use crate::inject::{Candidate, Registry};
use crate::model::{
    Capture, Case, Date, Event, ExitStatus, Facts, Format, Order, Place, Recall, RunConfig, ShardFacts, Summary,
    TestId, UsageError, sort_by_key,
};
use crate::plan::{NamedCase, longest_first, ordered};
use crate::report::{Console, FILE_REPORTS, FileReportContext, Json, LibtestJson, ReportOptions, Reporter, Terse};

/// The plan of a run.
struct RunPlan {
    cases: Vec<Case>,
    /// The place of each case in a script. Empty in a run without a script.
    places: Vec<Place>,
    ignored: Vec<(TestId, &'static str)>,
    filtered_out: usize,
    /// The shard that the run consists of, if it is not the whole suite.
    shard: Option<ShardFacts>,
}

/// Runs the tests that the command line selects.
pub(super) fn run(call: &Call, resolved: Resolved, registry: Registry) -> Result<ExitStatus, Refusal> {
    let Resolved { mut config, sources, .. } = resolved;
    touch_status_file(&call.environment);
    let mut last_failed = LastFailed::load(call.identity, &config);
    let mut notices = Vec::new();
    let source_of_shard = sources.get("shard").map_or("", String::as_str);
    let inputs = PlanInputs { source_of_shard, last_failed: last_failed.as_ref() };
    let plan = plan_run(call, &mut config, &registry, inputs, &mut notices)?;
    let facts = Facts { shard: plan.shard, ..records::facts(call, &registry) };
    let today = Date::of_unix_ms(facts.began_unix_ms);
    // Records are pruned after the run, when the engine owns the other copy of the configuration.
    let records_config = config.clone();
    let attempts = || records::attempts(records::newest_first(call, &records_config));
    notices.extend(apply_quarantine(call, &mut config, &registry, today, |need| unneeded_of(need, attempts())));
    let recorder = records::recorder(call, &config, &facts)?;
    let is_recorded = recorder.is_some();
    // The suite runs in the folder of its package, but the user may type the command in another one, so the path is absolute.
    let record = recorder.as_ref().and_then(|recorder| std::path::absolute(recorder.path()).ok());
    let options = ReportOptions { record: record.clone(), ..call.report_options(&config) };
    // A user may watch a report for people at any time, on the terminal or in its file.
    let live = match config.format {
        Format::Pretty | Format::Terse => LiveProgress::Shown,
        _ => LiveProgress::Hidden,
    };
    let mut outputs = outputs(call, &config, options, &registry)?;
    outputs.writers.extend(recorder);
    let run = Run {
        cases: plan.cases,
        config,
        places: plan.places,
        ignored: plan.ignored,
        filtered_out: plan.filtered_out,
        live,
        until: None,
        facts,
    };
    let mut handle_event = |mut event: Event| {
        event.redact();
        if let Some(last) = &mut last_failed {
            last.handle_event(&event);
        }
        outputs.handle(event);
    };
    let mut summary = supervise(run, Arc::new(registry), &mut |event: Event| {
        let has_begun = matches!(event, Event::RunStarted { .. });
        handle_event(event);
        if has_begun {
            notices.iter().cloned().map(Event::Warning).for_each(&mut handle_event);
        }
    })?;
    outputs.complete(&mut summary);
    if is_recorded {
        prune_records(call, &records_config, record.as_deref(), &summary);
    }
    if let Some(Err(error)) = last_failed.map(|last| last.save()) {
        print_to_stderr(&format!("warning: the failed tests cannot be saved for --last-failed: {error}"));
    }
    Ok(outputs.status(exit_status(&summary)))
}

/// Removes the oldest records, after the history has imported them.
#[cfg_attr(not(feature = "history"), expect(unused_variables, reason = "only the history needs them"))]
fn prune_records(call: &Call, config: &RunConfig, own: Option<&Path>, summary: &Summary) {
    let surplus = records::surplus(call, config);
    #[cfg(feature = "history")]
    let surplus = update_history(call, config, own, surplus, summary);
    records::remove(&surplus);
}

/// The script of the run, if lanes or a record name the tests and their places.
fn script(
    call: &Call,
    config: &mut RunConfig,
    registry: &Registry,
) -> Result<Option<Vec<(Candidate, Place)>>, UsageError> {
    let mode = &call.line.mode;
    let flag = mode.kind().flag();
    let (Mode::Lanes(_) | Mode::Replay { .. }) = mode else { return Ok(None) };
    if !config.selection.is_everything() {
        return Err(UsageError::new(
            flag,
            "names the tests to run, so filters, --skip and --tag are not allowed with it",
        ));
    }
    let known = cases_by_name(registry);
    let record = match mode {
        Mode::Lanes(lanes) => return steps_of_lanes(&known, lanes).map(Some),
        Mode::Replay { record } => records::read(flag, record, call, config)?,
        _ => return Ok(None),
    };
    records::check(flag, &record, call, registry)?;
    config.seed = record.seed;
    steps_of_record(&known, &record).map(Some)
}

/// The inputs of a plan, besides the configuration.
#[derive(Clone, Copy)]
struct PlanInputs<'h> {
    /// The setting or the variables that name the shard.
    source_of_shard: &'h str,
    last_failed: Option<&'h LastFailed>,
}

/// Plans a run. With `--lane` or `--replay` the cases are those of the script, in its order. Otherwise they are the selected cases, in the
/// order of the run.
fn plan_run(
    call: &Call,
    config: &mut RunConfig,
    registry: &Registry,
    inputs: PlanInputs<'_>,
    notices: &mut Vec<String>,
) -> Result<RunPlan, Refusal> {
    if let Some(steps) = script(call, config, registry)? {
        config.order = Order::Given;
        let (cases, places): (Vec<_>, _) = steps.into_iter().unzip();
        let cases = describe_cases(registry, &cases);
        return Ok(RunPlan { cases, places, ignored: Vec::new(), filtered_out: 0, shard: None });
    }
    let mut selected = select_cases(registry, call, config, notices)?;
    // The suite is split before --last-failed applies, because other shards may have other failed tests.
    let shard = keep_own_shard(&mut selected, call, config, inputs.source_of_shard)?;
    let SelectedCases { mut cases, ignored, mut filtered_out } = selected;
    // The names of removed tests stay in the file, because these tests never pass again. They are not counted here.
    let has_existing_test = |last: &&LastFailed| registry.candidates().any(|case| last.contains(&case.name));
    let recalled = inputs.last_failed.filter(|last| config.recall != Recall::default() && has_existing_test(last));
    if config.recall.only_failed && recalled.is_none() {
        print_to_stderr("no failed test is known that --last-failed could run: all tests run");
    }
    if let Some(last) = recalled.filter(|_| config.recall.only_failed) {
        let had_cases = !cases.is_empty();
        filtered_out.extend(cases.extract_if(.., |case| !last.contains(&case.name)));
        if had_cases && cases.is_empty() && shard.is_none() {
            notices.extend(call.handle_no_match(&NothingMatched::LastFailed, config)?);
        }
    }
    let mut order = ordered(&named_cases(&cases), config.order, config.seed)?;
    if config.order == Order::LongestFirst {
        let durations = Durations::load(call, config, &cases)?;
        longest_first(&mut order, |position| durations.of(&cases[position].name));
    }
    if let Some(last) = recalled {
        sort_by_key(&mut order, |position| !last.contains(&cases[*position].name));
    }
    Ok(RunPlan {
        cases: describe_cases(registry, order.into_iter().map(|position| &cases[position])),
        places: Vec::new(),
        ignored: ignored.iter().map(|case| (case.id(), case.entry().meta.ignore.unwrap_or_default())).collect(),
        filtered_out: filtered_out.len(),
        shard,
    })
}

/// Sorts the cases of the suite into those that run and the others. Adds a notice if the selection matches no test and that is no error.
///
/// # Errors
///
/// When the selection matches no test, and that is an error.
pub(super) fn select_cases(
    registry: &Registry,
    call: &Call,
    config: &RunConfig,
    notices: &mut Vec<String>,
) -> Result<SelectedCases, Refusal> {
    let (selected, unmatched) = select(registry, &call.line, config);
    if let Some(nothing) = unmatched {
        notices.extend(call.handle_no_match(&nothing, config)?);
    }
    Ok(selected)
}

/// The names and locations of cases, which determine their order.
pub(super) fn named_cases(cases: &[Candidate]) -> Vec<NamedCase<'_>> {
    cases.iter().map(|case| NamedCase { name: &case.name, location: case.entry().location, row: case.row() }).collect()
}

/// The cases as plain data, with all locks.
pub(super) fn describe_cases<'c>(registry: &Registry, cases: impl IntoIterator<Item = &'c Candidate>) -> Vec<Case> {
    let session_locks = registry.session_locks();
    let describe = |candidate: &Candidate| {
        let mut case = candidate.describe();
        case.locks.extend(session_locks.of(candidate.entry()));
        case
    };
    cases.into_iter().map(describe).collect()
}

/// Everything that receives the events, as the configuration requests it.
pub(super) fn outputs(
    call: &Call,
    config: &RunConfig,
    options: ReportOptions,
    registry: &Registry,
) -> Result<Outputs, UsageError> {
    Ok(Outputs {
        writers: report_writers(call, config, options, registry)?,
        #[cfg(feature = "coverage")]
        coverage: CoverageOfRun::begin(call, config, registry)?,
    })
}

/// The writers of the report on stdout and of all other reports that the configuration requests.
fn report_writers(
    call: &Call,
    config: &RunConfig,
    options: ReportOptions,
    registry: &Registry,
) -> Result<Vec<ReportWriter>, UsageError> {
    let repeat = options.repeat.clone();
    let flush = if options.live_width.is_some() || config.capture == Capture::Inherited {
        Flush::EachEvent
    } else {
        Flush::Periodically
    };
    let github = github::report_writers(call, config, &options);
    let reporter: Box<dyn Reporter> = match config.format {
        Format::Pretty => Box::new(Console::new(options)),
        Format::Terse => Box::new(Terse::new(options)),
        Format::Json => Box::new(Json),
        Format::LibtestJson => Box::new(LibtestJson::new(options)),
    };
    let sink = match call.line.logfile() {
        None => Sink::stdout(),
        Some(path) => Sink::file("--logfile", Path::new(path))?,
    };
    // Text is escaped only in reports for people, because a program needs every line unchanged.
    let is_for_people = matches!(config.format, Format::Pretty | Format::Terse);
    let sink = if is_for_people && !github.is_empty() { sink.with_escaped_commands() } else { sink };
    let mut writers = vec![ReportWriter::new(reporter, sink, flush)];
    writers.extend(github);
    let name = [call.identity.package, call.identity.target].map(Option::unwrap_or_default).join("::");
    for report in FILE_REPORTS {
        if let Some(path) = config.reports.get(report.key) {
            let context = FileReportContext {
                suite: name.clone(),
                repeat: repeat.clone(),
                tags: tests_by_tag(registry),
                earlier_run: Some(records::earlier_run(call, config)),
            };
            writers.push(file_writer((report.create)(context), &format!("--{}", report.key), path)?);
        }
    }
    Ok(writers)
}

/// The tests of each tag.
fn tests_by_tag(registry: &Registry) -> BTreeMap<&'static str, Vec<TestId>> {
    let mut tests: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for case in registry.candidates() {
        for tag in case.entry().meta.tags {
            tests.entry(*tag).or_default().push(case.id());
        }
    }
    tests
}

/// The writer of a report in its own file, which is complete when the run has ended.
fn file_writer(reporter: Box<dyn Reporter>, flag: &str, path: &Path) -> Result<ReportWriter, UsageError> {
    // If the folder cannot be created, the file cannot be created either, and that error is reported.
    let _ = path.parent().map(std::fs::create_dir_all);
    Ok(ReportWriter::new(reporter, Sink::file(flag, path)?, Flush::AtEnd))
}

/// The exit status of a run.
pub(super) fn exit_status(summary: &Summary) -> ExitStatus {
    match &summary.interrupted_by {
        Some(signal) => ExitStatus::Signal(signal_number(signal)),
        None if summary.is_success() => ExitStatus::Passed,
        None => ExitStatus::TestsFailed,
    }
}
