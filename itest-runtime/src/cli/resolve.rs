//! The layers of settings become one configuration: command line over environment over file over default.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use super::ci_shard;
use super::contract::CommandLine;
use super::defaults::base;
use super::environment::Environment;
use super::file::Profiles;
use super::settings::Setting;
use crate::model::{
    Annotations, Capture, Failed, Isolation, Limits, NextestRun, Repeats, RunConfig, Seed, UsageError, concealed, mix,
};
use crate::process::debugger_attached;

/// A configuration and where each of its values comes from.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) config: RunConfig,
    /// The place of each setting that is not at its default.
    pub(super) sources: HashMap<&'static str, String>,
    pub(super) profile: String,
}

/// Puts the layers on top of each other.
///
/// # Errors
///
/// The first value that means nothing, or two that contradict each other.
pub(super) fn resolve(line: &CommandLine, environment: &Environment, folder: &Path) -> Result<Resolved, UsageError> {
    let named = line.asked.config.as_deref().or_else(|| environment.find("ITEST_CONFIG"));
    let profiles = Profiles::find(named, folder)?;
    let (profile, asked_by) = profile(line, environment, &profiles);

    let mut config = base();
    let mut sources = HashMap::new();
    let mut apply = |key: &'static str, place: String, text: &str| {
        let Some(setting) = Setting::find(key) else { return Ok(()) };
        let place = concealed(&place);
        (setting.set)(&mut config, text).map_err(|what| UsageError::new(place.clone(), what))?;
        sources.insert(key, place);
        Ok(())
    };
    for found in profiles.lines(&profile, &asked_by)? {
        apply(found.key, found.place, &found.text)?;
    }
    for (key, name, value) in environment.settings() {
        apply(key, format!("{name}={value}"), &value)?;
    }
    refuse_contradictions(&line.settings)?;
    for (key, flag, text) in &line.settings {
        apply(key, flag.clone(), text)?;
    }
    config.quarantine_entries = profiles.quarantine;
    config.selection.filters.clone_from(&line.filters);
    config.selection.skips = line.skips().to_vec();

    ci_shard::adapt(&mut config, &mut sources, environment)?;
    // Who only lists runs nothing.
    if !line.lists() || line.asked.print_config {
        adapt(&mut config, &mut sources, environment);
    }
    Ok(Resolved { config, sources, profile })
}

fn profile(line: &CommandLine, environment: &Environment, profiles: &Profiles) -> (String, String) {
    if let Some(name) = &line.asked.profile {
        return (name.clone(), format!("--profile {name}"));
    }
    if let Some(name) = environment.find("ITEST_PROFILE") {
        return (name.to_owned(), format!("ITEST_PROFILE={name}"));
    }
    let name = if environment.is_on("CI") && profiles.has("ci") { "ci" } else { "default" };
    (name.to_owned(), "the profile".to_owned())
}

/// One setting under two names, with two values.
fn refuse_contradictions(given: &[(&'static str, String, String)]) -> Result<(), UsageError> {
    let mut first: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for (key, flag, text) in given {
        let (earlier, value) = *first.entry(key).or_insert((flag, text));
        if value != text {
            let what = format!("contradicts {}; give one of them", concealed(earlier));
            return Err(UsageError::new(concealed(flag), what));
        }
    }
    let in_process = first.get("in-process").is_some_and(|(_, text)| *text == "true");
    if let Some((flag, text)) = first.get("jobs").filter(|_| in_process)
        && *text != "1"
    {
        return Err(UsageError::new(
            *flag,
            "contradicts --in-process, which runs one test at a time; give one of them",
        ));
    }
    if let Some((flag, text)) = first.get("keep-failed").filter(|_| in_process)
        && *text == "true"
    {
        let what = "contradicts --in-process: what a test has taken outlives it only in a process of its own";
        return Err(UsageError::new(*flag, what));
    }
    Ok(())
}

/// What follows from who runs this process.
fn adapt(config: &mut RunConfig, sources: &mut HashMap<&'static str, String>, environment: &Environment) {
    let processors = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    if let Some(run) = environment.nextest_run() {
        config.session.nextest = Some(NextestRun {
            id: run.to_owned(),
            mark: environment.nextest_mark(),
            attempt: environment.nextest_attempt(),
            jobs: environment.nextest_jobs().unwrap_or_else(processors),
        });
        // cargo-nextest starts one process for each test: order, retries and parallelism are its business, and it captures.
        config.isolation = Isolation::InProcess;
        config.retries = 0;
        config.fail_fast = None;
        config.repeats = Repeats::default();
        // It writes a report of its own; those of its processes would overwrite each other.
        config.junit = None;
        config.ctrf = None;
        config.annotations = Annotations::Nothing;
        if !sources.contains_key("seed") {
            config.seed = Seed(mix(Seed(0), run) % 10_000_000_000);
            sources.insert("seed", "NEXTEST_RUN_ID".to_owned());
        }
        sources.insert("in-process", "cargo-nextest".to_owned());
    } else if debugger_attached() {
        // Somebody stands at a breakpoint: nothing is timed out under their hands.
        config.isolation = Isolation::InProcess;
        let unlimited = Duration::from_hours(365 * 24);
        config.limits = Limits { setup: unlimited, test: unlimited, teardown: unlimited };
        sources.insert("in-process", "a debugger is attached".to_owned());
    }
    if config.isolation == Isolation::InProcess {
        config.jobs = NonZeroUsize::MIN;
        // What a test has taken can only outlive it in a process of its own.
        config.failed = Failed::GiveBack;
        config.capture = Capture::Inherited;
    } else if !sources.contains_key("jobs") {
        config.jobs = processors();
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn resolved(arguments: &[&str]) -> Result<RunConfig, String> {
        let arguments = ["itest"].iter().chain(arguments).map(OsString::from).collect();
        let line = CommandLine::parse(arguments).unwrap();
        resolve(&line, &Environment::default(), Path::new("/nowhere"))
            .map(|resolved| resolved.config)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn one_setting_under_two_names_must_have_one_value() {
        assert!(resolved(&["--jobs", "2", "--test-threads", "2"]).is_ok());
        assert_eq!(
            resolved(&["--jobs", "2", "--test-threads", "3"]).unwrap_err(),
            "--test-threads 3: contradicts --jobs 2; give one of them"
        );
        assert!(resolved(&["--seed", "1", "--shuffle-seed", "2"]).is_err());
        assert!(resolved(&["--shuffle", "--order", "declared"]).is_err());
        assert!(resolved(&["--in-process", "--jobs", "4"]).unwrap_err().contains("--in-process"));
    }

    #[test]
    fn a_bad_value_is_told_with_its_flag() {
        assert_eq!(resolved(&["--jobs", "0"]).unwrap_err(), "--jobs 0: expected a whole number from 1");
        assert!(resolved(&["--seed=-3"]).unwrap_err().starts_with("--seed -3: "));
    }
}
