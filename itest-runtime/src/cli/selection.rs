//! Which cases a run is about.

use std::collections::BTreeSet;

use super::contract::{CommandLine, Judgement};
use super::values::closest;
use crate::inject::{Candidate, Registry};
use crate::model::{NoTests, RunConfig, UsageError};
use crate::plan::TagExpression;

/// The cases, sorted into those that run and the others.
#[derive(Debug)]
pub(super) struct Selected {
    /// To be run.
    pub(super) cases: Vec<Candidate>,
    /// To be shown as ignored.
    pub(super) ignored: Vec<Candidate>,
    /// Not part of this run.
    pub(super) filtered_out: Vec<Candidate>,
}

/// Applies filters, tags and the tests' own `ignore`.
///
/// # Errors
///
/// A filter that matches nothing, unless that is allowed.
pub(super) fn select(registry: &Registry, line: &CommandLine, config: &RunConfig) -> Result<Selected, NothingMatched> {
    let tag = config.selection.tag.as_deref().and_then(|text| TagExpression::parse(text).ok());
    let mut judge = line.judge();
    let mut selected = Selected { cases: Vec::new(), ignored: Vec::new(), filtered_out: Vec::new() };
    let only_benchmarks = line.only_benchmarks();
    for case in registry.candidates() {
        let judgement = judge.decide(&case.name, case.entry());
        let tagged = tag.as_ref().is_none_or(|tag| tag.matches(case.entry().meta.tags));
        match judgement {
            _ if !tagged || only_benchmarks => selected.filtered_out.push(case),
            Judgement::FilteredOut => selected.filtered_out.push(case),
            Judgement::Ignored => selected.ignored.push(case),
            Judgement::Runs => selected.cases.push(case),
        }
    }
    if config.no_tests == NoTests::Pass || only_benchmarks {
        return Ok(selected);
    }
    if selected.is_empty() && selected.filtered_out.is_empty() {
        return Err(NothingMatched::EmptySuite);
    }
    // With --ignored a filter is measured against the ignored tests alone, as libtest does; none of them is no mistake.
    if line.only_ignored() {
        return Ok(selected);
    }
    if let Some(filter) = judge.unmatched().and_then(|position| config.selection.filters.get(position)) {
        let likely = closest(filter, selected.filtered_out.iter().map(|case| &*case.name)).map(str::to_owned);
        return Err(NothingMatched::Filter { filter: filter.clone(), likely, is_exact: line.is_exact() });
    }
    if selected.is_empty() && !config.selection.is_everything() {
        return Err(tag.and_then(|tag| unknown_tag(&tag, registry)).unwrap_or(NothingMatched::Selection));
    }
    Ok(selected)
}

impl Selected {
    fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.ignored.is_empty()
    }
}

/// A word of a tag expression that no test bears.
fn unknown_tag(tag: &TagExpression, registry: &Registry) -> Option<NothingMatched> {
    let known: BTreeSet<&str> = registry.candidates().flat_map(|case| case.entry().meta.tags.iter().copied()).collect();
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
