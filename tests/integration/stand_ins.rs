//! A stand-in fails its test for a request that nothing answers and for a stub that nothing uses, and exchanges are shown.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-stand-ins"), dir)
}

/// The line of the suite's source that contains this text.
fn line_of(text: &str) -> Result<String> {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/suites/stand_ins.rs"))?;
    let position = source.lines().position(|line| line.contains(text)).ok_or("the suite contains the text")?;
    Ok(format!("tests/suites/stand_ins.rs:{}:", position + 1))
}

/// The text of a failure, from the outcome to the command that repeats it.
fn report_of(dir: &TempDir, test: &str) -> Result<String> {
    let finished = suite(dir).args(&["--exact", test]).run()?;
    let output = finished.stdout() + &finished.stderr();
    assert_eq!(finished.code(), Some(101), "{output}");
    assert!(!output.contains("s3cret") && !output.contains("0ther"), "{output}");
    Ok(output)
}

#[integration_test(tags("stand-ins"))]
fn unanswered_request_fails_the_test_with_the_nearest_stub(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "unanswered_request")?;
    let place = line_of("bearer(\"0ther\")")?;
    for expected in [
        &format!("failed in act at {place}"),
        &format!("payments does not answer POST /charge: 2 of 5 conditions of the stub for POST /charge at {place}"),
        "    the header \"authorization\" is another secret than the one that the stub wants\n",
        "    /amount is 2598, the stub wants 2600\n",
        "    /card/token is another secret than the one that the stub wants\n",
        "payments POST /charge 501",
        ", no stub matches\n",
    ] {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
    // Three equal requests are three exchanges and one failure.
    assert_eq!(
        (report.matches("payments POST /charge 501").count(), report.matches("does not answer").count()),
        (3, 1),
        "{report}"
    );
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn unanswered_request_stands_before_the_failure_that_it_caused(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "unanswered_request_before_a_failure")?;
    let (cause, failure) = (
        report.find("payments does not answer POST /charge: it has no stub"),
        report.find("expected status 200, got 501"),
    );
    assert!(cause.is_some() && cause < failure, "{report}");
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn teardown_gets_the_outcome_that_an_unanswered_request_causes(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "unanswered_request_with_a_witness")?;
    assert!(report.contains("the outcome is failed"), "{report}");
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn used_up_and_unused_stubs_fail_the_test_at_their_line(dir: &TempDir) -> Result<()> {
    for (test, place, message) in [
        (
            "used_up_stub",
            format!("failed in test body at {}", line_of(".once()")?),
            "answers once, and has already done so",
        ),
        (
            "unused_stub",
            format!("failed in assert at {}", line_of("/refund")?),
            "the stub of payments for POST /refund was never used",
        ),
        (
            "stub_that_is_used_too_rarely",
            format!("failed in test body at {}", line_of("times(2..)")?),
            "the stub of payments for POST /charge answered 1 request, expected at least 2 times",
        ),
    ] {
        let report = report_of(dir, test)?;
        assert!(report.contains(&place) && report.contains(message), "{report}");
    }
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn fault_that_no_request_gets_fails_the_test_at_its_line(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "fault_that_is_never_triggered")?;
    let place = format!("failed in test body at {}", line_of("inject(Fault::Timeout)")?);
    let message = "the fault timeout on GET /charges/{id} of payments was never triggered";
    assert!(report.contains(&place) && report.contains(message), "{report}");
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn fault_that_is_triggered_too_rarely_is_a_warning(dir: &TempDir) -> Result<()> {
    let test = "fault_that_is_triggered_less_often_than_it_may_be";
    let finished = suite(dir).args(&["--exact", test]).run()?;
    let warning = format!(
        "\nwarning: {test}: the fault status-503 on POST /charge of payments was triggered once, expected twice, at "
    );
    assert!(finished.stdout().contains(&warning), "{}", finished.stdout());
    assert_eq!(finished.code(), Some(0));
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn query_is_shown_as_it_was_sent_without_secrets(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "query_with_secrets")?;
    let shown = "GET /x?token=***&password=***&name=%1b[31m%0atest%20fake%20...%20ok";
    assert!(report.contains(shown), "{report}");
    assert!(report.contains("/tokens/0 is another secret than the one that the stub wants"), "{report}");
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn bytes_that_are_no_request_fail_the_test(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "bytes_that_are_no_request::tls")?;
    assert!(report.contains("payments received bytes that are no request of HTTP/1.1 without TLS"), "{report}");
    let report = report_of(dir, "bytes_that_are_no_request::broken_chunk")?;
    assert!(report.contains("payments cannot read the body of POST /charge: "), "{report}");
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn exchange_shows_the_fault(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "fault_that_is_triggered")?;
    assert!(report.contains("payments POST /charge 503") && report.contains(", fault status-503\n"), "{report}");
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn failed_body_hides_unused_stubs(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "unused_stub_of_a_failed_test")?;
    assert!(report.contains("the body fails") && !report.contains("never used"), "{report}");
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn lenient_stand_in_fails_no_test(dir: &TempDir) -> Result<()> {
    assert_eq!(suite(dir).args(&["--exact", "lenient_stand_in"]).run()?.code(), Some(0));
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn failure_shows_the_last_exchanges(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "exchanges_of_a_failed_test")?;
    assert!(report.contains("exchanges, the last 10; --format json has more:\n"), "{report}");
    assert_eq!(report.matches("payments POST /charge 201").count(), 8, "{report}");
    assert!(report.contains("payments GET /late without a response"), "{report}");
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn exchanges_are_in_events_and_in_the_record(dir: &TempDir) -> Result<()> {
    let record = dir.join("run.itest");
    let record = record.to_str().unwrap_or_default();
    let events = suite(dir).events(&["--exact", "stub_that_is_used_too_rarely", "--record", record])?;
    let case = events.case("stub_that_is_used_too_rarely");
    let exchange = &case["exchanges"][0];
    assert_eq!((exchange["to"].as_str(), exchange["operation"].as_str()), (Some("payments"), Some("POST /charge")));
    assert_eq!((exchange["status"].as_str(), exchange["phase"].as_str()), (Some("200"), Some("body")));
    let request = exchange["request"].as_str().unwrap_or_default();
    assert!(request.contains("\"amount\": 1") && request.contains("\"token\": \"***\""), "{request}");
    let again = suite(dir).args(&["--report", record, "--format", "json"]).run()?.stdout();
    assert!(again.contains("\"operation\":\"POST /charge\"") && !again.contains("s3cret"), "{again}");
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn fixture_fails_a_test_in_the_last_phase_of_its_body(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "failure_of_a_fixture")?;
    assert!(
        report.contains("failed in assert at tests/suites/stand_ins.rs:") && report.contains("2 messages are unread"),
        "{report}"
    );
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn bad_certificate_that_no_client_sees_fails_the_test_at_its_line(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "unused_bad_certificate")?;
    let place = line_of("BadCertificate::Expired")?;
    for expected in [
        format!("failed in test body at {place}"),
        "the bad certificate expired of payments was never presented".to_owned(),
    ] {
        assert!(report.contains(&expected), "{expected}\n{report}");
    }
    Ok(())
}
