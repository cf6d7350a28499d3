//! A proxy fails its test for a fault that is never triggered, and the report shows the connections that passed the proxy.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Suite};

fn events_of(dir: &TempDir, test: &str) -> Result<Events> {
    Ok(Suite::new(env!("CARGO_BIN_EXE_suite-proxies"), dir).events(&["--exact", test])?)
}

#[integration_test]
#[case::of_statements(
    "fault_of_statements_is_never_triggered",
    "the fault timeout on statements with \"UPDATE account\" to service was never triggered",
    "proxy.inject(Fault::Timeout).on(statement"
)]
#[case::of_connections(
    "fault_of_connections_is_never_triggered",
    "the fault half-open of connections to service was never triggered",
    "proxy.inject_into_connections(ConnectionFault::HalfOpen)"
)]
fn fault_that_is_never_triggered_fails_the_test_at_its_line(
    #[case] test: &str,
    #[case] message: &str,
    #[case] code: &str,
    dir: &TempDir,
) -> Result<()> {
    let events = events_of(dir, test)?;
    let case = events.case(test);
    assert_eq!((&case["outcome"], &case["failures"][0]["message"]), (&"failed".into(), &message.into()), "{case:#}");
    let source = include_str!("../suites/proxies.rs");
    let line = 1 + source.lines().position(|line| line.contains(code)).ok_or("the suite contains the code")?;
    let location = case["failures"][0]["location"].as_str().unwrap_or_default();
    assert!(location.starts_with(&format!("tests/suites/proxies.rs:{line}:")), "{location}");
    Ok(())
}

#[integration_test]
fn fault_that_is_triggered_too_rarely_is_a_warning(dir: &TempDir) -> Result<()> {
    let test = "fault_of_connections_is_triggered_once";
    let finished = Suite::new(env!("CARGO_BIN_EXE_suite-proxies"), dir).args(&["--exact", test]).run()?;
    let warning = format!("\nwarning: {test}: the fault reset-on-connect of connections to 127.0.0.1:");
    assert!(finished.stdout().contains(&warning), "{}", finished.stdout());
    assert!(finished.stdout().contains(" was triggered once, expected 3 times, at "), "{}", finished.stdout());
    Ok(())
}

#[integration_test]
fn lenient_proxy_does_not_fail_the_test(dir: &TempDir) -> Result<()> {
    assert_eq!(events_of(dir, "lenient_proxy")?.case("lenient_proxy")["outcome"], "passed");
    Ok(())
}

#[integration_test]
fn untriggered_fault_is_not_reported_beside_an_earlier_failure(dir: &TempDir) -> Result<()> {
    let test = "fault_is_never_triggered_because_the_test_fails";
    let events = events_of(dir, test)?;
    let failures = events.case(test)["failures"].as_array().cloned().unwrap_or_default();
    assert_eq!(failures.len(), 1, "{failures:#?}");
    assert_eq!(failures[0]["message"], "the test fails before its request");
    Ok(())
}

#[integration_test]
fn connection_and_its_fault_are_exchanges(dir: &TempDir) -> Result<()> {
    let events = events_of(dir, "connection_is_reset")?;
    let case = events.case("connection_is_reset");
    let exchange = &case["exchanges"][0];
    let shown = ["to", "operation", "fault"].map(|key| exchange[key].as_str().unwrap_or_default());
    assert_eq!(shown, ["redis", "connection 1", "reset-on-connect"], "{case:#}");
    let message = case["failures"][0]["message"].as_str().unwrap_or_default();
    // The reset arrives while the client connects, or while it reads.
    assert!(message.replace(' ', "").to_lowercase().contains("connectionreset"), "{message}");
    events.finished.assert_nothing_left();
    Ok(())
}
