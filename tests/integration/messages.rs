//! Messages fail their test at the line that says so, and are shown.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-messages"), dir).env("ITEST_NATS", "programs")
}

/// The line of the suite's source that contains this text for the `nth` time.
fn line_of(text: &str, nth: usize) -> Result<String> {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/suites/messages.rs"))?;
    let mut lines = source.lines().enumerate().filter(|(_, line)| line.contains(text));
    let (position, _) = lines.nth(nth).ok_or("the suite contains the text")?;
    Ok(format!("tests/suites/messages.rs:{}:", position + 1))
}

/// The report of a test that fails.
fn report_of(dir: &TempDir, test: &str) -> Result<String> {
    let finished = suite(dir).args(&["--exact", test]).run()?;
    let output = finished.stdout() + &finished.stderr();
    assert_eq!(finished.code(), Some(101), "{output}");
    assert!(!output.contains("s3cret"), "{output}");
    finished.assert_nothing_left();
    Ok(output)
}

#[integration_test(tags("messages"))]
fn message_after_the_test_expects_none_fails_it_at_that_line(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "message_after_the_test_expects_none")?;
    let place = line_of("expect_none(\"order.cancelled\")", 0)?;
    for expected in [
        &format!("failed in act at {place}"),
        "a message on order.cancelled that the test does not expect:",
        r#"order.cancelled { "order": 7, "token": "***" }"#,
        "nats PUBLISH order.cancelled sent\n",
    ] {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
    Ok(())
}

#[integration_test(tags("messages"))]
fn surplus_message_that_comes_later_fails_the_test(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "surplus_message_that_comes_later")?;
    let place = line_of(".exactly(1)", 0)?;
    assert!(report.contains(&format!("failed in test body at {place}")), "{report}");
    assert!(report.contains("a message on order.paid that the test does not expect:"), "{report}");
    Ok(())
}

#[integration_test(tags("messages"))]
fn missing_message_is_reported_with_what_was_published(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "missing_message")?;
    assert!(report.contains("no message on order.paid within 10ms; published so far (1):"), "{report}");
    assert!(report.contains(r#"order.created { "order": 7, "token": "***" }"#), "{report}");
    Ok(())
}

#[integration_test(tags("messages"))]
fn fault_that_no_message_gets_fails_the_test_at_its_line(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "fault_that_no_message_gets")?;
    let place = line_of("inject(Fault::Duplicate)", 0)?;
    assert!(report.contains(&place), "{report}");
    assert!(report.contains("the fault duplicate of publications on order.paid was never triggered"), "{report}");
    Ok(())
}

#[integration_test(tags("messages"))]
fn lenient_test_passes_with_an_unexpected_message_and_an_unused_fault(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["--exact", "fault_that_no_message_of_a_lenient_test_gets"]).run()?;
    assert_eq!(finished.code(), Some(0), "{}", finished.stdout());
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("messages"))]
fn delivery_without_an_acknowledgement_is_a_warning_of_the_summary(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["--exact", "delivery_without_an_acknowledgement"]).run()?;
    let output = finished.stdout();
    assert_eq!(finished.code(), Some(0), "{output}");
    assert!(output.contains("the code under test never acknowledged a message of nats:"), "{output}");
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("messages"))]
fn exploration_of_faults_publishes_a_message_twice(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--faults", "--exact", "order_is_counted_once"])?;
    let cells = events.named("fault_cell");
    let mut verdicts: Vec<_> = cells.iter().map(|cell| [&cell["call"], &cell["fault"], &cell["verdict"]]).collect();
    verdicts.sort_by_key(|[_, fault, _]| fault.to_string());
    let call = "nats PUBLISH order.created #1";
    // The test waits without a limit for a message that is lost.
    let expected =
        [("duplicate", "noticed"), ("reset-before", "hangs"), ("reset-during", "hangs"), ("timeout", "hangs")];
    assert_eq!(verdicts, expected.map(|(fault, verdict)| [call, fault, verdict]));
    events.finished.assert_nothing_left();
    Ok(())
}
