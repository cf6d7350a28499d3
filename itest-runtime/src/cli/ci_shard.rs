//! Which part of the suite is this process's, as a CI system's variables say.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::num::NonZeroU32;

use super::environment::Environment;
use super::outlet::complain;
use crate::model::{RunConfig, Shard, Sharding, UsageError};

/// The variables of a system that say which of several parts a job is.
struct System {
    name: &'static str,
    index: &'static str,
    total: &'static str,
    /// The number of the first part.
    first: u32,
}

const SYSTEMS: [System; 3] = [
    System { name: "Bazel", index: "TEST_SHARD_INDEX", total: "TEST_TOTAL_SHARDS", first: 0 },
    System { name: "GitLab", index: "CI_NODE_INDEX", total: "CI_NODE_TOTAL", first: 1 },
    System { name: "CircleCI", index: "CIRCLE_NODE_INDEX", total: "CIRCLE_NODE_TOTAL", first: 0 },
];

/// An indexed job of Kubernetes knows its number, counted from 0, and not how many there are.
const KUBERNETES: &str = "JOB_COMPLETION_INDEX";

/// Bazel wants to see this file touched by whoever understands its parts.
const STATUS_FILE: &str = "TEST_SHARD_STATUS_FILE";

/// What to do about variables that make no sense.
const WAY_OUT: &str = "--shard I/N says it instead, --shard none runs everything";

/// Fills in what the settings leave to the surroundings.
///
/// # Errors
///
/// Variables of which a half is missing, or that contradict each other or the settings.
pub(super) fn adapt(
    config: &mut RunConfig,
    sources: &mut HashMap<&'static str, String>,
    environment: &Environment,
) -> Result<(), UsageError> {
    let (shard, source) = match (config.shard, sources.get("shard")) {
        // cargo-nextest has parts of its own.
        _ if environment.nextest_run().is_some() => {
            config.shard = Sharding::Whole;
            return Ok(());
        }
        (Sharding::Auto(count), place) => {
            let place = place.map_or("", String::as_str);
            let (shard, source) = numbered(count, place, environment)?;
            (shard, format!("{place}, {source}"))
        }
        (Sharding::Whole, None) => match told(environment)? {
            Some(told) => told,
            None => return Ok(()),
        },
        (Sharding::Whole | Sharding::Part(_), _) => return Ok(()),
    };
    config.shard = Sharding::Part(shard);
    sources.insert("shard", source);
    Ok(())
}

/// Tells Bazel that its parts are understood.
pub(super) fn acknowledge(environment: &Environment) {
    let Some(path) = environment.find(STATUS_FILE) else { return };
    if let Err(error) = OpenOptions::new().create(true).append(true).open(path) {
        complain(&format!("warning: {STATUS_FILE}={path} cannot be touched: {error}"));
    }
}

/// The part that the variables name, if there is more than one.
fn told(environment: &Environment) -> Result<Option<(Shard, String)>, UsageError> {
    let mut found: Option<(Shard, String)> = None;
    for system in &SYSTEMS {
        let Some((shard, source)) = system.told(environment)? else { continue };
        match &found {
            Some((other, earlier)) if *other != shard => {
                let what = format!("that is part {shard}, but {earlier} is part {other}; {WAY_OUT}");
                return Err(UsageError::new(source, what));
            }
            Some(_) => {}
            None => found = Some((shard, source)),
        }
    }
    Ok(found)
}

/// The part of so many that the variables name.
fn numbered(count: NonZeroU32, place: &str, environment: &Environment) -> Result<(Shard, String), UsageError> {
    if let Some(text) = environment.find(KUBERNETES) {
        let source = format!("{KUBERNETES}={text}");
        let refused = |what: String| UsageError::new(place, format!("{source}: {what}; {KUBERNETES} counts from 0"));
        let index: u32 = text.parse().map_err(|_| refused("expected a whole number".to_owned()))?;
        let shard = Shard::new(index.saturating_add(1), count.get()).map_err(refused)?;
        return Ok((shard, source));
    }
    let Some((shard, source)) = told(environment)? else {
        let names: Vec<_> = SYSTEMS.iter().map(|system| system.index).collect();
        let what = format!("nothing says which part this is: neither {KUBERNETES} nor {} is set", names.join(" nor "));
        return Err(UsageError::new(place, format!("{what}; give --shard I/{count}")));
    };
    if shard.count() != count {
        return Err(UsageError::new(place, format!("contradicts {source}, which is part {shard}")));
    }
    Ok((shard, source))
}

impl System {
    /// The part that this system's variables name. One part of one is none.
    fn told(&self, environment: &Environment) -> Result<Option<(Shard, String)>, UsageError> {
        let &Self { name, index, total, first } = self;
        let (part, count) = match (environment.find(index), environment.find(total)) {
            // GitLab sets the total for every job, and the index only where there is more than one.
            (None, None | Some("1")) => return Ok(None),
            (Some(part), Some(count)) => (part, count),
            (Some(part), None) => return Err(half(&format!("{index}={part}"), total)),
            (None, Some(count)) => return Err(half(&format!("{total}={count}"), index)),
        };
        let source = format!("{index}={part}, {total}={count}");
        let refused =
            |what: String| UsageError::new(&source, format!("{what} ({name} counts from {first}); {WAY_OUT}"));
        let number = |text: &str| text.parse::<u32>().map_err(|_| refused("expected whole numbers".to_owned()));
        let (part, count) = (number(part)?, number(count)?);
        let shard = part.checked_add(1 - first).ok_or_else(|| refused("there is no such part".to_owned()))?;
        let shard = Shard::new(shard, count).map_err(refused)?;
        Ok((count > 1).then_some((shard, source)))
    }
}

fn half(place: &str, missing: &str) -> UsageError {
    UsageError::new(place, format!("names half of a part; {missing} is not set ({WAY_OUT})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::defaults::base;

    fn adapted(setting: Option<&str>, variables: &[(&str, &str)]) -> Result<String, String> {
        let environment = Environment::of(variables);
        let mut config = base();
        let mut sources = HashMap::new();
        if let Some(text) = setting {
            config.shard = text.parse().unwrap();
            sources.insert("shard", format!("--shard {text}"));
        }
        adapt(&mut config, &mut sources, &environment).map_err(|error| error.to_string())?;
        let source = sources.get("shard").map_or("default", String::as_str);
        Ok(format!("{} by {source}", config.shard))
    }

    #[test]
    fn each_system_counts_in_its_own_way() {
        let part = |variables: &[(&str, &str)]| adapted(None, variables).unwrap();
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
    fn what_was_asked_for_comes_before_the_variables() {
        let gitlab = [("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3")];
        assert_eq!(adapted(Some("1/2"), &gitlab).unwrap(), "1/2 by --shard 1/2");
        assert_eq!(adapted(Some("none"), &gitlab).unwrap(), "none by --shard none");
        let kubernetes = [("JOB_COMPLETION_INDEX", "7")];
        assert_eq!(adapted(Some("auto/8"), &kubernetes).unwrap(), "8/8 by --shard auto/8, JOB_COMPLETION_INDEX=7");
        assert_eq!(
            adapted(Some("auto/3"), &gitlab).unwrap(),
            "2/3 by --shard auto/3, CI_NODE_INDEX=2, CI_NODE_TOTAL=3"
        );
    }

    #[test]
    fn variables_that_make_no_sense_are_refused_with_a_way_out() {
        let refused = |setting, variables: &[(&str, &str)]| adapted(setting, variables).unwrap_err();
        assert_eq!(
            refused(None, &[("CI_NODE_INDEX", "2")]),
            "CI_NODE_INDEX=2: names half of a part; CI_NODE_TOTAL is not set (--shard I/N says it instead, --shard none runs \
             everything)"
        );
        assert!(refused(None, &[("TEST_TOTAL_SHARDS", "3")]).contains("TEST_SHARD_INDEX is not set"));
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
    fn nextest_has_parts_of_its_own() {
        let nextest = [("NEXTEST", "1"), ("NEXTEST_RUN_ID", "r"), ("NEXTEST_EXECUTION_MODE", "process-per-test")];
        assert!(adapted(Some("1/2"), &nextest).unwrap().starts_with("none"));
        let in_gitlab = [&nextest[..], &[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3")]].concat();
        assert_eq!(adapted(None, &in_gitlab).unwrap(), "none by default");
    }
}
