//! `--record-stand-ins` records what a real service answers, and every other run answers from the recording.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use itest::prelude::*;
use itest::{Api, Reply, request};
use itest_tests::{Finished, Suite};
use serde_json::{Value, json};

/// The real service: a server of the judging test, in another process than the suite.
struct RealPayments;

impl Api for RealPayments {
    const NAME: &'static str = "real payments";
}

/// The address of a service that does not run.
const NO_SERVICE: &str = "http://127.0.0.1:1";

fn run(dir: &TempDir, url: &str, arguments: &[&str]) -> Result<Finished> {
    run_with(dir, url, arguments, &[])
}

fn run_with(dir: &TempDir, url: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Finished> {
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-recordings"), dir).env("REAL_PAYMENTS_URL", url);
    let suite = variables.iter().fold(suite, |suite, (name, value)| suite.env(name, *value));
    let finished = suite.args(arguments).run()?;
    let output = finished.stdout() + &finished.stderr();
    assert!(!output.contains("s3cret"), "{output}");
    Ok(finished)
}

fn file_of(dir: &TempDir, test: &str) -> PathBuf {
    dir.join("tests/recordings/suite_recordings/payments").join(format!("{test}.json"))
}

/// The recording of a test, without secrets in it.
fn recording_of(dir: &TempDir, test: &str) -> Result<Value> {
    let written = fs::read_to_string(file_of(dir, test))?;
    assert!(!written.contains("s3cret"), "{written}");
    Ok(serde_json::from_str(&written)?)
}

/// The paths of the requests in a recording.
fn paths_in(recording: &Value) -> Vec<&str> {
    let exchanges = recording["exchanges"].as_array().map(Vec::as_slice).unwrap_or_default();
    exchanges.iter().filter_map(|exchange| exchange["request"]["path"].as_str()).collect()
}

#[track_caller]
fn assert_failed_with(finished: &Finished, texts: &[&str]) {
    let stdout = finished.stdout();
    for text in texts {
        assert!(stdout.contains(text), "{text}\n{stdout}\n{}", finished.stderr());
    }
    assert_eq!(finished.code(), Some(101), "{stdout}");
}

#[track_caller]
fn assert_passed(finished: &Finished) {
    assert_eq!(finished.code(), Some(0), "{}\n{}", finished.stdout(), finished.stderr());
}

/// Answers what the test `charges_a_card` requests, once.
fn answer_charge(real: &StandIn<RealPayments>) {
    let charge = request::post("/v1/charge").query("api_key", "s3cret").bearer("s3cret").json("/password", "s3cret");
    let answer = json!({"id": "pay_1", "amount": 7, "client_secret": "s3cret"});
    real.when(charge).once().reply(
        Reply::json(201, answer).header("set-cookie", "session=s3cret; Path=/").header("x-request-id", "8f14e45f"),
    );
    real.when(request::get("/v1/charges/pay_1")).once().reply(Reply::json(200, json!({"status": "paid"})));
}

/// Records the test `charges_a_card`.
fn record_charge(dir: &TempDir, real: &StandIn<RealPayments>) -> Result<Finished> {
    answer_charge(real);
    let finished = run(dir, &format!("{}/v1", real.url()), &["--exact", "charges_a_card", "--record-stand-ins"])?;
    assert_passed(&finished);
    Ok(finished)
}

#[integration_test(tags("stand-ins"))]
fn recorded_test_passes_without_the_real_service(dir: &TempDir, real: &StandIn<RealPayments>) -> Result<()> {
    let missing = run(dir, &real.url(), &["--exact", "charges_a_card"])?;
    assert_failed_with(
        &missing,
        &["there is no recording tests/recordings/suite_recordings/payments/charges_a_card.json"],
    );

    let recorded = record_charge(dir, real)?;
    let warning = "\nwarning: charges_a_card: 2 exchanges with the real payments recorded in \
        tests/recordings/suite_recordings/payments/charges_a_card.json; review the file before you commit it\n";
    assert!(recorded.stdout().contains(warning), "{}", recorded.stdout());
    recorded.assert_nothing_left();
    let expected = json!({
        "version": 1,
        "api": "payments",
        "exchanges": [
            {
                "request": {
                    "method": "POST", "path": "/charge", "query": "api_key=***&expand=card",
                    "body": {"json": {"amount": 7, "password": "***"}},
                },
                "response": {
                    "status": 201,
                    "headers": ["content-type: application/json", "set-cookie: session=***; Path=/"],
                    "body": {"json": {"amount": 7, "client_secret": "***", "id": "pay_1"}},
                },
            },
            {
                "request": {"method": "GET", "path": "/charges/pay_1"},
                "response": {
                    "status": 200, "headers": ["content-type: application/json"], "body": {"json": {"status": "paid"}},
                },
            },
        ],
    });
    assert_eq!(recording_of(dir, "charges_a_card")?, expected);
    let files = fs::read_dir(file_of(dir, "x").parent().ok_or("it has a folder")?)?.count();
    assert_eq!(files, 1, "a draft is left");

    // Two rounds need no more answers than one, and record nothing new.
    for arguments in [&[][..], &["--repeat", "2"], &["--record-stand-ins"]] {
        let replayed = run(dir, NO_SERVICE, &[&["--exact", "charges_a_card"], arguments].concat())?;
        assert_passed(&replayed);
        assert_eq!(recording_of(dir, "charges_a_card")?, expected);
    }
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn request_that_differs_from_the_recording_fails_the_test(dir: &TempDir, real: &StandIn<RealPayments>) -> Result<()> {
    record_charge(dir, real)?;
    let finished = run_with(dir, &real.url(), &["--exact", "charges_a_card"], &[("AMOUNT", "8")])?;
    let source = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/suites/recordings.rs"))?;
    let line = source.lines().position(|line| line.contains("use_recording")).ok_or("the suite uses recordings")? + 1;
    let expected = [
        &format!("failed in act at tests/suites/recordings.rs:{line}:14\n"),
        "  payments does not answer POST /charge?api_key=***&expand=card: 3 of 4 parts are as in exchange 1 of the recording \
         tests/recordings/suite_recordings/payments/charges_a_card.json, POST /charge?api_key=***&expand=card:\n",
        "    /amount is 8, the recording wants 7\n",
        "    record it with: cargo test -p itest-tests --test suite_recordings -- --exact charges_a_card --record-stand-ins\n",
        ", the recording does not have it\n",
    ];
    assert_failed_with(&finished, &expected);
    // The real service got the two requests of the recording, and none since.
    assert_eq!(real.received().len(), 2);
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn recording_again_adds_only_what_is_new(dir: &TempDir, real: &StandIn<RealPayments>) -> Result<()> {
    record_charge(dir, real)?;
    let before = recording_of(dir, "charges_a_card")?;
    real.when(request::get("/refunds")).once().reply(Reply::text(200, "none"));
    let extra = &[("EXTRA", "1")];
    assert_passed(&run_with(dir, &real.url(), &["--exact", "charges_a_card", "--record-stand-ins"], extra)?);
    let after = recording_of(dir, "charges_a_card")?;
    assert_eq!(paths_in(&after), ["/charge", "/charges/pay_1", "/refunds"]);
    assert_eq!(after["exchanges"][0], before["exchanges"][0]);
    assert_passed(&run_with(dir, NO_SERVICE, &["--exact", "charges_a_card"], extra)?);

    let unused = "exchange 3 of the recording tests/recordings/suite_recordings/payments/charges_a_card.json, GET /refunds, was never used";
    assert_failed_with(&run(dir, NO_SERVICE, &["--exact", "charges_a_card"])?, &[unused]);
    // While the test is recorded, the user decides about the exchange.
    let recording = run(dir, NO_SERVICE, &["--exact", "charges_a_card", "--record-stand-ins"])?;
    assert_passed(&recording);
    assert!(recording.stdout().contains(&format!("warning: charges_a_card: {unused}")), "{}", recording.stdout());
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn again_writes_the_recording_anew(dir: &TempDir, real: &StandIn<RealPayments>) -> Result<()> {
    let file = file_of(dir, "tries_again_after_a_fault");
    fs::create_dir_all(file.parent().ok_or("it has a folder")?)?;
    fs::write(&file, "damaged")?;
    let damaged = run(dir, &real.url(), &["--exact", "tries_again_after_a_fault", "--record-stand-ins"])?;
    assert_failed_with(
        &damaged,
        &["cannot use the recording", "tries_again_after_a_fault.json:1: expected value; repair it"],
    );
    real.when(request::get("/status")).once().reply(Reply::text(200, "up"));
    let again = &["--exact", "tries_again_after_a_fault", "--record-stand-ins=again"];
    assert_passed(&run(dir, &real.url(), again)?);
    assert_eq!(paths_in(&recording_of(dir, "tries_again_after_a_fault")?), ["/status"]);
    assert_passed(&run(dir, NO_SERVICE, &["--exact", "tries_again_after_a_fault"])?);
    Ok(())
}

/// The file proves that the test was recorded, and is written once.
#[integration_test(tags("stand-ins"))]
fn test_without_requests_has_an_empty_recording(dir: &TempDir) -> Result<()> {
    for expected in [true, false] {
        let recorded = run(dir, NO_SERVICE, &["--exact", "sends_nothing", "--record-stand-ins"])?;
        assert_passed(&recorded);
        let is_written = recorded.stdout().contains("0 exchanges with the real payments recorded in ");
        assert_eq!(is_written, expected, "{}", recorded.stdout());
    }
    assert_eq!(recording_of(dir, "sends_nothing")?["exchanges"], json!([]));
    assert_passed(&run(dir, NO_SERVICE, &["--exact", "sends_nothing"])?);
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn failed_test_records_nothing_and_says_so(dir: &TempDir, real: &StandIn<RealPayments>) -> Result<()> {
    real.when(request::get("/status")).once().reply(Reply::text(200, "up"));
    let finished = run(dir, &real.url(), &["--exact", "fails_after_an_answer", "--record-stand-ins"])?;
    let expected = [
        "the order is not paid",
        "fails_after_an_answer.json is not written, because the test has not passed\n",
        ", answered by the real service\n",
    ];
    assert_failed_with(&finished, &expected);
    assert!(!file_of(dir, "fails_after_an_answer").exists());
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn failed_attempt_leaves_nothing_in_the_recording_of_the_next(
    dir: &TempDir,
    real: &StandIn<RealPayments>,
) -> Result<()> {
    real.when(request::get("/attempts/{number}")).times(2).reply(Reply::status(200));
    assert_passed(&run(dir, &real.url(), &["--exact", "passes_at_the_second_attempt", "--record-stand-ins"])?);
    assert_eq!(paths_in(&recording_of(dir, "passes_at_the_second_attempt")?), ["/attempts/2"]);
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn cases_in_several_processes_record_into_files_of_their_own(
    dir: &TempDir,
    real: &StandIn<RealPayments>,
) -> Result<()> {
    real.when(request::get("/orders/{number}")).times(4).reply(Reply::status(200));
    assert_passed(&run(dir, &real.url(), &["sends_an_order", "--record-stand-ins", "--jobs", "4"])?);
    let folder = file_of(dir, "sends_an_order").with_extension("");
    assert_eq!(fs::read_dir(&folder)?.count(), 4);
    assert_passed(&run(dir, NO_SERVICE, &["sends_an_order", "--jobs", "4"])?);
    Ok(())
}

#[integration_test(tags("stand-ins"))]
#[case::redirect(Reply::status(302).header("location", "/elsewhere"), "302 /elsewhere ")]
#[case::client_error(Reply::text(404, "gone"), "404 nowhere gone")]
#[case::stream(Reply::stream(200, ["a", "b", "c"], Duration::from_millis(5)), "200 nowhere abc")]
fn answer_is_passed_on_and_recorded_as_it_is(
    #[case] reply: Reply,
    #[case] expected: &str,
    dir: &TempDir,
    real: &StandIn<RealPayments>,
) -> Result<()> {
    // The client accepts gzip, and the stand-in does not.
    real.when(request::get("/answer").header("accept-encoding", "identity")).once().reply(reply);
    let expected = &[("EXPECTED", expected)];
    assert_passed(&run_with(dir, &real.url(), &["--exact", "passes_an_answer_on", "--record-stand-ins"], expected)?);
    assert_passed(&run_with(dir, NO_SERVICE, &["--exact", "passes_an_answer_on"], expected)?);
    Ok(())
}

/// A lenient stand-in fails the test as well, because its recording would lack the answer.
#[integration_test(tags("stand-ins"))]
#[case::error(Reply::status(503), "it answers 503 Service Unavailable, which may be different next time")]
#[case::too_many_requests(Reply::status(429), "it answers 429 Too Many Requests")]
#[case::compressed(Reply::text(200, "x").header("content-encoding", "gzip"), "its response is compressed")]
#[case::large(Reply::text(200, "x".repeat(1_048_577)), "its response has more than 1048576 bytes")]
fn answer_that_cannot_be_recorded_fails_the_test(
    #[case] reply: Reply,
    #[case] expected: &str,
    dir: &TempDir,
    real: &StandIn<RealPayments>,
) -> Result<()> {
    real.when(request::get("/answer")).once().reply(reply);
    let finished = run(dir, &real.url(), &["--exact", "accepts_any_answer", "--record-stand-ins"])?;
    let message = format!("the real payments gives GET /answer no answer to record: {expected}");
    assert_failed_with(&finished, &[&message, "accepts_any_answer.json is not written"]);
    assert!(!file_of(dir, "accepts_any_answer").exists());
    Ok(())
}

#[integration_test(tags("stand-ins"))]
#[case::unreachable(NO_SERVICE, "no answer to record: client error (Connect): ")]
#[case::without_tls(
    "https://127.0.0.1:1",
    "the client has no TLS: add `reqwest = { version = \"0.13\", features = [\"rustls\"] }`"
)]
#[case::no_url("", "cannot record payments, because `real_url` of its `Api` returns no URL: let it return")]
#[case::invalid("ftp://ann:s3cret@example.com", "ftp://ann:***@example.com is no URL of a real service")]
fn real_service_that_cannot_be_used_fails_the_test(
    #[case] url: &str,
    #[case] expected: &str,
    dir: &TempDir,
) -> Result<()> {
    let finished = run(dir, url, &["--exact", "accepts_any_answer", "--record-stand-ins"])?;
    assert_failed_with(&finished, &[expected]);
    assert!(!file_of(dir, "accepts_any_answer").exists());
    Ok(())
}

#[integration_test(tags("stand-ins"))]
fn test_that_ends_before_the_answer_records_nothing(dir: &TempDir, real: &StandIn<RealPayments>) -> Result<()> {
    // The request may be cut off before it reaches the real service.
    real.when(request::get("/late")).optional().reply(Reply::status(200).delay(Duration::from_mins(1)));
    let finished = run(dir, &real.url(), &["--exact", "ends_before_the_answer", "--record-stand-ins"])?;
    assert_failed_with(&finished, &["the test ended before the real payments had answered all requests"]);
    assert!(!file_of(dir, "ends_before_the_answer").exists());
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("stand-ins"))]
#[case::flag(&["--record-stand-ins"], &[("CI", "true")], "--record-stand-ins is refused because the variable CI is set")]
#[case::variable(&[], &[("CI", "1"), ("ITEST_RECORD_STAND_INS", "new")], "is refused because the variable CI is set")]
#[case::misspelt(&["--record-stand-ins=agian"], &[], "--record-stand-ins=agian is not valid; it is `new` or `again`")]
fn recording_is_refused(
    #[case] arguments: &[&str],
    #[case] variables: &[(&str, &str)],
    #[case] expected: &str,
    dir: &TempDir,
) -> Result<()> {
    let finished = run_with(dir, NO_SERVICE, &[&["--exact", "charges_a_card"], arguments].concat(), variables)?;
    assert_failed_with(&finished, &[expected]);
    assert!(!file_of(dir, "charges_a_card").exists());
    Ok(())
}

/// The faults reach the answers of a recording, and no execution with a fault changes the recording.
#[integration_test(tags("stand-ins"), timeout = "2m")]
fn exploration_of_faults_uses_recorded_answers(dir: &TempDir, real: &StandIn<RealPayments>) -> Result<()> {
    record_charge(dir, real)?;
    let before = recording_of(dir, "charges_a_card")?;
    let explored = run(dir, NO_SERVICE, &["--faults", "--exact", "charges_a_card", "--record-stand-ins"])?;
    let stdout = explored.stdout();
    assert!(stdout.contains("2 calls; 16 executions with a fault follow\n"), "{stdout}\n{}", explored.stderr());
    assert!(!stdout.contains("does not answer"), "{stdout}");
    assert_eq!(recording_of(dir, "charges_a_card")?, before);
    explored.assert_nothing_left();
    Ok(())
}
