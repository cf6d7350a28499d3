//! Tests whose proxies fail them, and tests whose failure shows the connections.

use itest::prelude::*;
use itest::{ConnectionFault, Fault, statement};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

itest::main!();

#[integration_test]
fn fault_of_statements_is_never_triggered(proxy: &Proxy) {
    proxy.inject(Fault::Timeout).on(statement::containing("UPDATE account"));
}

#[integration_test]
fn fault_of_connections_is_never_triggered(proxy: &Proxy) {
    proxy.inject_into_connections(ConnectionFault::HalfOpen).on_every_connection();
}

#[integration_test]
async fn fault_of_connections_is_triggered_once(proxy: &Proxy) -> Result<()> {
    let service = TcpListener::bind("127.0.0.1:0").await?;
    let address = proxy.to(&service.local_addr()?.to_string())?;
    proxy.inject_into_connections(ConnectionFault::ResetOnConnect).on_every_connection().first(3);
    // The connection may be reset before the client knows that it has one.
    if let Ok(mut stream) = TcpStream::connect(address).await {
        assert!(stream.read(&mut [0]).await.is_err());
    }
    Ok(())
}

#[integration_test]
fn lenient_proxy(proxy: &Proxy) {
    proxy.inject(Fault::Timeout).on_every_statement();
    proxy.inject_into_connections(ConnectionFault::HalfOpen).on_every_connection();
    proxy.lenient();
}

#[integration_test]
fn fault_is_never_triggered_because_the_test_fails(proxy: &Proxy) {
    proxy.inject(Fault::Timeout).on_every_statement();
    panic!("the test fails before its request");
}

#[integration_test]
async fn connection_is_reset(proxy: &Proxy) -> Result<()> {
    let service = TcpListener::bind("127.0.0.1:0").await?;
    let address = proxy.to(&format!("redis://{}", service.local_addr()?))?;
    proxy.inject_into_connections(ConnectionFault::ResetOnConnect).on_every_connection().first(2);
    let address = address.trim_start_matches("redis://").to_owned();
    let stream = TcpStream::connect(address).await?;
    let read = stream.readable().await.and_then(|()| stream.try_read(&mut [0]));
    Err(format!("the read gives {read:?}").into())
}
