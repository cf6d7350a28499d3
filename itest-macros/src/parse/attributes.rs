//! Rejects attributes in wrong places.

use quote::ToTokens;
use syn::{Attribute, Meta, Path};

use super::conditional::under_condition;
use crate::errors::Errors;

/// The role of the function that is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Test,
    Fixture,
    Teardown,
    Invariant,
}

impl Role {
    /// The name of the role in messages.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Test => "a test",
            Self::Fixture => "a fixture",
            Self::Teardown => "a teardown function",
            Self::Invariant => "an invariant",
        }
    }

    /// The attributes that give the function a different role.
    fn conflicting_attributes(self) -> &'static [&'static str] {
        match self {
            Self::Test => &["fixture", "teardown", "invariant"],
            Self::Fixture => &["integration_test", "teardown", "invariant"],
            Self::Teardown => &["integration_test", "fixture", "invariant", "test", "test_case", "rstest"],
            Self::Invariant => &["integration_test", "fixture", "teardown", "test", "test_case", "rstest"],
        }
    }
}

/// Removes and reports misplaced attributes of itest, and attributes of other test frameworks, which would run the function a second
/// time or not at all.
pub(super) fn reject_foreign_attributes(attributes: &mut Vec<Attribute>, role: Role, errors: &mut Errors) {
    let mut has_conflict = false;
    attributes.retain(|attribute| {
        let path = attribute.path();
        let last = path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        let problem = match role {
            Role::Test => on_test(&last),
            Role::Fixture => on_fixture(&last),
            Role::Teardown => on_teardown(&last),
            Role::Invariant => on_invariant(&last),
        };
        let Some(problem) = problem else { return true };
        let written = path.to_token_stream().to_string().replace(' ', "");
        errors.at(path, format_args!("`#[{written}]` {problem}"));
        has_conflict |= role.conflicting_attributes().contains(&last.as_str());
        false
    });
    // Whether further mistakes are real depends on the intended role. For example, tests and fixtures allow different parameters.
    if has_conflict {
        errors.suppress_further();
    }
}

/// Removes and returns the attributes that belong to a function's name and not to its body.
pub(super) fn take_outer(attributes: &mut Vec<Attribute>) -> Vec<Attribute> {
    const OUTER: [&str; 3] = ["doc", "deprecated", "must_use"];
    let is_outer =
        |attribute: &mut Attribute| is_lint(attribute) || OUTER.iter().any(|name| attribute.path().is_ident(name));
    attributes.extract_if(.., is_outer).collect()
}

/// Whether the attribute sets the level of a lint. The attribute may have a condition.
pub(super) fn is_lint(attribute: &Attribute) -> bool {
    let is_level = |path: &Path| ["allow", "expect", "warn", "deny", "forbid"].iter().any(|level| path.is_ident(level));
    match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => {
            under_condition(list).is_some_and(|(_, metas)| metas.iter().all(|meta| is_level(meta.path())))
        }
        meta => is_level(meta.path()),
    }
}

fn on_test(word: &str) -> Option<&'static str> {
    Some(match word {
        "test" | "test_case" | "rstest" => "would run this function a second time; remove it: itest runs it",
        "integration_test" => "stands here twice; remove one",
        "fixture" => "and `#[integration_test]` exclude each other: a function is a fixture or a test; remove one",
        "teardown" => "and `#[integration_test]` exclude each other: a function tests or gives back; remove one",
        "invariant" => "and `#[integration_test]` exclude each other: a function is a test or an invariant; remove one",
        "ignore" => "is an argument here: `#[integration_test(ignore = \"reason\")]`",
        "should_panic" => "is not supported: assert on the error, or on `std::panic::catch_unwind`",
        "timeout" => "is an argument here: `#[integration_test(timeout = \"10s\")]`",
        "retries" => "is an argument here: `#[integration_test(retries = 2)]`",
        "serial" => "is an argument here: `#[integration_test(serial)]`",
        "tags" => "is an argument here: `#[integration_test(tags(\"payments\", \"slow\"))]`",
        "covers" => "is an argument here: `#[integration_test(covers(\"POST /orders\"))]`",
        "workflow" => "is an argument here: `#[integration_test(workflow)]`",
        "cases" | "files" | "values" => "marks a parameter, not the function; move it there",
        "arrange" | "act" | "assert" => "marks a statement in the body, not the function; move it there",
        _ => return None,
    })
}

fn on_fixture(word: &str) -> Option<&'static str> {
    Some(match word {
        "test" | "test_case" | "rstest" => "makes a test of this function; a fixture is none: remove it",
        "integration_test" => "and `#[fixture]` exclude each other: a function is a fixture or a test; remove one",
        "fixture" => "stands here twice; remove one",
        "teardown" => "and `#[fixture]` exclude each other: a function makes a value or gives one back; remove one",
        "invariant" => "and `#[fixture]` exclude each other: a function is a fixture or an invariant; remove one",
        "ignore" | "should_panic" | "timeout" | "retries" | "serial" | "tags" | "covers" | "workflow" => {
            "is for tests; remove it, and put it on those that ask for this fixture"
        }
        "scope" => "is an argument here: `#[fixture(scope = \"worker\")]`",
        "cases" | "files" | "values" => "is for the parameters of tests; remove it",
        "over" => "is for tests; a generic fixture is made for every type that a test asks for: remove it",
        "arrange" | "act" | "assert" => "marks a phase of a test; a fixture runs in its setup: remove it",
        _ => return None,
    })
}

fn on_teardown(word: &str) -> Option<&'static str> {
    Some(match word {
        "test" | "test_case" | "rstest" => "makes a test of this function; it gives a resource back: remove it",
        "integration_test" => "and `#[teardown]` exclude each other: a function tests or gives back; remove one",
        "fixture" => "and `#[teardown]` exclude each other: a function makes a value or gives one back; remove one",
        "teardown" => "stands here twice; remove one",
        "invariant" => "and `#[teardown]` exclude each other: a function gives back or is an invariant; remove one",
        "ignore" | "should_panic" | "timeout" | "retries" | "serial" | "tags" | "covers" | "workflow" | "cases"
        | "files" | "values" | "over" => "is for tests; a teardown function is none: remove it",
        "arrange" | "act" | "assert" => "marks a phase of a test; a teardown function has none: remove it",
        _ => return None,
    })
}

fn on_invariant(word: &str) -> Option<&'static str> {
    Some(match word {
        "test" | "test_case" | "rstest" => {
            "makes a test of this function; an invariant runs after other tests: remove it"
        }
        "integration_test" => "and `#[invariant]` exclude each other: a function is a test or an invariant; remove one",
        "fixture" => "and `#[invariant]` exclude each other: a function is a fixture or an invariant; remove one",
        "teardown" => "and `#[invariant]` exclude each other: a function gives back or is an invariant; remove one",
        "invariant" => "stands here twice; remove one",
        "timeout" => "is an argument here: `#[invariant(timeout = \"10s\")]`",
        "ignore" | "should_panic" | "retries" | "serial" | "tags" | "covers" | "workflow" => {
            "is for tests; an invariant runs after each test that uses its fixtures: remove it"
        }
        "over" => "is for tests; write one invariant for each type, or remove it",
        "cases" | "files" | "values" => "is for the parameters of tests; remove it",
        "arrange" | "act" | "assert" => "marks a phase of a test; an invariant is a phase of its own: remove it",
        _ => return None,
    })
}
