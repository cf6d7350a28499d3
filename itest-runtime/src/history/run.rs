//! A run as the history stores it: a part of its record.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{CaseReport, Facts, Outcome, TestId};
use crate::report::Record;

/// The longest stored message, in characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// A run in the history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Run {
    /// The key that identifies the run.
    pub key: Key,
    /// An identifier of the build. It differs between builds with different tests.
    pub build: String,
    /// The commit, or an empty text if it is not known.
    pub revision: String,
    /// An identifier of the code under test: equal in runs of the same code, and empty if the code is not known.
    pub code: String,
    /// The shard, or an empty text for a whole run.
    pub shard: String,
    /// The environment of the run: operating system, CI run, process and others, by name.
    pub environment: BTreeMap<String, String>,
    /// The attempts, in the order in which they started.
    pub attempts: Vec<Attempt>,
}

/// The properties that identify a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Key {
    /// The package and the test target.
    pub suite: String,
    /// When the run began, in milliseconds since 1970.
    pub began_unix_ms: u64,
    /// The id of the supervisor's process.
    pub process: String,
    /// The seed of the run.
    pub seed: String,
}

/// One execution of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The name of the case.
    pub test: TestId,
    /// The number of the attempt, counted from 1.
    pub number: u32,
    /// The outcome of the attempt.
    pub outcome: Outcome,
    /// The duration of the attempt.
    pub elapsed: Duration,
    /// The phase of the first failure, or an empty text.
    pub phase: String,
    /// The first line of the failure's message, or an empty text.
    pub message: String,
}

impl Run {
    /// Extracts the data that the history stores from a record.
    #[must_use]
    pub(crate) fn of(record: &Record) -> Self {
        let Facts { build, environment, .. } = &record.facts;
        let fact = |name: &str| environment.get(name).map_or_else(String::new, |value| without_nul(value));
        let revision = fact("commit");
        // On a CI system the commit identifies the code. On a developer's machine the files may differ from the commit,
        // so only the same binary counts as the same code.
        let code = match (revision.as_str(), environment.get("binary")) {
            ("", _) => String::new(),
            (commit, _) if environment.contains_key("ci_run") => commit.to_owned(),
            (commit, Some(binary)) => format!("{commit} {binary}"),
            (_, None) => String::new(),
        };
        Self {
            key: Key::of(record),
            build: without_nul(build),
            revision,
            code,
            shard: record.facts.shard.as_ref().map_or_else(String::new, |part| part.shard.to_string()),
            environment: environment.clone(),
            attempts: record.attempts().into_iter().map(Attempt::of).collect(),
        }
    }
}

impl Key {
    /// The key of the record's run. The beginning of a record is enough to compute it.
    #[must_use]
    pub(crate) fn of(record: &Record) -> Self {
        let Facts { suite, began_unix_ms, environment, .. } = &record.facts;
        Self {
            suite: without_nul(suite),
            began_unix_ms: *began_unix_ms,
            process: environment.get("process").map_or_else(String::new, |process| without_nul(process)),
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
            message: without_nul(message.unwrap_or_default()).chars().take(MAX_MESSAGE_CHARS).collect(),
        }
    }

    /// Whether the test passed; `None` if the attempt shows neither a pass nor a failure.
    #[must_use]
    pub(crate) fn has_passed(&self) -> Option<bool> {
        match self.outcome {
            Outcome::Passed | Outcome::Flaky => Some(true),
            Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => Some(false),
            Outcome::Skipped | Outcome::Interrupted => None,
        }
    }
}

/// Removes NUL characters from a text, because PostgreSQL does not accept them.
fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}

/// The outcomes and their names in the database.
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
    fn code_is_the_commit_on_ci_and_the_binary_elsewhere() {
        let code = |environment: &[(&str, &str)]| Run::of(&record(environment)).code;
        assert_eq!(code(&[("commit", "abc"), ("ci_run", "7"), ("binary", "1-2")]), "abc");
        assert_eq!(code(&[("commit", "abc"), ("binary", "1-2")]), "abc 1-2");
        assert_eq!(code(&[("commit", "abc")]), "");
        assert_eq!(code(&[("binary", "1-2")]), "");
    }

    #[test]
    fn every_outcome_has_its_own_word() {
        let words: std::collections::BTreeSet<_> = OUTCOMES.iter().map(|(_, word)| *word).collect();
        assert_eq!(words.len(), OUTCOMES.len());
    }
}
