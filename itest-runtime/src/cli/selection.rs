//! Which cases a run is about.

use std::collections::BTreeSet;

use super::contract::{CommandLine, Judgement};
use super::settings::closest;
use crate::model::{Case, NoTests, RunConfig, TestId, UsageError};
use crate::plan::TagExpression;

/// The cases, sorted into those that run and the others.
#[derive(Debug)]
pub(super) struct Selected {
    /// To be run.
    pub(super) cases: Vec<Case>,
    /// To be shown as ignored.
    pub(super) ignored: Vec<Case>,
    /// Not part of this run.
    pub(super) filtered_out: Vec<TestId>,
}

/// Applies filters, tags and the tests' own `ignore`.
///
/// # Errors
///
/// A filter that matches nothing, unless that is allowed.
pub(super) fn select(all: Vec<Case>, line: &CommandLine, config: &RunConfig) -> Result<Selected, NothingMatched> {
    let tag = config.selection.tag.as_deref().and_then(|text| TagExpression::parse(text).ok());
    let mut judge = line.judge();
    let is_empty_suite = all.is_empty();
    let unknown_tag = tag.as_ref().and_then(|tag| unknown_tag(tag, &all));
    let mut selected = Selected { cases: Vec::with_capacity(all.len()), ignored: Vec::new(), filtered_out: Vec::new() };
    for case in all {
        let judgement = judge.decide(&case);
        let tagged = tag.as_ref().is_none_or(|tag| tag.matches(case.meta.tags));
        match judgement {
            _ if !tagged || line.only_benchmarks() => selected.filtered_out.push(case.id),
            Judgement::FilteredOut => selected.filtered_out.push(case.id),
            Judgement::Ignored => selected.ignored.push(case),
            Judgement::Runs => selected.cases.push(case),
        }
    }
    if config.no_tests == NoTests::Pass || line.only_benchmarks() {
        return Ok(selected);
    }
    if is_empty_suite {
        return Err(NothingMatched::EmptySuite);
    }
    // With --ignored a filter is measured against the ignored tests alone, as libtest does; none of them is no mistake.
    if line.only_ignored() {
        return Ok(selected);
    }
    if let Some(filter) = judge.unmatched().and_then(|position| config.selection.filters.get(position)) {
        let likely = closest(filter, selected.filtered_out.iter().map(TestId::as_str)).map(str::to_owned);
        return Err(NothingMatched::Filter { filter: filter.clone(), likely, is_exact: line.is_exact() });
    }
    if selected.cases.is_empty() && selected.ignored.is_empty() && !config.selection.is_everything() {
        return Err(unknown_tag.unwrap_or(NothingMatched::Selection));
    }
    Ok(selected)
}

/// A word of a tag expression that no test bears.
fn unknown_tag(tag: &TagExpression, all: &[Case]) -> Option<NothingMatched> {
    let known: BTreeSet<&str> = all.iter().flat_map(|case| case.meta.tags.iter().copied()).collect();
    let unknown = tag.words().into_iter().find(|word| !known.contains(word))?;
    let likely = closest(unknown, known.into_iter()).map(str::to_owned);
    Some(NothingMatched::Tag { tag: unknown.to_owned(), likely })
}

/// Why there is nothing to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NothingMatched {
    /// The binary has no tests.
    EmptySuite,
    /// One filter matches none.
    Filter { filter: String, likely: Option<String>, is_exact: bool },
    /// No test bears this tag.
    Tag { tag: String, likely: Option<String> },
    /// All of them together leave none.
    Selection,
}

impl NothingMatched {
    /// What is told.
    pub(super) fn to_usage_error(&self) -> UsageError {
        match self {
            Self::EmptySuite => UsageError::new(
                "no tests",
                "this binary has no #[integration_test]; is a `mod` line missing in its main.rs? (--no-tests pass allows it)",
            ),
            Self::Filter { filter, likely, is_exact } => {
                let shown: String = filter.chars().take(200).collect();
                let shown = shown.escape_debug();
                let relation = if *is_exact { "is named" } else { "has a name that contains" };
                let hint = match likely {
                    Some(likely) => format!("did you mean `{likely}`?"),
                    None => "--list shows all names".to_owned(),
                };
                UsageError::new(
                    "nothing matched",
                    format!("no test {relation} `{shown}`; {hint} (--no-tests pass allows it)"),
                )
            }
            Self::Tag { tag, likely } => {
                let shown: String = tag.chars().take(200).collect();
                let hint = likely.as_ref().map_or_else(String::new, |likely| format!("; did you mean `{likely}`?"));
                UsageError::new(
                    "nothing matched",
                    format!("no test bears the tag `{}`{hint} (--no-tests pass allows it)", shown.escape_debug()),
                )
            }
            Self::Selection => UsageError::new(
                "nothing matched",
                "no test passes all of the filters, --skip and --tag together (--no-tests pass allows it)",
            ),
        }
    }
}
