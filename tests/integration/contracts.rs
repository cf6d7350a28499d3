//! Exchanges that break a contract fail their tests, with the pointer and the line of the contract.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-contracts"), dir)
}

/// The line of a file beside this package that contains a text.
fn line_of(file: &str, text: &str) -> Result<String> {
    let source = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR")))?;
    let position = source.lines().position(|line| line.contains(text)).ok_or("the file contains the text")?;
    Ok(format!("{file}:{}", position + 1))
}

/// The output of a test that fails.
fn report_of(dir: &TempDir, test: &str, arguments: &[&str]) -> Result<String> {
    let finished = suite(dir).args(&["--exact", test]).args(arguments).run()?;
    let output = finished.stdout() + &finished.stderr();
    assert_eq!(finished.code(), Some(101), "{output}");
    assert!(!output.contains("s3cret"), "{output}");
    Ok(output)
}

#[integration_test(tags("contracts"))]
fn request_that_breaks_the_contract_fails_the_test_in_its_phase(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "request_breaks_the_contract", &[])?;
    let line = line_of("suites/contracts/payments.yaml", "amount: { type: integer }")?;
    let secret = line_of("suites/contracts/payments.yaml", "password:")?;
    for expected in [
        "failed in act",
        "POST /charge breaks the contract of payments\n",
        "body of the request, at /amount, by POST /charge (createCharge)\n",
        &format!("expected: integer\n    actual:   \"25\"\n    contract: {line}\n"),
        &format!("expected: at most 4 characters\n    actual:   \"***\"\n    contract: {secret}\n"),
        "payments POST /charge 201",
        "breaks the contract\n",
    ] {
        let indented = report.replace("\n      ", "\n    ");
        assert!(report.contains(expected) || indented.contains(expected), "{expected}\n{report}");
    }
    // Three equal requests are one failure.
    assert_eq!(report.matches("breaks the contract of payments").count(), 1, "{report}");
    Ok(())
}

#[integration_test(tags("contracts"))]
fn request_without_an_operation_fails_the_test(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "request_has_no_operation", &[])?;
    for expected in ["method of the request", "expected: POST /charge (createCharge)", "actual:   DELETE /charge"] {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
    Ok(())
}

#[integration_test(tags("contracts"))]
fn stub_that_the_contract_forbids_is_refused_at_its_line(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "stub_replies_what_the_contract_forbids", &[])?;
    let stub = line_of("suites/contracts.rs", "json!({\"number\": 1})")?;
    let line = line_of("suites/contracts/payments.yaml", "- id")?;
    for expected in [
        stub.as_str(),
        "the stub for POST /charge breaks the contract of payments",
        "body of the answer, at /id",
        "expected: a value, because it is required",
        &format!("contract: {line}"),
    ] {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
    let report = report_of(dir, "stub_has_no_operation", &[])?;
    assert!(report.contains("expected: POST /charge (createCharge) or GET /orders"), "{report}");
    Ok(())
}

#[integration_test(tags("contracts"))]
fn computed_reply_and_answer_of_the_service_are_judged(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "computed_reply_breaks_the_contract", &[])?;
    assert!(report.contains("the answer to POST /charge breaks the contract of payments"), "{report}");
    let report = report_of(dir, "answer_of_the_service_breaks_the_contract", &[])?;
    let sent = line_of("suites/contracts.rs", "client(shop)?.get(\"/orders\").bearer(\"s3cret\").await?")?;
    for expected in ["breaks the contract of the service", "body of the answer, at /1", "actual:   \"2\"", &sent] {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
    let report = report_of(dir, "service_answers_without_credentials", &[])?;
    assert!(report.contains("expected: the header authorization with bearer (token)"), "{report}");
    Ok(())
}

#[integration_test(tags("contracts"))]
fn broken_contract_fails_the_fixture_with_its_line(dir: &TempDir) -> Result<()> {
    let report = report_of(dir, "broken_contract", &[])?;
    let line = line_of("suites/contracts/broken.yaml", "requestBodies/Charge")?;
    let declared = line_of("suites/contracts.rs", "contract!(\"suites/contracts/broken.yaml\")")?;
    for expected in
        [&declared, &format!("the contract {line} at /paths/~1charge/post/requestBody/$ref"), "leads nowhere"]
    {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
    Ok(())
}

#[integration_test(tags("contracts"))]
fn exchanges_that_keep_the_contract_pass_and_violations_may_be_warnings(dir: &TempDir) -> Result<()> {
    let kept = ["request_keeps_the_contract", "ignored_contract", "answer_of_the_service_keeps_the_contract"];
    for test in kept {
        let finished = suite(dir).args(&["--exact", test]).run()?;
        assert_eq!(finished.code(), Some(0), "{}{}", finished.stdout(), finished.stderr());
    }
    let broken = ["--exact", "request_breaks_the_contract"];
    let finished = suite(dir).args(&broken).args(&["--contracts", "warn"]).run()?;
    let output = finished.stdout() + &finished.stderr();
    assert_eq!(finished.code(), Some(0), "{output}");
    assert!(output.contains("POST /charge breaks the contract of payments"), "{output}");
    let finished = suite(dir).args(&broken).args(&["--contracts=ignore"]).run()?;
    let output = finished.stdout() + &finished.stderr();
    assert_eq!(finished.code(), Some(0), "{output}");
    assert!(!output.contains("breaks the contract"), "{output}");
    let report = report_of(dir, "request_breaks_the_contract", &["--contracts=wran"])?;
    assert!(report.contains("--contracts=wran is not valid; it is `fail`, `warn` or `ignore`"), "{report}");
    Ok(())
}
