//! The feature `tracing` leaves the process's own subscriber and logger to the application.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

/// The process's own subscriber is itest's as long as the code under test installs none.
#[integration_test(tags("telemetry"))]
fn events_of_plain_threads_are_shown_where_the_application_installs_nothing(dir: &TempDir) -> Result<()> {
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-telemetry"), dir);
    let events = suite.events(&["--exact", "thread_has_something_to_say"])?;
    let said = events.case("thread_has_something_to_say")["stderr"].to_string();
    assert!(said.contains("a thread has something to say"), "{said}");
    Ok(())
}

/// The first test that installs it runs again in a process that has the place for it; no test fails.
#[integration_test(tags("telemetry"))]
fn application_with_its_own_subscriber_passes_and_its_events_are_shown(
    dir: &TempDir,
    #[values("--jobs=1", "--jobs=2", "--in-process")] mode: &str,
) -> Result<()> {
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-telemetry"), dir);
    let finished = suite.args(&[mode, "--show-output"]).run()?;
    let said = finished.stdout() + &finished.stderr();
    assert_eq!(finished.code(), Some(0), "{said}");
    assert_eq!(said.matches("a task has something to say").count(), 5, "{said}");
    assert_eq!(said.matches("the application has started").count(), 3, "{said}");
    Ok(())
}
