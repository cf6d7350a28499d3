//! What the clients of an account have left on a server.

use itest_runtime::Error;
use serde_json::{Value, json};

use super::client::Client;
use super::configuration::TEST_ACCOUNT;
use crate::failure::with_action;

/// What a private server reports about the account of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AccountState {
    /// The number of connections.
    pub(super) connections: u64,
    /// The number of requests to the API of `JetStream` since the server was started.
    pub(super) jetstream_requests: u64,
}

/// Asks a private server about the account of the tests. `client` belongs to the system account.
///
/// # Errors
///
/// When the server does not answer.
pub(super) async fn account_state(client: &mut Client) -> Result<AccountState, Error> {
    let subjects = ["CONNZ", "JSZ"].map(|about| format!("$SYS.REQ.ACCOUNT.{TEST_ACCOUNT}.{about}"));
    let [connections, jetstream] = client.requests([(&subjects[0], ""), (&subjects[1], "")]).await?;
    Ok(AccountState {
        connections: number(&connections, "/data/num_connections")?,
        jetstream_requests: number(&jetstream, "/data/api/total")?,
    })
}

/// The names of the streams in the account of a client. A server without `JetStream` has none.
///
/// # Errors
///
/// When the server does not answer.
pub(super) async fn streams(client: &mut Client) -> Result<Vec<String>, Error> {
    let answer = client.request("$JS.API.STREAM.NAMES", &json!({ "offset": 0 }).to_string()).await?;
    let names = answer["streams"].as_array().into_iter().flatten();
    Ok(names.filter_map(|name| name.as_str().map(str::to_owned)).collect())
}

/// Deletes all streams in the account of a client, which are also its key-value buckets and object stores.
///
/// # Errors
///
/// When the server does not answer, or does not delete a stream.
pub(super) async fn delete_streams(client: &mut Client) -> Result<(), Error> {
    loop {
        // The server returns only a part of a long list at a time.
        let streams = streams(client).await?;
        if streams.is_empty() {
            return Ok(());
        }
        for stream in streams {
            let answer = client.request(&format!("$JS.API.STREAM.DELETE.{stream}"), "").await?;
            if answer["success"] != true {
                let reason = answer
                    .pointer("/error/description")
                    .and_then(Value::as_str)
                    .unwrap_or("the server gives no reason");
                return Err(with_action(&format!("delete the stream {stream}"), reason));
            }
        }
    }
}

fn number(answer: &Value, pointer: &str) -> Result<u64, Error> {
    let number = answer.pointer(pointer).and_then(Value::as_u64);
    number.ok_or_else(|| with_action("read the state of the account of NATS", &format!("the reply has no {pointer}")))
}
