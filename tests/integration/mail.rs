//! A mailbox fails its test for a mail that was not expected and for a client that does not comply, and mails are shown.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;
use serde_json::Value;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-mail"), dir)
}

/// The line of the suite's source that contains this text.
fn line_of(text: &str) -> Result<String> {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/suites/mail.rs"))?;
    let position = source.lines().position(|line| line.contains(text)).ok_or("the suite contains the text")?;
    Ok(format!("tests/suites/mail.rs:{}:", position + 1))
}

/// The report of a test that fails.
fn report_of(dir: &TempDir, test: &str) -> Result<String> {
    let finished = suite(dir).args(&["--exact", test]).run()?;
    let output = finished.stdout() + &finished.stderr();
    assert_eq!(finished.code(), Some(101), "{output}");
    assert!(!output.contains("s3cret"), "{output}");
    Ok(output)
}

#[integration_test(tags("mail"))]
fn unexpected_mail_fails_the_test_with_its_sender_recipient_and_subject(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "unexpected_mail")?;
    let expected = "mail received an unexpected mail from shop@example.org to eve@example.org: \"Receipt, token=***\"";
    assert!(report.contains(expected), "{report}");
    assert_eq!(report.matches("unexpected mail from").count(), 1, "{report}");
    assert!(report.contains("mail SEND ada@example.org 250 after"), "{report}");
    Ok(())
}

#[integration_test(tags("mail"))]
fn mail_to_a_further_recipient_is_unexpected(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "mail_to_a_further_recipient")?;
    assert!(report.contains("; it was not expected for eve@example.org"), "{report}");
    Ok(())
}

#[integration_test(tags("mail"))]
fn unexpected_mail_of_a_lenient_mailbox_does_not_fail_the_test(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["--exact", "unexpected_mail_of_a_lenient_mailbox"]).run()?;
    assert_eq!(finished.code(), Some(0), "{}", finished.stdout());
    Ok(())
}

#[integration_test(tags("mail"))]
fn refused_client_fails_the_test_once(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "client_without_a_login")?;
    let expected = "mail refused MAIL: the client must log in before it sends a mail";
    assert!(report.contains("failed in act"), "{report}");
    assert_eq!(report.matches(expected).count(), 1, "{report}");
    Ok(())
}

#[integration_test(tags("mail"))]
fn fault_that_no_mail_gets_fails_the_test_at_its_line(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "unused_fault")?;
    let place = line_of("Fault::Status(451)")?;
    for expected in [&*place, "the fault status-451 on mails to ada@example.org of mail was never triggered"] {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
    Ok(())
}

#[integration_test(tags("mail"))]
fn missing_mail_fails_the_test_at_its_line_with_the_mails_that_arrived(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "missing_mail")?;
    let place = line_of("from_millis(20)")?;
    for expected in [
        &format!("failed in assert at {place}"),
        "no mail to ada@example.org arrived within 20ms; mail has received:\n",
        "from shop@example.org to bob@example.org: \"Receipt\"\n",
    ] {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
    Ok(())
}

#[integration_test(tags("mail", "faults"))]
fn exploration_of_faults_disturbs_each_mail(dir: &TempDir) -> Result<()> {
    let events = suite(dir).args(&["--faults"]).events(&["--exact", "receipt_is_sent"])?;
    assert!(events.named("fault_finding").is_empty(), "{}", events.finished.stdout());
    let end = events.named("faults_finished")[0];
    assert_eq!((&end["complete"], &end["verdicts"]["not_reached"]), (&true.into(), &Value::Null), "{end:#}");
    let verdicts = end["verdicts"].as_object().ok_or("verdicts are counted")?;
    assert_eq!(verdicts.values().filter_map(Value::as_u64).sum::<u64>(), 5, "{end:#}");
    Ok(())
}
