//! A run as the history has it: less than its record, and comparable with others.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{CaseReport, Facts, Outcome, TestId};
use crate::report::Record;

/// A message is kept up to this length.
const LONGEST_MESSAGE: usize = 500;

/// A run that is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Run {
    /// Which one.
    pub key: Key,
    /// Differs between builds with different tests.
    pub build: String,
    /// The commit, if it is known.
    pub revision: String,
    /// The same in runs of the same code; empty where that is not known.
    pub code: String,
    /// The shard, if it was one.
    pub shard: String,
    /// Everything that is known of the surroundings.
    pub environment: BTreeMap<String, String>,
    /// What was tried, in order.
    pub attempts: Vec<Attempt>,
}

/// What tells runs apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Key {
    /// The package and the test target.
    pub suite: String,
    /// When it began, in milliseconds since 1970.
    pub began_unix_ms: u64,
    /// The process that ran it.
    pub process: String,
    /// Its seed.
    pub seed: String,
}

/// One execution of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The case.
    pub test: TestId,
    /// Counted from 1.
    pub number: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Its length.
    pub elapsed: Duration,
    /// The phase of the failure, or nothing.
    pub phase: String,
    /// The first line of what went wrong, or nothing.
    pub message: String,
}

impl Run {
    /// What the history keeps of a record.
    #[must_use]
    pub(crate) fn of(record: &Record) -> Self {
        let Facts { build, environment, .. } = &record.facts;
        let fact = |name: &str| environment.get(name).map_or_else(String::new, |value| storable(value));
        let revision = fact("commit");
        // On a CI system the commit is the code. On somebody's machine it is what they had when they began to change it, and
        // only the same binary is the same code.
        let code = match (revision.as_str(), environment.get("binary")) {
            ("", _) => String::new(),
            (commit, _) if environment.contains_key("ci_run") => commit.to_owned(),
            (commit, Some(binary)) => format!("{commit} {binary}"),
            (_, None) => String::new(),
        };
        Self {
            key: Key::of(record),
            build: storable(build),
            revision,
            code,
            shard: record.facts.shard.as_ref().map_or_else(String::new, |part| part.shard.to_string()),
            environment: environment.clone(),
            attempts: record.attempts().into_iter().map(Attempt::of).collect(),
        }
    }
}

impl Key {
    /// What tells a record's run apart; the beginning of a record is enough.
    #[must_use]
    pub(crate) fn of(record: &Record) -> Self {
        let Facts { suite, began_unix_ms, environment, .. } = &record.facts;
        Self {
            suite: storable(suite),
            began_unix_ms: *began_unix_ms,
            process: environment.get("process").map_or_else(String::new, |process| storable(process)),
            seed: record.seed.to_string(),
        }
    }
}

impl Attempt {
    fn of(case: &CaseReport) -> Self {
        let failure = case.report.failures.first().filter(|_| !case.report.outcome.is_success());
        let message = failure.and_then(|failure| failure.problem.message.lines().find(|line| !line.trim().is_empty()));
        Self {
            test: case.id.clone(),
            number: case.attempts,
            outcome: case.report.outcome,
            elapsed: case.elapsed,
            phase: failure.map_or_else(String::new, |failure| failure.phase.name().to_owned()),
            message: storable(message.unwrap_or_default()).chars().take(LONGEST_MESSAGE).collect(),
        }
    }

    /// Whether the test passed or failed; nothing, if that was not found out.
    #[must_use]
    pub(crate) fn has_passed(&self) -> Option<bool> {
        match self.outcome {
            Outcome::Passed | Outcome::Flaky => Some(true),
            Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => Some(false),
            Outcome::Skipped | Outcome::Interrupted => None,
        }
    }
}

/// A text that every database takes: PostgreSQL refuses one with a zero in it.
fn storable(text: &str) -> String {
    text.replace('\0', "")
}

/// The outcomes and their words in the database.
pub(super) const OUTCOMES: [(Outcome, &str); 8] = [
    (Outcome::Passed, "passed"),
    (Outcome::Flaky, "flaky"),
    (Outcome::Failed, "failed"),
    (Outcome::Errored, "errored"),
    (Outcome::TimedOut, "timed_out"),
    (Outcome::Crashed, "crashed"),
    (Outcome::Skipped, "skipped"),
    (Outcome::Interrupted, "interrupted"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn record(environment: &[(&str, &str)]) -> Record {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Record { facts: Facts { environment: environment.collect(), ..Facts::default() }, ..Record::default() }
    }

    #[test]
    fn the_same_code_is_a_commit_on_ci_and_a_binary_elsewhere() {
        let code = |environment: &[(&str, &str)]| Run::of(&record(environment)).code;
        assert_eq!(code(&[("commit", "abc"), ("ci_run", "7"), ("binary", "1-2")]), "abc");
        assert_eq!(code(&[("commit", "abc"), ("binary", "1-2")]), "abc 1-2");
        assert_eq!(code(&[("commit", "abc")]), "");
        assert_eq!(code(&[("binary", "1-2")]), "");
    }

    #[test]
    fn every_outcome_has_a_word() {
        let words: std::collections::BTreeSet<_> = OUTCOMES.iter().map(|(_, word)| *word).collect();
        assert_eq!(words.len(), OUTCOMES.len());
    }
}
