//! Resolves the settings of all layers to one configuration. The command line has priority over the environment, the environment over
//! `itest.toml`, and that file over the defaults.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::path::Path;

use super::ci_shard;
use super::command_line::CommandLine;
use super::defaults::base;
use super::environment::Environment;
use super::file::Profiles;
use super::mode::{Mode, ModeKind};
use super::setting::Exclusion;
use super::settings::{GivenSetting, find};
use super::stack::requested_stack;
use crate::model::{
    Annotations, Capture, Failed, Isolation, Limits, NextestRun, Repeats, RunConfig, Seed, TraceScope, UsageError, mix,
    redacted,
};
use crate::process::debugger_attached;

/// The configuration, and the source of each of its values.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) config: RunConfig,
    /// The flag, the variable or the line of the file for each setting that has one.
    pub(super) sources: HashMap<&'static str, String>,
    pub(super) profile: String,
    /// Warnings about keys of the file that this suite does not know.
    pub(super) warnings: Vec<String>,
}

/// Resolves the settings of all layers.
///
/// # Errors
///
/// The first invalid value, or two values that contradict each other.
pub(super) fn resolve(line: &CommandLine, environment: &Environment, folder: &Path) -> Result<Resolved, UsageError> {
    // As for a setting, an empty value on the command line resets the value of the environment.
    let named = line.config.as_deref().or_else(|| environment.find("ITEST_CONFIG"));
    let profiles = Profiles::find(named.filter(|path| !path.is_empty()), folder)?;
    let (profile, requested_by) = profile(line, environment, &profiles);

    let defaults = base();
    let mut config = defaults.clone();
    let mut sources = HashMap::new();
    let mut apply = |given: &GivenSetting| {
        let Some(setting) = find(given.key) else { return Ok(()) };
        let place = redacted(&given.place).into_owned();
        setting.apply(&mut config, &given.text, &defaults).map_err(|what| UsageError::new(place.clone(), what))?;
        if given.text.is_empty() {
            sources.remove(given.key);
        } else {
            sources.insert(given.key, place);
        }
        Ok(())
    };
    let layers = [profiles.settings(&profile, &requested_by)?, environment.settings()];
    layers.iter().flatten().try_for_each(&mut apply)?;
    refuse_contradictions(&line.settings)?;
    line.settings.iter().try_for_each(&mut apply)?;
    config.quarantine_entries = profiles.quarantine;
    let warnings = profiles.warnings;
    config.selection.filters.clone_from(&line.filters);
    config.selection.skips = line.skips().to_vec();

    keep_services_only_for_developers(&mut config, &sources, line, environment)?;
    ci_shard::resolve_shard(&mut config, &mut sources, environment)?;
    // A list runs no tests, so it does not depend on the program that started this process.
    if line.mode != Mode::List {
        adapt_to_runner(&mut config, &mut sources, line, environment);
    }
    Ok(Resolved { config, sources, profile, warnings })
}

/// Refuses to keep services in CI, where a run must leave nothing. The executions of a search get new services, because they must not depend on
/// each other.
fn keep_services_only_for_developers(
    config: &mut RunConfig,
    sources: &HashMap<&'static str, String>,
    line: &CommandLine,
    environment: &Environment,
) -> Result<(), UsageError> {
    if config.session.keep_services.is_some() && environment.is_on("CI") {
        let place = sources.get("keep-services").cloned().unwrap_or_default();
        let what = "services are not kept in CI (the variable CI is set), because a run there must leave nothing; set keep-services = \"0s\" in \
                    [profile.ci] of itest.toml, or ITEST_KEEP_SERVICES=0s";
        return Err(UsageError::new(place, what));
    }
    if ModeKind::SEARCHES.contains(&line.mode.kind()) {
        config.session.keep_services = None;
    }
    Ok(())
}

/// The name of the profile, and the flag or the variable that names it.
fn profile(line: &CommandLine, environment: &Environment, profiles: &Profiles) -> (String, String) {
    match (line.profile.as_deref(), environment.find("ITEST_PROFILE")) {
        (Some(name), _) if !name.is_empty() => return (name.to_owned(), format!("--profile {name}")),
        (None, Some(name)) => return (name.to_owned(), format!("ITEST_PROFILE={name}")),
        _ => {}
    }
    let name = if environment.is_on("CI") && profiles.has("ci") { "ci" } else { "default" };
    (name.to_owned(), "the profile".to_owned())
}

/// Refuses one setting under two names with two values, and a value that another setting excludes.
fn refuse_contradictions(settings: &[GivenSetting]) -> Result<(), UsageError> {
    let mut first: BTreeMap<&str, &GivenSetting> = BTreeMap::new();
    for given in settings {
        let earlier = *first.entry(given.key).or_insert(given);
        if earlier.text != given.text && earlier.value() != given.value() {
            let what = format!("contradicts {}; give one of them", redacted(&earlier.place));
            return Err(UsageError::new(redacted(&given.place), what));
        }
    }
    for given in first.values() {
        let excludes = find(given.key).map_or(&[][..], |setting| setting.excludes);
        // The comparison with the default is slow, so most settings, which exclude nothing, are left out before it.
        if excludes.is_empty() || given.is_default() {
            continue;
        }
        for Exclusion { other, allowed, reason } in excludes {
            let is_excluded = |other: &&&GivenSetting| other.value().is_none_or(|value| value.as_text() != *allowed);
            if let Some(other) = first.get(other).filter(is_excluded) {
                let what = format!("contradicts --{}{reason}", given.key);
                return Err(UsageError::new(redacted(&other.place), what));
            }
        }
    }
    Ok(())
}

/// Adapts the configuration to cargo-nextest, to the program of `--wrapper` or to a debugger, if one of them runs this process.
fn adapt_to_runner(
    config: &mut RunConfig,
    sources: &mut HashMap<&'static str, String>,
    line: &CommandLine,
    environment: &Environment,
) {
    let processors = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let attached = || debugger_attached().then_some("a debugger is attached");
    let debugger = line.is_wrapped.then_some("--wrapper").or_else(attached);
    if let Some(run) = environment.nextest_run() {
        config.session.nextest = Some(NextestRun {
            id: run.to_owned(),
            mark: environment.nextest_mark(),
            attempt: environment.nextest_attempt(),
            jobs: environment.nextest_jobs().unwrap_or_else(processors),
        });
        // cargo-nextest starts one process for each test: it controls order, retries and parallelism, and it captures output.
        config.isolation = Isolation::InProcess;
        config.retries = 0;
        config.fail_fast = None;
        config.repeats = Repeats::default();
        // cargo-nextest writes its own report. The reports of its test processes would overwrite each other.
        config.reports.clear();
        config.annotations = Annotations::Nothing;
        if !sources.contains_key("seed") {
            config.seed = Seed(mix(Seed(0), run) % 10_000_000_000);
            sources.insert("seed", "NEXTEST_RUN_ID".to_owned());
        }
        sources.insert("in-process", "cargo-nextest".to_owned());
    } else if let Some(debugger) = debugger {
        config.isolation = Isolation::InProcess;
        sources.insert("in-process", debugger.to_owned());
    }
    if debugger.is_some() {
        // A test that waits at a breakpoint, or that a profiler slows down, must not exceed a time limit.
        config.limits = Limits::NONE;
    }
    if config.isolation == Isolation::InProcess {
        config.jobs = NonZeroUsize::MIN;
        // The resources of a failed test can only be kept by a process of its own.
        config.failed = Failed::GiveBack;
        config.capture = Capture::Inherited;
        config.stack = requested_stack().unwrap_or(config.stack);
        // A test that installs its own subscriber cannot run again in another process, so itest leaves the global subscriber to the tests.
        config.trace = TraceScope::Threads;
    } else if !sources.contains_key("jobs") {
        config.jobs = processors();
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::time::Duration;

    use super::*;

    fn resolved(arguments: &[&str]) -> Result<RunConfig, String> {
        let arguments = ["itest"].iter().chain(arguments).map(OsString::from).collect();
        let line = CommandLine::parse(arguments).unwrap();
        resolve(&line, &Environment::default(), Path::new("/nowhere"))
            .map(|resolved| resolved.config)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn different_values_for_one_setting_are_refused() {
        assert!(resolved(&["--jobs", "2", "--test-threads", "2"]).is_ok());
        assert_eq!(
            resolved(&["--jobs", "2", "--test-threads", "3"]).unwrap_err(),
            "--test-threads 3: contradicts --jobs 2; give one of them"
        );
        assert!(resolved(&["--seed", "1", "--shuffle-seed", "2"]).is_err());
        assert!(resolved(&["--shuffle", "--order", "declared"]).is_err());
        assert!(resolved(&["--in-process", "--jobs", "4"]).unwrap_err().contains("--in-process"));
        assert!(resolved(&["--in-process=yes", "--jobs", "4"]).unwrap_err().contains("--in-process"));
        assert!(resolved(&["--in-process=no", "--jobs", "4"]).is_ok());
        assert!(resolved(&["--wrapper", "gdb --args", "--jobs", "4"]).unwrap_err().contains("contradicts --wrapper"));
        assert!(resolved(&["--seed", "16", "--shuffle-seed", "0x10"]).is_ok(), "the same value in two spellings");
    }

    #[test]
    fn services_are_not_kept_in_ci_and_not_for_searches() {
        let keep = |arguments: &[&str], variables: &[(&str, &str)]| {
            let line = CommandLine::parse(["itest"].iter().chain(arguments).map(OsString::from).collect()).unwrap();
            let resolved = resolve(&line, &Environment::of(variables), Path::new("/nowhere"));
            resolved.map(|resolved| resolved.config.session.keep_services).map_err(|error| error.to_string())
        };
        let ten_minutes = Some(Duration::from_mins(10));
        assert_eq!(keep(&[], &[]), Ok(None));
        assert_eq!(keep(&["--keep-services", "10m"], &[("CI", "false")]), Ok(ten_minutes));
        assert_eq!(keep(&[], &[("ITEST_KEEP_SERVICES", "10m")]), Ok(ten_minutes));
        assert_eq!(keep(&["--detect"], &[("ITEST_KEEP_SERVICES", "10m")]), Ok(None));
        let error = keep(&[], &[("ITEST_KEEP_SERVICES", "10m"), ("CI", "true")]).unwrap_err();
        assert!(error.starts_with("ITEST_KEEP_SERVICES=10m: services are not kept in CI"), "{error}");
        assert_eq!(keep(&["--keep-services", "0s"], &[("ITEST_KEEP_SERVICES", "10m"), ("CI", "true")]), Ok(None));
    }

    #[test]
    fn empty_profile_flag_resets_the_profile_variable() {
        let line = CommandLine::parse(["itest", "--profile="].map(OsString::from).to_vec()).unwrap();
        let environment = Environment::of(&[("ITEST_PROFILE", "nightly")]);
        assert_eq!(resolve(&line, &environment, Path::new("/nowhere")).unwrap().profile, "default");
    }

    #[test]
    fn error_about_a_value_names_its_flag() {
        assert_eq!(resolved(&["--jobs", "0"]).unwrap_err(), "--jobs 0: expected a whole number from 1");
        assert!(resolved(&["--seed=-3"]).unwrap_err().starts_with("--seed -3: "));
    }
}
