//! Exchanges of the client and of the in-process server are reported once, in the test in which they happened.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-http"), dir)
}

/// The exchanges in the text of a failure, with the port and without times: `test → shop POST /orders 201`.
fn exchanges(dir: &TempDir, test: &str) -> Result<Vec<String>> {
    let finished = suite(dir).args(&["--exact", test]).run()?;
    let output = finished.stdout() + &finished.stderr();
    assert_eq!(finished.code(), Some(101), "{output}");
    assert!(!output.contains("s3cret"), "{output}");
    let lines = output.split_once("  exchanges:\n").map_or("", |(_, lines)| lines).lines();
    let lines = lines.map_while(|line| line.strip_prefix("  | +")).map(|line| {
        let (_, line) = line.split_once("ms ").unwrap_or_default();
        let (line, rest) = line.split_once(" after ").unwrap_or((line, ""));
        let fault = rest.split_once(", ").map_or_else(String::new, |(_, fault)| format!(", {fault}"));
        format!("{line}{fault}")
    });
    Ok(lines.collect())
}

#[integration_test(tags("http"))]
fn request_of_the_client_to_the_server_is_reported_once(dir: &TempDir) -> Result<()> {
    let expected = ["test → shop POST /orders?access_token=*** 201", "admin → shop POST /orders 201"];
    assert_eq!(exchanges(dir, "requests_to_the_server")?, expected);
    Ok(())
}

#[integration_test(tags("http"))]
fn request_of_another_client_is_reported_by_the_server(dir: &TempDir) -> Result<()> {
    assert_eq!(exchanges(dir, "request_of_another_client")?, ["shop POST /orders?token=*** 201"]);
    Ok(())
}

#[integration_test(tags("http"))]
fn request_to_a_stand_in_is_reported_once_with_its_fault(dir: &TempDir) -> Result<()> {
    assert_eq!(exchanges(dir, "request_to_a_stand_in")?, ["shop → payments POST /charge 503, fault status-503"]);
    Ok(())
}

#[integration_test(tags("http"))]
fn request_to_another_service_is_reported_by_the_client(dir: &TempDir) -> Result<()> {
    let exchanges = exchanges(dir, "request_to_another_service")?;
    let [one, other] = &exchanges[..] else { return Err(format!("{exchanges:?}").into()) };
    assert!(one.starts_with("test → 127.0.0.1:") && one.ends_with(" GET /tea 418"), "{one}");
    assert_eq!(other, "test → library GET /books without a response");
    Ok(())
}

#[integration_test(tags("http"))]
fn request_without_a_response_is_reported(dir: &TempDir) -> Result<()> {
    assert_eq!(exchanges(dir, "request_without_a_response")?, ["test → shop GET /late without a response"]);
    Ok(())
}

#[integration_test(tags("http"))]
fn stream_is_one_exchange(dir: &TempDir) -> Result<()> {
    assert_eq!(exchanges(dir, "stream_of_events")?, ["test → shop GET /events 200"]);
    let events = suite(dir).events(&["--exact", "stream_of_events"])?;
    let exchange = &events.case("stream_of_events")["exchanges"][0];
    assert_eq!(
        (exchange["response_bytes"].as_u64(), exchange["response"].as_str()),
        (Some(12), Some("data: paid\n\n"))
    );
    Ok(())
}

/// The request of the worker fixture's setup belongs to the test that needed the fixture first.
#[integration_test(tags("http"))]
fn exchanges_with_a_shared_server_belong_to_the_running_test(dir: &TempDir) -> Result<()> {
    let lane = "shared::one shared::other shared::without_a_request";
    let events = suite(dir).events(&["--lane", lane])?;
    let operations = |test: &str| -> Vec<String> {
        let exchanges = events.case(test)["exchanges"].as_array().cloned().unwrap_or_default();
        exchanges.iter().filter_map(|exchange| Some(exchange["operation"].as_str()?.to_owned())).collect()
    };
    assert_eq!(operations("shared::one"), ["POST /orders", "GET /one"]);
    assert_eq!(operations("shared::other"), ["GET /other"]);
    assert!(operations("shared::without_a_request").is_empty());
    Ok(())
}

#[integration_test(tags("http"))]
fn bodies_of_exchanges_contain_no_secrets(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", "requests_to_the_server"])?;
    let exchanges = &events.case("requests_to_the_server")["exchanges"];
    assert!(!exchanges.to_string().contains("s3cret"), "{exchanges}");
    let (json, form) = (&exchanges[0], &exchanges[1]);
    assert_eq!((json["from"].as_str(), json["to"].as_str()), (Some("test"), Some("shop")));
    let request = json["request"].as_str().unwrap_or_default();
    assert!(request.contains("\"book\": 1") && request.contains("\"password\": \"***\""), "{request}");
    assert!(json["response"].as_str().unwrap_or_default().contains("\"token\": \"***\""), "{json}");
    assert_eq!(form["request"].as_str(), Some("password: ***\nbook: 1"));
    Ok(())
}

#[integration_test(tags("http"))]
fn test_without_exchanges_reports_none(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["without_exchanges"])?;
    for test in ["without_exchanges", "failed_without_exchanges"] {
        assert!(events.case(test).get("exchanges").is_none(), "{:?}", events.case(test));
    }
    let output = suite(dir).args(&["--exact", "failed_without_exchanges"]).run()?.stdout();
    assert!(output.contains("the body fails") && !output.contains("exchanges:"), "{output}");
    Ok(())
}

/// A server of wiremock that is not pooled leaves nothing behind, and a failed assertion on its requests is located in the test.
#[integration_test(tags("http"))]
fn failed_assertion_on_wiremock_is_located_in_the_test(dir: &TempDir) -> Result<()> {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/suites/http.rs"))?;
    let line = source.lines().position(|line| line.contains("\"charges\"")).ok_or("the suite compares")? + 1;
    let output = suite(dir).args(&["--exact", "requests_to_wiremock"]).run()?.stdout();
    assert!(output.contains(&format!("failed in test body at tests/suites/http.rs:{line}:")), "{output}");
    assert!(output.contains("test → payments POST /charge 201") && !output.contains("leak"), "{output}");
    Ok(())
}

#[integration_test(tags("http"))]
fn end_of_a_server_before_its_test_is_reported(dir: &TempDir) -> Result<()> {
    for (test, reason) in
        [("server_that_fails", "failed: no threads"), ("server_that_ends_early", "ended before its test")]
    {
        let output = suite(dir).args(&["--exact", test]).run()?.stdout();
        let is_reported = output.contains("the server on 127.0.0.1:") && output.contains(reason);
        assert!(is_reported, "{test}: {output}");
    }
    Ok(())
}
