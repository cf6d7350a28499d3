//! Attributes that do not belong where they stand.

use quote::ToTokens;
use syn::Attribute;

use crate::errors::Errors;

/// Whose function is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Test,
    Fixture,
    Teardown,
}

/// Takes away attributes of other test frameworks, which would run the function a second time or not at all, and ours
/// where they stand in the wrong place.
pub(super) fn refuse_foreign(attributes: &mut Vec<Attribute>, owner: Owner, errors: &mut Errors) {
    attributes.retain(|attribute| {
        let path = attribute.path();
        let last = path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        let complaint = match owner {
            Owner::Test => on_test(&last),
            Owner::Fixture => on_fixture(&last),
            Owner::Teardown => on_teardown(&last),
        };
        let Some(complaint) = complaint else { return true };
        let written = path.to_token_stream().to_string().replace(' ', "");
        errors.at(path, format_args!("`#[{written}]` {complaint}"));
        false
    });
}

fn on_test(word: &str) -> Option<&'static str> {
    Some(match word {
        "test" | "test_case" | "rstest" => "would run this function a second time; remove it: itest runs it",
        "integration_test" => "stands here twice; remove one",
        "fixture" => "and `#[integration_test]` exclude each other: a function is a fixture or a test; remove one",
        "teardown" => "and `#[integration_test]` exclude each other; remove one",
        "ignore" => "is an argument here: `#[integration_test(ignore = \"reason\")]`",
        "should_panic" => "is not supported: assert on the error, or on `std::panic::catch_unwind`",
        "timeout" => "is an argument here: `#[integration_test(timeout = \"10s\")]`",
        "retries" => "is an argument here: `#[integration_test(retries = 2)]`",
        "serial" => "is an argument here: `#[integration_test(serial)]`",
        "tags" => "is an argument here: `#[integration_test(tags(\"payments\", \"slow\"))]`",
        "covers" => "is an argument here: `#[integration_test(covers(\"POST /orders\"))]`",
        "workflow" => "is an argument here: `#[integration_test(workflow)]`",
        "values" => "marks a parameter, not the function; move it there",
        "arrange" | "act" | "assert" => "marks a statement in the body, not the function; move it there",
        _ => return None,
    })
}

fn on_fixture(word: &str) -> Option<&'static str> {
    Some(match word {
        "test" | "test_case" | "rstest" => "makes a test of this function; a fixture is none: remove it",
        "integration_test" => "and `#[fixture]` exclude each other: a function is a fixture or a test; remove one",
        "fixture" => "stands here twice; remove one",
        "teardown" => "and `#[fixture]` exclude each other; remove one",
        "ignore" | "should_panic" | "timeout" | "retries" | "serial" | "tags" | "covers" | "workflow" => {
            "is for tests; remove it, and put it on those that ask for this fixture"
        }
        "scope" => "is an argument here: `#[fixture(scope = \"worker\")]`",
        "values" => "is for the parameters of tests; remove it",
        "arrange" | "act" | "assert" => "marks a phase of a test; a fixture runs in its setup: remove it",
        _ => return None,
    })
}

fn on_teardown(word: &str) -> Option<&'static str> {
    Some(match word {
        "test" | "test_case" | "rstest" => "makes a test of this function; it gives a resource back: remove it",
        "integration_test" | "fixture" => "and `#[teardown]` exclude each other; remove one",
        "teardown" => "stands here twice; remove one",
        "ignore" | "should_panic" | "timeout" | "retries" | "serial" | "tags" | "covers" | "workflow" | "case"
        | "values" => "is for tests; remove it",
        "arrange" | "act" | "assert" => "marks a phase of a test; remove it",
        _ => return None,
    })
}
