//! A server at a URL, on which each test has a bucket: `moto_server`, a program of another project.

use std::process::Stdio;
use std::time::Duration;

use itest::prelude::*;
use itest::s3::{Bucket, NewObject};
use itest::{Ready, RunningProgram};

use crate::client::SigningClient;
use crate::killed::KilledRun;
use crate::nested::{Run, require_nested, run};
use crate::python;
use crate::uploads::begin_upload;

/// A server that is shared by nested runs.
struct SharedServer {
    program: RunningProgram,
}

impl SharedServer {
    fn url(&self) -> Result<String> {
        Ok(format!("http://key:s3cret@{}", self.program.address("PORT")?))
    }

    async fn run(&self, filter: &str) -> Result<Run> {
        // A nested run does not inherit the variables of itest.
        let variables = [("ITEST_S3_URL", self.url()?), ("ITEST_PYTHON", python::interpreter())];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let run = run(filter, &["--jobs", "2"], &variables).await?;
        assert!(!run.text.contains("s3cret"), "the output contains the secret key:\n{}", run.text);
        Ok(run)
    }

    /// The buckets on the server. It lists them without a signature, because moto verifies none.
    async fn buckets(&self) -> Result<Vec<String>> {
        let list = reqwest::get(format!("http://{}/", self.program.address("PORT")?)).await?.text().await?;
        Ok(list.split("<Name>").skip(1).filter_map(|part| Some(part.split_once('<')?.0.to_owned())).collect())
    }
}

#[fixture(scope = "worker")]
async fn shared_server(teardown: &Teardown) -> Result<SharedServer> {
    python::require("moto.server", "python3 -m venv DIR && DIR/bin/pip install 'moto[server]'");
    let program = Program::new(python::interpreter())
        .port("PORT")
        .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "{port}"])
        .ready_when(Ready::port("PORT"))
        .startup_timeout(Duration::from_secs(30))
        .start(teardown)
        .await?;
    Ok(SharedServer { program })
}

#[integration_test]
#[case::first(1)]
#[case::second(2)]
#[case::third(3)]
async fn nested_bucket_is_used(#[case] number: u32, bucket: &Bucket) -> Result<()> {
    require_nested();
    assert!(bucket.keys().await?.is_empty());
    let object = NewObject::new("text").content_type("text/plain").metadata("author", "ada");
    bucket.put("of the test/ü +&", object).await?;
    SigningClient::new(bucket)?.put("of a client", number.to_string()).await?;
    bucket.expect("of a client").await?.assert_text(&number.to_string());
    let object = bucket.get("of the test/ü +&").await?;
    object.assert_text("text").assert_content_type("text/plain").assert_metadata("author", "ada");
    assert_eq!(bucket.keys().await?, ["of a client", "of the test/ü +&"]);
    bucket.put("gone", "x").await?;
    bucket.delete("gone").await?;
    bucket.expect_none("gone").await?;
    for number in 0..20 {
        bucket.put(&format!("more/{number}"), "x").await?;
    }
    bucket.allow_unfinished_uploads();
    begin_upload(&SigningClient::new(bucket)?, "large.bin", "x").await?;
    Ok(())
}

#[integration_test]
async fn buckets_at_a_url_are_deleted_with_everything_in_them(server: &SharedServer) -> Result<()> {
    let run = server.run("shared::nested_bucket_is_used").await?;
    run.assert_green().assert_contains("(from ITEST_S3_URL), a bucket for each test");
    assert!(server.buckets().await?.iter().all(|name| !name.starts_with("itest-")), "{:?}", server.buckets().await?);
    Ok(())
}

#[integration_test]
async fn nested_bucket_with_versions(bucket: &Bucket) -> Result<()> {
    require_nested();
    python::run(
        "import boto3, sys\ns3 = boto3.client('s3')\n\
         s3.put_bucket_versioning(Bucket=sys.argv[1], VersioningConfiguration={'Status': 'Enabled'})\n\
         for body in b'1', b'2': s3.put_object(Bucket=sys.argv[1], Key='k', Body=body)\n\
         s3.delete_object(Bucket=sys.argv[1], Key='k')\n",
        bucket,
    )
    .await?;
    Ok(())
}

#[integration_test]
async fn bucket_with_versions_is_deleted(server: &SharedServer) -> Result<()> {
    python::require("boto3", "python3 -m venv DIR && DIR/bin/pip install boto3");
    server.run("shared::nested_bucket_with_versions").await?.assert_green();
    assert_eq!(server.buckets().await?, [""; 0]);
    Ok(())
}

#[integration_test]
async fn nested_upload_at_a_url_is_unfinished(bucket: &Bucket) -> Result<()> {
    require_nested();
    begin_upload(&SigningClient::new(bucket)?, "large.bin", "x").await?;
    Ok(())
}

#[integration_test]
async fn unfinished_upload_at_a_url_fails_the_test(server: &SharedServer) -> Result<()> {
    let run = server.run("shared::nested_upload_at_a_url_is_unfinished").await?;
    run.assert_red().assert_contains(" of large.bin to the bucket itest-");
    Ok(())
}

#[integration_test]
async fn nested_test_never_ends(bucket: &Bucket) -> Result<()> {
    require_nested();
    bucket.put("a", "x").await?;
    tokio::time::sleep(Duration::from_mins(10)).await;
    Ok(())
}

#[integration_test]
async fn bucket_of_a_killed_run_is_deleted_by_the_sweep(server: &SharedServer, dir: TempDir) -> Result<()> {
    #[arrange]
    let url = server.url()?;
    let killed = KilledRun { folder: dir.path(), variable: "ITEST_S3_URL", url: &url };

    #[act]
    let child = killed.command(&["shared::nested_test_never_ends"])?.spawn()?;
    eventually(async || server.buckets().await.unwrap_or_default()).until(|buckets| !buckets.is_empty()).await?;
    killed.kill(child)?;
    let left = server.buckets().await?;
    assert!(left.len() == 1 && left[0].starts_with("itest-"), "{left:?}");
    // Without the URL, the sweep says what it needs, and the bucket remains in the ledger.
    let without_url = killed.command(&["--sweep"])?.env_remove("ITEST_S3_URL").stderr(Stdio::piped()).output()?;
    let message = String::from_utf8_lossy(&without_url.stderr).into_owned();
    assert!(message.contains("set ITEST_S3_URL to this server, and run with --sweep"), "{message}");
    let swept = tokio::process::Command::from(killed.command(&["--sweep"])?).status().await?;

    #[assert]
    assert!(swept.success(), "{swept}");
    assert_eq!(server.buckets().await?, [""; 0]);
    Ok(())
}

#[integration_test]
async fn server_that_is_not_for_tests_is_refused_before_anything_is_made(server: &SharedServer) -> Result<()> {
    let url = server.url()?;
    let test = "shared::nested_bucket_is_used";
    let refusal = async |url: &str| run(test, &[], &[("ITEST_S3_URL", url)]).await;
    refusal(&format!("{url}/photos")).await?.assert_red().assert_contains("ITEST_S3_URL names the bucket photos");
    let remote = refusal("https://key:s3cret@s3.example.com").await?;
    remote.assert_red().assert_contains("set ITEST_S3_ALLOW=s3.example.com/*");
    assert!(!remote.text.contains("s3cret"), "{}", remote.text);
    refusal("s3://photos").await?.assert_red().assert_contains("ITEST_S3_URL is no URL of an object store");
    refusal("http://key:s3cret@127.0.0.1:1").await?.assert_red().assert_contains("cannot list the buckets");
    Ok(())
}
