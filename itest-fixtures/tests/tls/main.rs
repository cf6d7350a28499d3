//! TLS of stand-ins: clients that trust the authority of the test, clients that do not, and bad certificates.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

use std::sync::Arc;

use itest::prelude::*;
use itest::{Api, BadCertificate, CertificateAuthority, Client, Fault, Reply, request};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio_rustls::TlsConnector;

itest::main!();

/// A payment provider.
struct Payments;

impl Api for Payments {
    const NAME: &'static str = "payments";
}

/// A client that trusts these certificates.
fn connector(trusted: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for pem in trusted {
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// What a client gets to a request, until the connection ends, and how it ends.
async fn get(payments: &StandIn<Payments>, connector: &TlsConnector, name: &str) -> (String, std::io::Result<()>) {
    let mut response = Vec::new();
    let exchange = async {
        let stream = TcpStream::connect(payments.address()).await?;
        let mut stream = connector.connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await?;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await?;
        stream.read_to_end(&mut response).await.map(drop)
    };
    let ended = exchange.await;
    (String::from_utf8_lossy(&response).into_owned(), ended)
}

#[integration_test]
async fn client_that_trusts_the_authority_gets_a_reply_over_tls(
    payments: &StandIn<Payments>,
    authority: &CertificateAuthority,
    #[values("127.0.0.1", "localhost")] name: &str,
) -> Result<()> {
    payments.when(request::get("/health")).once().reply(Reply::text(200, "fine"));
    assert_eq!(payments.https_url()?, format!("https://{}", payments.address()));
    let (response, ended) = get(payments, &connector(&[authority.pem()]), name).await;
    ended?;
    assert!(response.starts_with("HTTP/1.1 200 OK") && response.ends_with("fine"), "{response}");
    Ok(())
}

#[integration_test]
async fn curl_trusts_the_file_of_the_authority(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::get("/health")).once().reply(Reply::text(200, "fine"));
    let url = format!("{}/health", payments.https_url()?);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--cacert"]).arg(payments.certificate_authority()?.path()).arg(&url);
    let output = match curl.kill_on_drop(true).output().await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => unavailable!("curl", "apt-get install curl"),
        output => output?,
    };
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "fine");
    Ok(())
}

#[integration_test]
async fn plain_http_remains_valid_at_the_port_with_tls(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::get("/health")).once().reply(Reply::text(200, "fine"));
    payments.https_url()?;
    Client::new(payments.url()).get("/health").await?.assert_status(200).assert_text("fine");
    Ok(())
}

#[integration_test]
async fn client_that_does_not_trust_the_authority_fails_and_the_test_passes(
    payments: &StandIn<Payments>,
) -> Result<()> {
    payments.https_url()?;
    let (response, ended) = get(payments, &connector(&[]), "127.0.0.1").await;
    assert!(ended.unwrap_err().to_string().contains("UnknownIssuer"));
    assert_eq!((response.as_str(), payments.received().len()), ("", 0));
    Ok(())
}

#[integration_test]
async fn bad_certificate_differs_from_the_good_one_only_in_its_property(
    payments: &StandIn<Payments>,
    authority: &CertificateAuthority,
    #[values(BadCertificate::Untrusted, BadCertificate::Expired, BadCertificate::WrongName)] bad: BadCertificate,
) -> Result<()> {
    payments.present_certificate(bad)?;
    assert_eq!(payments.https_url()?, format!("https://{}", payments.address()));
    let (_, ended) = get(payments, &connector(&[authority.pem()]), "127.0.0.1").await;
    let refusal = ended.unwrap_err().to_string();
    let expected = match bad {
        BadCertificate::Untrusted => "UnknownIssuer",
        BadCertificate::Expired => "certificate expired",
        _ => "not valid for name",
    };
    assert!(refusal.contains(expected), "{bad}: {refusal}");
    assert!(payments.received().is_empty());
    Ok(())
}

#[integration_test]
async fn response_that_is_cut_over_tls_ends_with_a_reset(
    payments: &StandIn<Payments>,
    authority: &CertificateAuthority,
) -> Result<()> {
    payments.when(request::get("/health")).once().reply(Reply::text(200, "x".repeat(100_000)));
    payments.inject(Fault::Cut(40_000)).on_every_request();
    payments.https_url()?;
    let (response, ended) = get(payments, &connector(&[authority.pem()]), "localhost").await;
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    // A reset deletes what the client has not read, so the response may be shorter than the cut.
    assert!(response.len() <= 40_000, "{} bytes", response.len());
    Ok(())
}

#[integration_test]
async fn client_that_leaves_during_the_handshake_is_no_failure_of_the_test(payments: &StandIn<Payments>) -> Result<()> {
    payments.https_url()?;
    let mut stream = TcpStream::connect(payments.address()).await?;
    stream.write_all(&[0x16, 0x03, 0x01]).await?;
    drop(stream);
    Ok(())
}

/// The test ends at once although a client has not completed its handshake.
#[integration_test(timeout = "4s")]
async fn unfinished_handshake_does_not_delay_the_end(payments: &StandIn<Payments>, teardown: &Teardown) -> Result<()> {
    payments.https_url()?;
    let mut stream = TcpStream::connect(payments.address()).await?;
    stream.write_all(&[0x16, 0x03, 0x01]).await?;
    // The connection stays open until the next step of the teardown.
    teardown.defer("close the client's connection", async move { drop(stream) });
    Ok(())
}

#[integration_test]
async fn file_of_the_authority_has_its_certificate(authority: &CertificateAuthority) -> Result<()> {
    assert_eq!(tokio::fs::read_to_string(authority.path()).await?, authority.pem());
    assert!(authority.pem().starts_with("-----BEGIN CERTIFICATE-----"));
    Ok(())
}
