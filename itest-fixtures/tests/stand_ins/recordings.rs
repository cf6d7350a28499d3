//! Stand-ins that answer from recordings. How recordings are written is tested end to end, in the package `itest-tests`.

use std::time::Duration;

use itest::prelude::*;
use itest::{Client, Fault, Reply, StandIn, request};
use serde_json::json;

use crate::Payments;

fn charge(client: &Client, amount: u32) -> itest::Request {
    client.post("/charge?expand=card&dry=false").bearer("t0ken").json(&json!({"amount": amount, "token": "t0ken"}))
}

/// The order of a query's pairs and the value of a secret do not matter. Headers, JSON, text and bytes are sent as they are recorded.
#[integration_test]
async fn recorded_exchanges_are_answered(payments: &StandIn<Payments>) -> Result<()> {
    payments.use_recording()?;
    let client = Client::new(payments.url());
    let charged = charge(&client, 7).await?;
    charged.assert_status(201).assert_json("/id", "pay_1").assert_json("/token", "***");
    assert_eq!(charged.header("location"), Some("/charges/pay_1"));
    let receipt = client.get("/charges/pay_1/receipt").await?;
    assert_eq!((receipt.status(), receipt.text()), (200, "1 × book\n".into()));
    assert_eq!(client.get("/logo").await?.assert_status(200).bytes(), [0, 255, 1]);
    client.delete("/charges/pay_1").await?.assert_status(204);
    Ok(())
}

#[integration_test]
async fn equal_requests_get_their_answers_in_recorded_order(payments: &StandIn<Payments>) -> Result<()> {
    payments.use_recording()?;
    let client = Client::new(payments.url());
    for status in ["pending", "pending", "paid"] {
        client.get("/charges/pay_1").await?.assert_json("/status", status);
    }
    Ok(())
}

/// The last answer does not repeat, because the code under test may send too many requests.
#[integration_test]
async fn request_beyond_the_recording_gets_501(payments: &StandIn<Payments>) -> Result<()> {
    payments.lenient();
    payments.use_recording()?;
    let client = Client::new(payments.url());
    client.get("/charges/pay_1").await?.assert_status(200);
    let refused = client.get("/charges/pay_1").await?;
    refused.assert_status(501);
    let text = refused.text();
    for expected in [
        "payments does not answer GET /charges/pay_1: the recording tests/recordings/stand_ins/payments/recordings/",
        "answers this request once, and has already done so",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    Ok(())
}

#[integration_test]
async fn changed_request_gets_501_with_the_nearest_exchange(payments: &StandIn<Payments>) -> Result<()> {
    payments.lenient();
    payments.use_recording()?;
    let refused = charge(&Client::new(payments.url()), 8).await?;
    refused.assert_status(501);
    let text = refused.text();
    for expected in [
        "3 of 4 parts are as in exchange 1 of the recording tests/recordings/stand_ins/payments/recordings/changed_request_gets_501_with_the_nearest_exchange.json, POST /charge?dry=false&expand=card:",
        "\n  /amount is 8, the recording wants 7\n",
        "\n  record it with: cargo test -p itest-fixtures --test stand_ins -- --exact recordings::changed_request_gets_501_with_the_nearest_exchange --record-stand-ins\n",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    Ok(())
}

#[integration_test]
async fn request_that_fits_neither_a_stub_nor_the_recording_is_compared_with_both(
    payments: &StandIn<Payments>,
) -> Result<()> {
    payments.lenient();
    payments.use_recording()?;
    payments.when(request::get("/charges/{id}").query("page", 2)).reply(Reply::status(200));
    let text = Client::new(payments.url()).get("/charges/pay_2").await?.assert_status(501).text();
    for expected in [
        ": 3 of 4 parts are as in exchange 1 of the recording ",
        "\n  the path is \"/charges/pay_2\", the recording wants \"/charges/pay_1\"\n",
        "\n  and of the stubs, 2 of 3 conditions of the stub for GET /charges/{id} at itest-fixtures/tests/stand_ins/recordings.rs:",
        "the query parameter \"page\" is missing, the stub wants \"2\"\n",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    Ok(())
}

#[integration_test]
async fn stub_answers_before_the_recording(payments: &StandIn<Payments>) -> Result<()> {
    payments.use_recording()?;
    payments.when(request::get("/health")).reply(Reply::status(204));
    let client = Client::new(payments.url());
    client.get("/health").await?.assert_status(204);
    client.get("/charges/pay_1").await?.assert_status(200);
    Ok(())
}

/// A fault that the service does not process leaves the recorded answer for the next request.
#[integration_test]
async fn fault_applies_to_recorded_answers(payments: &StandIn<Payments>) -> Result<()> {
    payments.use_recording()?;
    payments.inject(Fault::Status(503)).on(request::get("/charges/{id}")).first(1);
    let client = Client::new(payments.url());
    client.get("/charges/pay_1").await?.assert_status(503);
    client.get("/charges/pay_1").await?.assert_json("/status", "paid");
    payments.inject(Fault::EmptyObject).on(request::get("/charges/{id}"));
    assert_eq!(client.get("/charges/pay_1").await?.assert_status(200).text(), "{}");
    Ok(())
}

#[integration_test]
async fn two_stand_ins_of_a_test_use_two_recordings(
    payments: &StandIn<Payments>,
    second: StandIn<Payments>,
) -> Result<()> {
    payments.use_recording()?;
    let refused = second.use_recording().unwrap_err().to_string();
    assert!(refused.contains("another stand-in of this test uses the recording"), "{refused}");
    second.use_recording_named("second")?;
    for (stand_in, id) in [(payments, "pay_1"), (&second, "pay_2")] {
        Client::new(stand_in.url()).get("/charges/last").await?.assert_json("/id", id);
    }
    Ok(())
}

#[integration_test]
fn missing_recording_is_an_error_with_the_command_that_records_it(payments: &StandIn<Payments>) {
    let error = payments.use_recording().unwrap_err().to_string();
    let expected = "there is no recording tests/recordings/stand_ins/payments/recordings/missing_recording_is_an_error_with_the_command_that_records_it.json; \
        record it with: cargo test -p itest-fixtures --test stand_ins -- --exact recordings::missing_recording_is_an_error_with_the_command_that_records_it --record-stand-ins";
    assert_eq!(error, expected);
}

#[integration_test]
fn damaged_recording_is_refused_with_its_line(payments: &StandIn<Payments>) {
    let error = payments.use_recording().unwrap_err().to_string();
    let expected = "damaged_recording_is_refused_with_its_line.json:5: missing field `response`; ";
    assert!(error.contains(expected), "{error}");
}

/// Unknown fields and a recording without exchanges are no errors.
#[integration_test]
fn recording_without_exchanges_is_used_by_a_test_without_requests(payments: &StandIn<Payments>) -> Result<()> {
    payments.use_recording()?;
    // A second call, as in a fixture and its test, has no effect.
    payments.use_recording()?;
    let error = payments.use_recording_named("other").unwrap_err().to_string();
    assert_eq!(error, "the stand-in of payments uses a recording with another name");
    Ok(())
}

#[integration_test]
async fn requests_at_the_same_time_get_one_answer_each(payments: &StandIn<Payments>) -> Result<()> {
    payments.use_recording()?;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let request = Client::new(payments.url()).get("/tickets");
        tasks.spawn(async move { request.await?.json::<u32>() });
    }
    let mut tickets = Vec::new();
    while let Some(ticket) = tokio::time::timeout(Duration::from_secs(10), tasks.join_next()).await? {
        tickets.push(ticket??);
    }
    tickets.sort_unstable();
    assert_eq!(tickets, [1, 2, 3, 4, 5, 6, 7, 8]);
    Ok(())
}
