//! A server at a URL, which one test at a time uses.

use std::net::SocketAddr;

use async_nats::jetstream;
use itest::prelude::*;
use itest::{Ready, RunningProgram};

use crate::nested::{Run, run};
use crate::workers::run_histories;

/// A server that is shared by nested runs.
struct SharedServer {
    program: RunningProgram,
}

impl SharedServer {
    fn address(&self) -> Result<SocketAddr> {
        self.program.address("PORT")
    }
}

#[fixture]
async fn shared_server(folder: &TempDir, teardown: &Teardown) -> Result<SharedServer> {
    let program = Program::new("nats-server")
        .port("PORT")
        .args([
            "--addr",
            "127.0.0.1",
            "--port",
            "{port}",
            "--user",
            "ann",
            "--pass",
            "s3cret",
            "--jetstream",
            "--store_dir",
        ])
        .arg(folder.path())
        .ready_when(Ready::port("PORT"))
        .start(teardown)
        .await?;
    Ok(SharedServer { program })
}

async fn run_on(url: &str, filter: &str) -> Result<Run> {
    let run = run(filter, &["--jobs", "2"], &[("ITEST_NATS_URL", url)]).await?;
    assert!(!run.text.contains("s3cret"), "the output contains the password:\n{}", run.text);
    Ok(run)
}

#[integration_test]
async fn tests_use_a_shared_server_one_after_the_other_and_leave_no_stream(server: &SharedServer) -> Result<()> {
    let url = format!("nats://ann:s3cret@{}", server.address()?);
    let run = run_on(&url, "cleaning::").await?;
    run.assert_green().assert_contains("5 passed").assert_contains("for one test at a time");
    Ok(())
}

#[integration_test(timeout = "5m")]
async fn histories_on_a_shared_server_leave_it_clean(server: &SharedServer, dir: &TempDir) -> Result<()> {
    let url = format!("nats://ann:s3cret@{}", server.address()?);
    let run = run_histories("histories::nested_history", &[("ITEST_NATS_URL", &url)], dir).await?;
    run.assert_green().assert_contains("400 passed");
    Ok(())
}

#[integration_test]
async fn server_with_a_stream_is_refused_by_its_name(server: &SharedServer) -> Result<()> {
    #[arrange]
    let url = format!("nats://ann:s3cret@{}", server.address()?);
    let options = async_nats::ConnectOptions::with_user_and_password("ann".to_owned(), "s3cret".to_owned());
    let client = options.connect(server.address()?.to_string()).await?;
    let config = jetstream::stream::Config { name: "ORDERS".to_owned(), ..Default::default() };
    jetstream::new(client.clone()).create_stream(config).await?;

    #[act]
    let run = run_on(&url, "messages::large_message_passes_whole").await?;

    #[assert]
    run.assert_red().assert_contains("ITEST_NATS_URL does not look like a server for tests: it has the stream ORDERS");
    client.drain().await?;
    Ok(())
}

#[integration_test]
#[case::scheme("http://127.0.0.1:1", "ITEST_NATS_URL is no URL of NATS; write it as nats://")]
#[case::unreachable("nats://ann:s3cret@127.0.0.1:1", "cannot connect to NATS at 127.0.0.1:1")]
async fn wrong_url_is_an_error_with_a_remedy(#[case] url: &str, #[case] expected: &str) -> Result<()> {
    run_on(url, "messages::large_message_passes_whole").await?.assert_red().assert_contains(expected);
    Ok(())
}

#[integration_test]
async fn wrong_password_is_an_error_with_a_remedy(server: &SharedServer) -> Result<()> {
    let run =
        run_on(&format!("nats://ann:wrong@{}", server.address()?), "messages::large_message_passes_whole").await?;
    run.assert_red().assert_contains("check user and password in the URL");
    Ok(())
}

#[integration_test]
async fn server_of_another_protocol_is_an_error(teardown: &Teardown) -> Result<()> {
    #[arrange]
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let greeting = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n").await;
        }
    });
    teardown.defer("stop the other server", async move { greeting.abort() });

    #[act]
    let run = run_on(&format!("nats://{address}"), "messages::large_message_passes_whole").await?;

    #[assert]
    run.assert_red().assert_contains("does not speak NATS");
    Ok(())
}
