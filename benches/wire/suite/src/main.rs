//! The same small test with a stand-in and with wiremock: 20 times, and 200 times more. The client is the same plain connection, so that only
//! the servers differ.

use std::net::SocketAddr;

use itest::prelude::*;
use itest::{Api, Reply, request};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

itest::main!();

struct Payments;

impl Api for Payments {
    const NAME: &'static str = "payments";
}

/// Sends requests on one connection, and reads their responses.
async fn exchange(address: SocketAddr, requests: u32) -> Result<()> {
    const REQUEST: &[u8] = b"POST /charge HTTP/1.1\r\nhost: payments\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{\"amount\":2598}";
    let mut connection = TcpStream::connect(address).await?;
    let mut bytes = [0; 1024];
    for _ in 0..requests {
        connection.write_all(REQUEST).await?;
        let mut length = 0;
        // The response is complete when its body is.
        while !bytes[..length].ends_with(b"{\"id\":\"pay_1\"}") {
            match connection.read(&mut bytes[length..]).await? {
                0 => return Err(format!("the response is {}", String::from_utf8_lossy(&bytes[..length])).into()),
                read => length += read,
            }
        }
        if !bytes.starts_with(b"HTTP/1.1 200") {
            return Err("the status is not 200".into());
        }
    }
    Ok(())
}

async fn with_stand_in(payments: &StandIn<Payments>, requests: u32) -> Result<()> {
    payments.when(request::post("/charge").json("/amount", 2598)).reply(Reply::json(200, json!({"id": "pay_1"})));
    exchange(payments.address(), requests).await
}

async fn with_wiremock(server: MockServer, requests: u32) -> Result<()> {
    let body = wiremock::matchers::body_partial_json(json!({"amount": 2598}));
    let reply = ResponseTemplate::new(200).set_body_json(json!({"id": "pay_1"}));
    Mock::given(method("POST")).and(path("/charge")).and(body).respond_with(reply).mount(&server).await;
    exchange(*server.address(), requests).await
}

/// The same tests with a server. `$parameter` is its fixture, if it is one.
macro_rules! tests {
    ($module:ident ($($parameter:ident: $type:ty)?) |$requests:ident| $run:expr) => {
        mod $module {
            use super::*;

            #[integration_test]
            async fn few(
                #[values(0, 1)] _tens: u32,
                #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _ones: u32,
                $($parameter: $type)?
            ) -> Result<()> {
                let $requests = 1;
                $run.await
            }

            #[integration_test]
            async fn more(
                #[values(0, 1)] _hundreds: u32,
                #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _tens: u32,
                #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _ones: u32,
                $($parameter: $type)?
            ) -> Result<()> {
                let $requests = 1;
                $run.await
            }

            #[integration_test(timeout = "5m")]
            async fn requests(#[values(1, 5001)] requests: u32, $($parameter: $type)?) -> Result<()> {
                let $requests = requests;
                $run.await
            }
        }
    };
}

tests! { nothing () |requests| async move { (requests > 0).then_some(()).ok_or("no request".into()) } }
tests! { stand_in (payments: &StandIn<Payments>) |requests| with_stand_in(payments, requests) }
tests! { wiremock_built () |requests| async move { with_wiremock(MockServer::builder().start().await, requests).await } }
tests! { wiremock_pooled () |requests| async move { with_wiremock(MockServer::start().await, requests).await } }
