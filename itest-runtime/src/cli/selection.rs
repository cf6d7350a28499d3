//! Selects the cases of a run by filters, tags and `#[ignore]`.

use super::command_line::{CommandLine, FilterDecision};
#[cfg(feature = "coverage")]
use super::declared_points::selected_points;
use super::values::closest;
use crate::inject::{Candidate, Registry};
use crate::model::{RunConfig, UsageError, set_of};
use crate::plan::TagExpression;

/// The cases of the suite, sorted by whether they run.
#[derive(Debug)]
pub(super) struct SelectedCases {
    /// The cases that run.
    pub(super) cases: Vec<Candidate>,
    /// The cases that are reported as ignored.
    pub(super) ignored: Vec<Candidate>,
    /// The cases that are not part of the run.
    pub(super) filtered_out: Vec<Candidate>,
}

/// Applies filters, tags and `#[ignore]`. Also returns why the selection matches no test, if that is so.
pub(super) fn select(
    registry: &Registry,
    line: &CommandLine,
    config: &RunConfig,
) -> (SelectedCases, Option<NothingMatched>) {
    let tag = config.selection.tag.as_deref().and_then(|text| TagExpression::parse(text).ok());
    #[cfg(feature = "coverage")]
    let points = config.selection.covers.as_deref().map(|text| selected_points(registry, text));
    let mut filter = line.test_filter();
    let mut selected = SelectedCases { cases: Vec::new(), ignored: Vec::new(), filtered_out: Vec::new() };
    let only_benchmarks = line.only_benchmarks();
    for case in registry.candidates() {
        let decision = filter.decide(&case.name, case.entry());
        let has_tag = tag.as_ref().is_none_or(|tag| tag.matches(case.entry().meta.tags));
        #[cfg(feature = "coverage")]
        let has_tag = has_tag && points.as_ref().is_none_or(|points| points.are_declared_by(&case));
        match decision {
            _ if !has_tag || only_benchmarks => selected.filtered_out.push(case),
            FilterDecision::FilteredOut => selected.filtered_out.push(case),
            FilterDecision::Ignored => selected.ignored.push(case),
            FilterDecision::Runs => selected.cases.push(case),
        }
    }
    if only_benchmarks {
        return (selected, None);
    }
    if selected.is_empty() && selected.filtered_out.is_empty() {
        return (selected, Some(NothingMatched::EmptySuite));
    }
    // With --ignored a filter applies to the ignored tests only, as in libtest. It is no mistake if it matches none of them.
    if line.only_ignored() {
        return (selected, None);
    }
    if let Some(filter) = filter.unmatched().and_then(|position| config.selection.filters.get(position)) {
        let likely = closest(filter, selected.filtered_out.iter().map(|case| &*case.name)).map(str::to_owned);
        let unmatched = NothingMatched::Filter { filter: filter.clone(), likely, is_exact: line.is_exact() };
        return (selected, Some(unmatched));
    }
    if selected.is_empty() && !config.selection.is_everything() {
        let unmatched = tag.and_then(|tag| unknown_tag(&tag, registry));
        #[cfg(feature = "coverage")]
        let unmatched = unmatched.or_else(|| {
            let point = config.selection.covers.clone()?;
            let likely = points.filter(|points| !points.is_known)?;
            let likely = closest(&point, likely.known.iter().map(String::as_str)).map(str::to_owned);
            Some(NothingMatched::Point { point, likely })
        });
        return (selected, Some(unmatched.unwrap_or(NothingMatched::Selection)));
    }
    (selected, None)
}

impl SelectedCases {
    fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.ignored.is_empty()
    }
}

/// A tag of the expression that no test has.
fn unknown_tag(tag: &TagExpression, registry: &Registry) -> Option<NothingMatched> {
    let known = set_of(registry.candidates().flat_map(|case| case.entry().meta.tags.iter().copied()));
    let unknown = tag.tags().into_iter().find(|word| !known.contains(word))?;
    let likely = closest(unknown, known.into_iter()).map(str::to_owned);
    Some(NothingMatched::Tag { tag: unknown.to_owned(), likely })
}

/// The reason why a selection matches no test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NothingMatched {
    /// The binary has no tests.
    EmptySuite,
    /// One of the filters matches no test.
    Filter { filter: String, likely: Option<String>, is_exact: bool },
    /// No test has this tag.
    Tag { tag: String, likely: Option<String> },
    /// No test declares this integration point.
    #[cfg(feature = "coverage")]
    Point { point: String, likely: Option<String> },
    /// No test matches all filters, `--skip` and `--tag` together.
    Selection,
    /// None of the selected tests failed when it last ran.
    LastFailed,
    /// No recorded run has a test with such a name.
    #[cfg_attr(not(feature = "history"), expect(dead_code, reason = "only the history looks at recorded runs"))]
    History,
}

impl NothingMatched {
    /// The notice for a run of several suites, of which another one may have the tests.
    pub(super) fn to_notice(&self) -> String {
        let what = match self {
            Self::Filter { filter, .. } => format!(" `{}`", shortened(filter)),
            Self::Tag { tag, .. } => format!(" the tag `{}`", shortened(tag)),
            #[cfg(feature = "coverage")]
            Self::Point { point, .. } => format!(" the integration point `{}`", shortened(point)),
            Self::EmptySuite | Self::Selection | Self::LastFailed | Self::History => String::new(),
        };
        format!(
            "no test of this suite matches{what}; another suite of this `cargo test` may have it; `--no-tests fail` makes this an error"
        )
    }

    /// The error for a run of this suite alone.
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
                    format!("no test has the tag `{}`{hint} (--no-tests pass allows it)", shortened(tag)),
                )
            }
            #[cfg(feature = "coverage")]
            Self::Point { point, likely } => {
                let hint = likely.as_ref().map_or_else(String::new, |likely| format!("; did you mean `{likely}`?"));
                UsageError::new(
                    "nothing matched",
                    format!(
                        "no test declares with `covers` a point that is, or begins with, `{}`{hint} (--no-tests pass allows it)",
                        shortened(point)
                    ),
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
                "no past run has a test with such a name; --list shows all names (--no-tests pass allows it)",
            ),
        }
    }
}

/// A word from the command line, shortened for a message.
fn shortened(word: &str) -> String {
    let beginning: String = word.chars().take(200).collect();
    beginning.escape_debug().to_string()
}
