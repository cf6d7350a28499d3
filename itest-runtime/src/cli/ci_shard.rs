//! Determines the shard that this process runs from the variables of a CI system.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::num::NonZeroU32;

use super::environment::Environment;
use super::output::print_to_stderr;
use crate::model::{RunConfig, Shard, Sharding, UsageError};

/// The variables that a CI system sets for each of several parallel jobs.
struct CiSystem {
    name: &'static str,
    /// The variable with the index of the job.
    index: &'static str,
    /// The variable with the number of jobs.
    total: &'static str,
    /// The index of the first job.
    first: u32,
}

const SYSTEMS: [CiSystem; 3] = [
    CiSystem { name: "Bazel", index: "TEST_SHARD_INDEX", total: "TEST_TOTAL_SHARDS", first: 0 },
    CiSystem { name: "GitLab", index: "CI_NODE_INDEX", total: "CI_NODE_TOTAL", first: 1 },
    CiSystem { name: "CircleCI", index: "CIRCLE_NODE_INDEX", total: "CIRCLE_NODE_TOTAL", first: 0 },
];

/// The variable of an indexed Kubernetes job: its index, counted from 0. Kubernetes does not tell the number of jobs.
const KUBERNETES: &str = "JOB_COMPLETION_INDEX";

/// The variable of Bazel that names a file. A test runner that supports sharding must touch this file.
const STATUS_FILE: &str = "TEST_SHARD_STATUS_FILE";

/// The advice in errors about inconsistent variables.
const ADVICE: &str = "give --shard I/N instead, or --shard none to run everything";

/// Replaces `auto/N` in the configuration by a shard, and sets the shard that a CI system names if the user did not choose one.
///
/// # Errors
///
/// When a variable is missing, or variables contradict each other or the settings.
pub(super) fn resolve_shard(
    config: &mut RunConfig,
    sources: &mut HashMap<&'static str, String>,
    environment: &Environment,
) -> Result<(), UsageError> {
    let (shard, source) = match (config.shard, sources.get("shard")) {
        // cargo-nextest splits the suite itself.
        _ if environment.nextest_run().is_some() => {
            config.shard = Sharding::Whole;
            return Ok(());
        }
        (Sharding::Auto(count), place) => {
            let place = place.map_or("", String::as_str);
            let (shard, source) = shard_of_total(count, place, environment)?;
            (shard, format!("{place}, {source}"))
        }
        (Sharding::Whole, None) => match shard_from_variables(environment)? {
            Some(shard) => shard,
            None => return Ok(()),
        },
        (Sharding::Whole | Sharding::Part(_), _) => return Ok(()),
    };
    config.shard = Sharding::Part(shard);
    sources.insert("shard", source);
    Ok(())
}

/// Touches Bazel's status file, which tells Bazel that this suite supports sharding.
pub(super) fn touch_status_file(environment: &Environment) {
    let Some(path) = environment.find(STATUS_FILE) else { return };
    if let Err(error) = OpenOptions::new().create(true).append(true).open(path) {
        print_to_stderr(&format!("warning: {STATUS_FILE}={path} cannot be touched: {error}"));
    }
}

/// The shard that the variables of a CI system name, and these variables. None if there is only one shard.
fn shard_from_variables(environment: &Environment) -> Result<Option<(Shard, String)>, UsageError> {
    let mut result: Option<(Shard, String)> = None;
    for system in &SYSTEMS {
        let Some((shard, source)) = system.shard(environment)? else { continue };
        match &result {
            Some((other, earlier)) if *other != shard => {
                let what = format!("that is part {shard}, but {earlier} is part {other}; {ADVICE}");
                return Err(UsageError::new(source, what));
            }
            Some(_) => {}
            None => result = Some((shard, source)),
        }
    }
    Ok(result)
}

/// The shard that the variables name, out of `count` shards.
fn shard_of_total(count: NonZeroU32, place: &str, environment: &Environment) -> Result<(Shard, String), UsageError> {
    if let Some(text) = environment.find(KUBERNETES) {
        let source = format!("{KUBERNETES}={text}");
        let refused = |what: String| UsageError::new(place, format!("{source}: {what}; {KUBERNETES} counts from 0"));
        let index: u32 = text.parse().map_err(|_| refused("expected a whole number".to_owned()))?;
        let shard = Shard::new(index.saturating_add(1), count.get()).map_err(refused)?;
        return Ok((shard, source));
    }
    let Some((shard, source)) = shard_from_variables(environment)? else {
        let names: Vec<_> = SYSTEMS.iter().map(|system| system.index).collect();
        let what = format!("nothing says which part this is: neither {KUBERNETES} nor {} is set", names.join(" nor "));
        return Err(UsageError::new(place, format!("{what}; give --shard I/{count}")));
    };
    if shard.count() != count {
        return Err(UsageError::new(place, format!("contradicts {source}, which is part {shard}")));
    }
    Ok((shard, source))
}

impl CiSystem {
    /// The shard that the variables of this system name. None if there is only one shard.
    fn shard(&self, environment: &Environment) -> Result<Option<(Shard, String)>, UsageError> {
        let &Self { name, index, total, first } = self;
        let (part, count) = match (environment.find(index), environment.find(total)) {
            // GitLab sets the total for every job, but the index only if there are several jobs.
            (None, None | Some("1")) => return Ok(None),
            (Some(part), Some(count)) => (part, count),
            (Some(part), None) => return Err(incomplete(&format!("{index}={part}"), total)),
            (None, Some(count)) => return Err(incomplete(&format!("{total}={count}"), index)),
        };
        let source = format!("{index}={part}, {total}={count}");
        let refused = |what: String| UsageError::new(&source, format!("{what} ({name} counts from {first}); {ADVICE}"));
        let number = |text: &str| text.parse::<u32>().map_err(|_| refused("expected whole numbers".to_owned()));
        let (part, count) = (number(part)?, number(count)?);
        let shard = part.checked_add(1 - first).ok_or_else(|| refused("there is no such part".to_owned()))?;
        let shard = Shard::new(shard, count).map_err(refused)?;
        Ok((count > 1).then_some((shard, source)))
    }
}

fn incomplete(place: &str, missing: &str) -> UsageError {
    UsageError::new(place, format!("needs {missing}, which is not set ({ADVICE})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::defaults::base;

    fn resolved(setting: Option<&str>, variables: &[(&str, &str)]) -> Result<String, String> {
        let environment = Environment::of(variables);
        let mut config = base();
        let mut sources = HashMap::new();
        if let Some(text) = setting {
            config.shard = text.parse().unwrap();
            sources.insert("shard", format!("--shard {text}"));
        }
        resolve_shard(&mut config, &mut sources, &environment).map_err(|error| error.to_string())?;
        let source = sources.get("shard").map_or("default", String::as_str);
        Ok(format!("{} by {source}", config.shard))
    }

    #[test]
    fn shard_is_read_from_the_variables_of_each_ci_system() {
        let part = |variables: &[(&str, &str)]| resolved(None, variables).unwrap();
        assert_eq!(part(&[]), "none by default");
        let bazel = [("TEST_SHARD_INDEX", "0"), ("TEST_TOTAL_SHARDS", "3")];
        assert_eq!(part(&bazel), "1/3 by TEST_SHARD_INDEX=0, TEST_TOTAL_SHARDS=3");
        assert_eq!(part(&[("CI_NODE_INDEX", "3"), ("CI_NODE_TOTAL", "3")]), "3/3 by CI_NODE_INDEX=3, CI_NODE_TOTAL=3");
        let circle = [("CIRCLE_NODE_INDEX", "1"), ("CIRCLE_NODE_TOTAL", "4")];
        assert_eq!(part(&circle), "2/4 by CIRCLE_NODE_INDEX=1, CIRCLE_NODE_TOTAL=4");
        assert_eq!(part(&[("CI_NODE_TOTAL", "1")]), "none by default", "a job of GitLab that is not parallel");
        assert_eq!(part(&[("CIRCLE_NODE_INDEX", "0"), ("CIRCLE_NODE_TOTAL", "1")]), "none by default");
        assert_eq!(part(&[("JOB_COMPLETION_INDEX", "4")]), "none by default");
    }

    #[test]
    fn shard_setting_has_priority_over_ci_variables() {
        let gitlab = [("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3")];
        assert_eq!(resolved(Some("1/2"), &gitlab).unwrap(), "1/2 by --shard 1/2");
        assert_eq!(resolved(Some("none"), &gitlab).unwrap(), "none by --shard none");
        let kubernetes = [("JOB_COMPLETION_INDEX", "7")];
        assert_eq!(resolved(Some("auto/8"), &kubernetes).unwrap(), "8/8 by --shard auto/8, JOB_COMPLETION_INDEX=7");
        assert_eq!(
            resolved(Some("auto/3"), &gitlab).unwrap(),
            "2/3 by --shard auto/3, CI_NODE_INDEX=2, CI_NODE_TOTAL=3"
        );
    }

    #[test]
    fn inconsistent_ci_variables_are_refused_with_advice() {
        let refused = |setting, variables: &[(&str, &str)]| resolved(setting, variables).unwrap_err();
        assert_eq!(
            refused(None, &[("CI_NODE_INDEX", "2")]),
            "CI_NODE_INDEX=2: needs CI_NODE_TOTAL, which is not set (give --shard I/N instead, or --shard none to run \
             everything)"
        );
        assert!(refused(None, &[("TEST_TOTAL_SHARDS", "3")]).contains("needs TEST_SHARD_INDEX"));
        let one_too_many = [("CIRCLE_NODE_INDEX", "4"), ("CIRCLE_NODE_TOTAL", "4")];
        assert!(
            refused(None, &one_too_many)
                .contains("no part 5 of 4; parts are counted from 1 to 4 (CircleCI counts from 0)")
        );
        assert!(refused(None, &[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "4")]).contains("GitLab counts from 1"));
        assert!(refused(None, &[("CI_NODE_INDEX", "x"), ("CI_NODE_TOTAL", "4")]).contains("expected whole numbers"));
        let two = [one_too_many[1], ("CIRCLE_NODE_INDEX", "1"), ("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "3")];
        assert!(refused(None, &two).contains("that is part 2/4, but CI_NODE_INDEX=1, CI_NODE_TOTAL=3 is part 1/3"));
        assert!(refused(Some("auto/8"), &[]).contains("give --shard I/8"));
        assert!(refused(Some("auto/8"), &[("JOB_COMPLETION_INDEX", "8")]).contains("there is no part 9 of 8"));
        assert!(refused(Some("auto/8"), &two[2..]).contains("contradicts CI_NODE_INDEX=1"));
    }

    #[test]
    fn shard_is_ignored_under_nextest() {
        let nextest = [("NEXTEST", "1"), ("NEXTEST_RUN_ID", "r"), ("NEXTEST_EXECUTION_MODE", "process-per-test")];
        assert!(resolved(Some("1/2"), &nextest).unwrap().starts_with("none"));
        let in_gitlab = [&nextest[..], &[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3")]].concat();
        assert_eq!(resolved(None, &in_gitlab).unwrap(), "none by default");
    }
}
