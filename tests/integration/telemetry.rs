//! With the feature `tracing`, the application may still install a global subscriber and logger.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

/// The global subscriber is that of itest as long as the code under test installs none.
#[integration_test(tags("telemetry"))]
fn thread_events_are_shown_without_an_application_subscriber(dir: &TempDir) -> Result<()> {
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-telemetry"), dir);
    let events = suite.events(&["--exact", "thread_logs_an_event"])?;
    let output = events.case("thread_logs_an_event")["stderr"].to_string();
    assert!(output.contains("a thread logs an event"), "{output}");
    Ok(())
}

/// The first test that installs a subscriber runs again in a process without a global subscriber, and no test fails.
#[integration_test(tags("telemetry"))]
fn application_with_its_own_subscriber_passes_and_its_events_are_shown(
    dir: &TempDir,
    #[values("--jobs=1", "--jobs=2", "--in-process")] mode: &str,
) -> Result<()> {
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-telemetry"), dir);
    let finished = suite.args(&[mode, "--show-output"]).run()?;
    let output = finished.stdout() + &finished.stderr();
    assert_eq!(finished.code(), Some(0), "{output}");
    assert_eq!(output.matches("a task logs an event").count(), 5, "{output}");
    assert_eq!(output.matches("the application has started").count(), 3, "{output}");
    Ok(())
}
