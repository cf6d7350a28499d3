//! The built-in fixtures do what they promise, and leave nothing.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-fixtures"), dir)
}

#[integration_test(tags("fixtures"))]
#[case::sqlite("sqlite", 14)]
#[case::files("files", 2)]
#[case::http("http", 2)]
#[case::blocking("blocking", 1)]
fn built_in_fixture_works_with_a_real_service(#[case] tag: &str, #[case] count: u64, dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--tag", tag])?;
    assert_eq!(events.summary()["passed"], count, "{:?}", events.outcomes());
    assert_eq!(events.finished.code(), Some(0));
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("fixtures"))]
fn failed_assertion_shows_request_and_response_without_secrets(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["unexpected_status_fails"])?;
    let failure = &events.case("unexpected_status_fails")["failures"][0];
    let message = failure["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("expected status 200, got 400\n> GET http://127.0.0.1:"), "{message}");
    assert!(message.contains("> authorization: ***") && !message.contains("s3cret"), "{message}");
    assert!(message.contains("< 400 Bad Request"), "{message}");
    assert!(
        failure["location"].as_str().is_some_and(|place| place.starts_with("tests/suites/fixtures.rs:")),
        "{failure}"
    );
    Ok(())
}

#[integration_test(tags("fixtures"))]
fn unreachable_http_service_is_named_in_the_failure(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["unreachable_service_fails"])?;
    let failure = &events.case("unreachable_service_fails")["failures"][0];
    assert!(
        failure["location"].as_str().is_some_and(|place| place.starts_with("tests/suites/fixtures.rs:")),
        "{failure}"
    );
    let message = failure["message"].to_string();
    assert!(message.contains("GET http://127.0.0.1:9/") && message.contains("refused"), "{message}");
    Ok(())
}
