//! The problems that a check of migrations reports.

use std::fmt;

use thiserror::Error;

use super::schema::Difference;
use super::step::Step;

/// The error of a check: all problems, each with the responsible migration.
#[derive(Debug)]
pub struct MigrationError {
    problems: Vec<Problem>,
}

impl MigrationError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }
}

impl std::error::Error for MigrationError {}

impl fmt::Display for MigrationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [problem] = self.problems.as_slice() {
            return problem.fmt(formatter);
        }
        write!(formatter, "{} problems with the migrations:", self.problems.len())?;
        self.problems
            .iter()
            .enumerate()
            .try_for_each(|(number, problem)| write!(formatter, "\n{}. {problem}", number + 1))
    }
}

/// The part of the check in which a migration failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Round {
    First,
    /// After all migrations were undone.
    Again,
    /// With the rows of an example.
    Example(String),
    /// On a database with the released migrations.
    Upgrade,
}

impl fmt::Display for Round {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => Ok(()),
            Self::Again => formatter.write_str(", after everything was undone"),
            Self::Example(name) => write!(formatter, ", with the rows of the example `{name}`"),
            Self::Upgrade => formatter.write_str(", on a database of the released migrations"),
        }
    }
}

/// The legend for the signs at the beginning of a difference's lines.
const SIGNS: &str = "- expected, + found";

/// One problem.
#[derive(Debug, Error)]
pub(super) enum Problem {
    #[error("{} fails{round}: {message}{}", .step.at(*.line), .statement.as_ref().map_or_else(String::new, |text| format!("\n  in: {text}")))]
    Failed { step: Step, round: Round, message: String, line: Option<usize>, statement: Option<String> },
    #[error("{} does not take back what its up did ({SIGNS}):{difference}", .step.at(None))]
    NotUndone { step: Step, difference: Difference },
    #[error("{} gives another schema{round} ({SIGNS}):{difference}", .step.at(None))]
    NotRepeated { step: Step, round: Round, difference: Difference },
    #[error("{} has no down file, and this check requires one", .0.at(None))]
    NoDown(Step),
    #[error("a second run with nothing to do changed the schema ({SIGNS}):{0}")]
    NotIdempotent(Difference),
    #[error("a second run with nothing to do fails: {0}")]
    SecondRun(String),
    #[error("example `{example}`: {} leaves {remaining} of {expected} rows in table {table}; if it should, say `.may_lose_rows({})`", .step.at(None), .step.version)]
    RowsLost { example: String, step: Step, table: String, expected: u64, remaining: u64 },
    #[error("example `{example}`: after {}, `{query}` gives ({SIGNS}):{difference}", .step.at(None))]
    Unexpected { example: String, step: Step, query: String, difference: String },
    #[error("example `{example}`: {action} fails: {message}")]
    BadExample { example: String, action: String, message: String },
    #[error("example `{example}` names migration {version}, which is not there; there are {}", listed(.versions))]
    NoVersion { example: String, version: i64, versions: Vec<i64> },
    #[error("example `{example}` expects something after migration {version} was undone, but {} has no down file", .blocking.at(None))]
    NeverUndone { example: String, version: i64, blocking: Step },
    #[error("{} was edited after its release, and databases that have it will refuse to migrate; take the edit back and write a new migration{}", .step.at(None), .difference.as_ref().map_or_else(String::new, |difference| format!(" (- released, + edited):{difference}")))]
    Edited { step: Step, difference: Option<Difference> },
    #[error("{0} was released and is not there any more; databases that have it will refuse to migrate")]
    Removed(Step),
    #[error("{file} and the migrations make different schemas (- {file}, + migrations){}:{difference}", .first.as_ref().map_or_else(|| ", and no migration has to do with it".to_owned(), |step| format!("; first at fault is {}", step.at(None))))]
    Drift { file: String, first: Option<Step>, difference: Difference },
    #[error("{0}")]
    Other(String),
}

fn listed(versions: &[i64]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
