//! Which cases a run is about.

use std::collections::BTreeSet;

use super::contract::{CommandLine, Judgement};
use super::values::closest;
use crate::inject::{Candidate, Registry};
use crate::model::{RunConfig, UsageError};
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

/// Applies filters, tags and the tests' own `ignore`, and says what matches nothing, if there is such a thing.
pub(super) fn select(
    registry: &Registry,
    line: &CommandLine,
    config: &RunConfig,
) -> (Selected, Option<NothingMatched>) {
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
    if only_benchmarks {
        return (selected, None);
    }
    if selected.is_empty() && selected.filtered_out.is_empty() {
        return (selected, Some(NothingMatched::EmptySuite));
    }
    // With --ignored a filter is measured against the ignored tests alone, as libtest does; none of them is no mistake.
    if line.only_ignored() {
        return (selected, None);
    }
    if let Some(filter) = judge.unmatched().and_then(|position| config.selection.filters.get(position)) {
        let likely = closest(filter, selected.filtered_out.iter().map(|case| &*case.name)).map(str::to_owned);
        let unmatched = NothingMatched::Filter { filter: filter.clone(), likely, is_exact: line.is_exact() };
        return (selected, Some(unmatched));
    }
    if selected.is_empty() && !config.selection.is_everything() {
        let unmatched = tag.and_then(|tag| unknown_tag(&tag, registry)).unwrap_or(NothingMatched::Selection);
        return (selected, Some(unmatched));
    }
    (selected, None)
}

impl Selected {
    fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.ignored.is_empty()
    }
}

/// A word of a tag expression that no test bears.
fn unknown_tag(tag: &TagExpression, registry: &Registry) -> Option<NothingMatched> {
    let known: BTreeSet<&str> = registry.candidates().flat_map(|case| case.entry().meta.tags.iter().copied()).collect();
    let unknown = tag.tags().into_iter().find(|word| !known.contains(word))?;
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
    /// None of those that they leave failed when it last ran.
    LastFailed,
    /// No recorded run has a test of such a name.
    #[cfg_attr(not(feature = "history"), expect(dead_code, reason = "only the history looks at recorded runs"))]
    History,
}

impl NothingMatched {
    /// What is told where another suite may have what was asked for.
    pub(super) fn to_notice(&self) -> String {
        let what = match self {
            Self::Filter { filter, .. } => format!(" `{}`", shortened(filter)),
            Self::Tag { tag, .. } => format!(" the tag `{}`", shortened(tag)),
            Self::EmptySuite | Self::Selection | Self::LastFailed | Self::History => String::new(),
        };
        format!(
            "no test of this suite matches{what}; another suite of this `cargo test` may have it; `--no-tests fail` makes this an error"
        )
    }

    /// What is told where this suite was meant.
    pub(super) fn to_usage_error(&self) -> UsageError {
        match self {
            Self::EmptySuite => UsageError::new(
                "no tests",
                "this binary has no #[integration_test]; is a `mod` line missing in its main.rs? (--no-tests pass allows it)",
            ),
            Self::Filter { filter, likely, is_exact } => {
                let shown = shortened(filter);
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
                let hint = likely.as_ref().map_or_else(String::new, |likely| format!("; did you mean `{likely}`?"));
                UsageError::new(
                    "nothing matched",
                    format!("no test bears the tag `{}`{hint} (--no-tests pass allows it)", shortened(tag)),
                )
            }
            Self::Selection => UsageError::new(
                "nothing matched",
                "no test passes all of the filters, --skip and --tag together (--no-tests pass allows it)",
            ),
            Self::LastFailed => UsageError::new(
                "nothing matched",
                "no test that passes the filters failed when it last ran (--no-tests pass allows it)",
            ),
            Self::History => UsageError::new(
                "nothing matched",
                "no test that past runs have run has such a name; --list shows all names (--no-tests pass allows it)",
            ),
        }
    }
}

/// A word of the user's, as far as it fits into a message.
fn shortened(word: &str) -> String {
    let beginning: String = word.chars().take(200).collect();
    beginning.escape_debug().to_string()
}
