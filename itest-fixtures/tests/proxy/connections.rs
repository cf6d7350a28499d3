//! Faults of connections, and a service that is gone and comes back.

use std::io::{ErrorKind, Result as IoResult};
use std::time::{Duration, Instant};

use itest::ConnectionFault;
use itest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A service that answers each byte with the same byte.
struct Echo {
    address: String,
}

#[fixture]
async fn echo(teardown: &Teardown) -> Result<Echo> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let serving = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    teardown.defer("stop the service", async move { serving.abort() });
    Ok(Echo { address })
}

/// Sends bytes, and reads as many.
async fn exchange(address: &str, length: usize) -> IoResult<usize> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&vec![7; length]).await?;
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await
}

#[integration_test]
async fn bytes_come_back_and_the_end_of_the_client_passes(echo: &Echo, proxy: &Proxy) -> Result<()> {
    let mut stream = TcpStream::connect(proxy.to(&echo.address)?).await?;
    stream.write_all(b"hello").await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    assert_eq!(answer, "hello");
    Ok(())
}

#[integration_test]
async fn connection_is_reset_when_it_is_made(echo: &Echo, proxy: &Proxy) -> Result<()> {
    let address = proxy.to(&echo.address)?;
    proxy.inject_into_connections(ConnectionFault::ResetOnConnect).on_every_connection().first(1);
    let error = exchange(&address, 1).await.err().ok_or("the connection is reset")?;
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    assert_eq!(exchange(&address, 1).await?, 1);
    Ok(())
}

#[integration_test]
async fn half_open_connection_never_answers(echo: &Echo, proxy: &Proxy) -> Result<()> {
    let address = proxy.to(&echo.address)?;
    proxy.inject_into_connections(ConnectionFault::HalfOpen).on_every_connection().first(1);
    assert!(tokio::time::timeout(Duration::from_millis(100), exchange(&address, 1)).await.is_err());
    assert_eq!(exchange(&address, 1).await?, 1);
    Ok(())
}

#[integration_test]
async fn connection_is_reset_after_some_bytes(echo: &Echo, proxy: &Proxy) -> Result<()> {
    let address = proxy.to(&echo.address)?;
    proxy.inject_into_connections(ConnectionFault::Cut(1000)).on_every_connection().after(1).first(1);
    assert_eq!(exchange(&address, 5000).await?, 5000);
    assert!(exchange(&address, 5000).await.is_err());
    assert_eq!(exchange(&address, 5000).await?, 5000);
    Ok(())
}

#[integration_test]
#[case::slow(ConnectionFault::Slow(Duration::from_millis(60)), 10)]
#[case::throttled(ConnectionFault::Throttled(100_000), 10_000)]
async fn answer_takes_longer(
    echo: &Echo,
    proxy: &Proxy,
    #[case] fault: ConnectionFault,
    #[case] length: usize,
) -> Result<()> {
    let address = proxy.to(&echo.address)?;
    proxy.inject_into_connections(fault).on_every_connection();
    let began = Instant::now();
    assert_eq!(exchange(&address, length).await?, length);
    assert!(began.elapsed() >= Duration::from_millis(50), "{:?}", began.elapsed());
    Ok(())
}

#[integration_test]
async fn service_is_gone_and_comes_back(echo: &Echo, proxy: &Proxy) -> Result<()> {
    let address = proxy.to(&echo.address)?;
    let mut stream = TcpStream::connect(&address).await?;
    stream.write_all(b"a").await?;
    stream.read_u8().await?;

    proxy.refuse_connections().await?;
    let error = stream.read_u8().await.err().ok_or("the connection is reset")?;
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let refused = exchange(&address, 1).await.err().ok_or("new connections are refused")?;
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    proxy.accept_connections().await?;
    assert_eq!(exchange(&address, 1).await?, 1);
    Ok(())
}

#[integration_test]
async fn existing_connections_are_reset_and_new_ones_accepted(echo: &Echo, proxy: &Proxy) -> Result<()> {
    let address = proxy.to(&echo.address)?;
    let mut stream = TcpStream::connect(&address).await?;
    stream.write_all(b"a").await?;
    stream.read_u8().await?;
    proxy.reset_connections().await?;
    assert_eq!(stream.read_u8().await.err().map(|error| error.kind()), Some(ErrorKind::ConnectionReset));
    assert_eq!(exchange(&address, 1).await?, 1);
    Ok(())
}

#[integration_test]
async fn proxy_that_leads_nowhere_refuses_connections(proxy: &Proxy) -> Result<()> {
    let refused = TcpStream::connect(proxy.address()).await.err().ok_or("nothing accepts")?;
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    Ok(())
}

#[integration_test]
async fn service_that_cannot_be_reached_resets_the_client(proxy: &Proxy) -> Result<()> {
    let unused = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let address = proxy.to(&unused.to_string())?;
    assert!(exchange(&address, 1).await.is_err());
    Ok(())
}
