//! Which cases a run is about.

use super::contract::CommandLine;
use super::settings::closest;
use crate::inject::Registry;
use crate::model::{Case, NoTests, RunConfig, UsageError};
use crate::plan::TagExpression;

/// The cases, sorted into those that run and the others.
#[derive(Debug)]
pub(super) struct Selected {
    /// To be run.
    pub(super) cases: Vec<Case>,
    /// To be shown as ignored.
    pub(super) ignored: Vec<Case>,
    /// Not part of this run.
    pub(super) filtered_out: usize,
}

/// Applies filters, tags and the tests' own `ignore`.
///
/// # Errors
///
/// A filter that matches nothing, unless that is allowed.
pub(super) fn select(registry: &Registry, line: &CommandLine, config: &RunConfig) -> Result<Selected, NothingMatched> {
    let tag = config.selection.tag.as_deref().and_then(|text| TagExpression::parse(text).ok());
    let judge = line.judge();
    let all = registry.describe();
    let mut unmatched = vec![true; config.selection.filters.len()];
    let mut selected = Selected { cases: Vec::new(), ignored: Vec::new(), filtered_out: 0 };
    let names = all.iter().map(|case| case.id.clone()).collect::<Vec<_>>();
    for case in all {
        let test = registry.get(case.index).map_or_else(String::new, |registered| registered.entry.name().to_owned());
        let mut passes = false;
        for position in judge.matching(&case, &test) {
            passes = true;
            if let Some(unmatched) = unmatched.get_mut(position) {
                *unmatched = false;
            }
        }
        let tagged = tag.as_ref().is_none_or(|tag| tag.matches(case.meta.tags));
        if !passes || !tagged || line.only_benchmarks() {
            selected.filtered_out += 1;
        } else if judge.ignores(&case) {
            selected.ignored.push(case);
        } else {
            selected.cases.push(case);
        }
    }
    if config.no_tests == NoTests::Fail && !line.only_benchmarks() {
        if names.is_empty() {
            return Err(NothingMatched::EmptySuite);
        }
        // With --ignored a filter is measured against the ignored tests alone, as libtest does; none of them is no mistake.
        if let Some(position) = unmatched.iter().position(|unmatched| *unmatched).filter(|_| !line.only_ignored()) {
            let filter = config.selection.filters[position].clone();
            let likely = closest(&filter, names.iter().map(crate::model::TestId::as_str)).map(str::to_owned);
            return Err(NothingMatched::Filter { filter, likely, is_exact: line.is_exact() });
        }
        let is_empty = selected.cases.is_empty() && selected.ignored.is_empty();
        if is_empty && !config.selection.is_everything() && !line.only_ignored() {
            return Err(NothingMatched::Selection);
        }
    }
    Ok(selected)
}

/// Why there is nothing to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NothingMatched {
    /// The binary has no tests.
    EmptySuite,
    /// One filter matches none.
    Filter { filter: String, likely: Option<String>, is_exact: bool },
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
            Self::Selection => UsageError::new(
                "nothing matched",
                "no test passes all of the filters, --skip and --tag together (--no-tests pass allows it)",
            ),
        }
    }
}
