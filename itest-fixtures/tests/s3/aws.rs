//! Queues, topics and buckets of AWS: what the SDK of AWS does with them, what a test reads, and what is left.

use std::process::Stdio;
use std::time::Duration;

use itest::aws::Aws;
use itest::prelude::*;

use crate::killed::KilledRun;
use crate::nested::{require_nested, run};
use crate::python;

/// Runs a script with the SDK, with the variables of the test and its prefix.
async fn boto3(script: &str, aws: &Aws) -> Result<String> {
    python::require("boto3", "python3 -m venv DIR && DIR/bin/pip install boto3");
    let script = format!(
        "import boto3, json, sys\n\
         prefix = sys.argv[1]\n\
         sqs, sns, s3, sts = (boto3.client(name) for name in ('sqs', 'sns', 's3', 'sts'))\n\
         {script}"
    );
    python::run_with(&script, aws.prefix(), aws.env()).await
}

/// Skips the test if there is no moto, whose server itest starts.
fn require_moto() {
    python::require("moto.server", "python3 -m venv DIR && DIR/bin/pip install 'moto[server]'");
}

/// Runs nested tests. A nested run does not inherit the variables of itest.
async fn run_nested(filter: &str, variables: &[(&str, &str)]) -> Result<crate::nested::Run> {
    let python = python::interpreter();
    let mut all = vec![("ITEST_PYTHON", python.as_str())];
    all.extend_from_slice(variables);
    run(filter, &["--jobs", "2"], &all).await
}

#[integration_test]
async fn message_of_the_sdk_is_received_from_the_queue(aws: &Aws) -> Result<()> {
    #[arrange]
    let orders = aws.create_queue("orders").await?;

    #[act]
    let script = "url = sqs.get_queue_url(QueueName='orders')['QueueUrl']\n\
                  sqs.send_message(QueueUrl=url, MessageBody='{\"order\": 7}')\n";
    boto3(script, aws).await?;

    #[assert]
    assert_eq!(orders.counts().await?.waiting, 1);
    let message = orders.receive().await?;
    assert_eq!(message.body(), "{\"order\": 7}");
    let json: std::collections::BTreeMap<String, u32> = message.json()?;
    assert_eq!(json["order"], 7);
    let counts = orders.counts().await?;
    assert_eq!((counts.waiting, counts.in_flight, counts.delayed), (0, 0, 0));
    Ok(())
}

#[integration_test]
async fn message_of_the_test_is_received_by_the_sdk(aws: &Aws) -> Result<()> {
    #[arrange]
    let orders = aws.create_queue(&aws.name("orders")).await?;
    orders.send("paid, ü & <7>").await?;

    #[act]
    let script = "url = sqs.get_queue_url(QueueName=prefix + 'orders')['QueueUrl']\n\
                  message = sqs.receive_message(QueueUrl=url)['Messages'][0]\n\
                  sqs.delete_message(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'])\n\
                  print(message['Body'])\n\
                  print(sts.get_caller_identity()['Account'])\n";
    let output = boto3(script, aws).await?;

    #[assert]
    assert_eq!(output.lines().collect::<Vec<_>>(), ["paid, ü & <7>", aws.account().unwrap_or_default()]);
    Ok(())
}

#[integration_test]
async fn observed_topic_shows_messages_without_taking_them_from_a_queue(aws: &Aws) -> Result<()> {
    #[arrange]
    let payments = aws.create_topic("payments").await?;
    let billing = aws.create_queue("billing").await?;
    payments.subscribe(&billing).await?;
    let observed = payments.observe().await?;

    #[act]
    let script = "arn = sns.create_topic(Name='payments')['TopicArn']\n\
                  sns.publish(TopicArn=arn, Message='first')\n";
    boto3(script, aws).await?;
    payments.publish("second & last").await?;

    #[assert]
    let mut bodies = vec![observed.receive().await?.body().to_owned(), observed.receive().await?.body().to_owned()];
    bodies.sort();
    assert_eq!(bodies, ["first", "second & last"]);
    assert_eq!(billing.counts().await?.waiting, 2);
    Ok(())
}

#[integration_test]
async fn queue_of_the_sdk_is_opened_by_its_name(aws: &Aws) -> Result<()> {
    boto3("sqs.create_queue(QueueName='made.fifo', Attributes={'FifoQueue': 'true'})", aws).await?;
    let made = aws.queue("made.fifo").await?;
    assert!(made.arn().ends_with(":made.fifo") && made.url().ends_with("/made.fifo"), "{made:?}");
    let error = aws.queue("none").await.err().ok_or("a queue that does not exist is opened")?.to_string();
    assert!(error.contains("QueueDoesNotExist"), "{error}");
    let same = aws.create_queue("other.fifo").await?;
    assert_eq!(same.name(), "other.fifo");
    Ok(())
}

#[integration_test(timeout = "3m")]
async fn two_namespaces_share_nothing(aws: Aws, other: Aws) -> Result<()> {
    let script = "sqs.create_queue(QueueName='orders')\n\
                  sns.create_topic(Name='payments')\n\
                  s3.create_bucket(Bucket=prefix + 'receipts')\n\
                  s3.put_object(Bucket=prefix + 'receipts', Key='a b', Body=b'x')\n";
    boto3(script, &aws).await?;
    let list = "print(len(sqs.list_queues().get('QueueUrls', [])), len(sns.list_topics()['Topics']), len(s3.list_buckets()['Buckets']))";
    assert_eq!((boto3(list, &aws).await?.trim(), boto3(list, &other).await?.trim()), ("1 1 1", "0 0 0"));
    assert_ne!(aws.prefix(), other.prefix());
    Ok(())
}

#[integration_test]
async fn nested_consumer_deletes_nothing(aws: &Aws) -> Result<()> {
    require_nested();
    let orders = aws.create_queue("orders").await?;
    orders.send("first").await?;
    orders.send("second").await?;
    let script = "url = sqs.get_queue_url(QueueName='orders')['QueueUrl']\n\
                  message = sqs.receive_message(QueueUrl=url)['Messages'][0]\n";
    boto3(script, aws).await?;
    Ok(())
}

#[integration_test(timeout = "3m")]
async fn message_in_flight_is_a_warning_and_the_summary_says_that_moto_is_an_imitation() -> Result<()> {
    require_moto();
    let run = run_nested("aws::nested_consumer_deletes_nothing", &[]).await?;
    run.assert_green()
        .assert_contains("1 message of the queue orders was received, and neither deleted nor returned to the queue")
        .assert_contains(" (an imitation of AWS), a private server in ")
        .assert_contains(", an account for each test");
    Ok(())
}

/// A `moto_server` that nested runs use by its URL.
struct SharedMoto(RunningProgram);

impl SharedMoto {
    fn place(&self) -> Result<String> {
        Ok(self.0.address("PORT")?.to_string())
    }

    /// How many queues, topics, subscriptions and buckets an account has.
    async fn resources(&self, account: &str) -> Result<[usize; 4]> {
        let (client, url) = (reqwest::Client::new(), format!("http://{}/", self.place()?));
        let send = async |service: &str, request: reqwest::RequestBuilder| -> Result<String> {
            let scope = format!("AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/{service}/aws4_request");
            let request = request.header("authorization", scope).header("x-moto-account-id", account);
            Ok(request.send().await?.error_for_status()?.text().await?)
        };
        let queues = client.post(&url).header("x-amz-target", "AmazonSQS.ListQueues").body("{}");
        let queues = send("sqs", queues.header("content-type", "application/x-amz-json-1.0")).await?;
        let form = "application/x-www-form-urlencoded";
        let sns = |action: &str| client.post(&url).header("content-type", form).body(format!("Action={action}"));
        let topics = send("sns", sns("ListTopics")).await?;
        let subscriptions = send("sns", sns("ListSubscriptions")).await?;
        let buckets = send("s3", client.get(&url)).await?;
        Ok([
            queues.matches("http://").count(),
            topics.matches("<TopicArn>").count(),
            subscriptions.matches("<SubscriptionArn>").count(),
            buckets.matches("<Name>").count(),
        ])
    }
}

/// The variable with the file to which a nested test writes its account.
const ACCOUNT_FILE: &str = "ACCOUNT_FILE";

/// Writes the account of a nested test to the file.
fn write_account(aws: &Aws) -> Result<()> {
    std::fs::write(std::env::var(ACCOUNT_FILE)?, aws.account().ok_or("there is no account")?)?;
    Ok(())
}

#[fixture(scope = "worker")]
async fn shared_moto(teardown: &Teardown) -> Result<SharedMoto> {
    require_moto();
    let program = Program::new(python::interpreter())
        .port("PORT")
        .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "{port}"])
        .ready_when(itest::Ready::port("PORT"))
        .startup_timeout(Duration::from_secs(30))
        .start(teardown)
        .await?;
    Ok(SharedMoto(program))
}

#[integration_test]
async fn nested_test_makes_one_of_everything(aws: &Aws) -> Result<()> {
    require_nested();
    write_account(aws)?;
    let payments = aws.create_topic(&aws.name("payments")).await?;
    payments.observe().await?;
    aws.create_queue(&aws.name("orders")).await?;
    let script = "bucket = prefix + 'receipts'\n\
                  s3.create_bucket(Bucket=bucket)\n\
                  s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={'Status': 'Enabled'})\n\
                  for body in b'1', b'2': s3.put_object(Bucket=bucket, Key='a b/\\u00fc+&', Body=body)\n\
                  s3.create_multipart_upload(Bucket=bucket, Key='large')\n";
    boto3(script, aws).await?;
    Ok(())
}

#[integration_test(timeout = "3m")]
async fn everything_on_a_server_at_a_url_is_removed(moto: &SharedMoto, dir: TempDir) -> Result<()> {
    let (url, file) = (format!("http://key:s3cret@{}", moto.place()?), dir.join("account"));
    let variables = [("ITEST_AWS_URL", url.as_str()), (ACCOUNT_FILE, file.to_str().ok_or("the path is no text")?)];
    let run = run_nested("aws::nested_test_makes_one_of_everything", &variables).await?;
    run.assert_green().assert_contains("(from ITEST_AWS_URL), an account for each test");
    assert!(!run.text.contains("s3cret"), "{}", run.text);
    assert_eq!(moto.resources(&std::fs::read_to_string(file)?).await?, [0; 4]);
    Ok(())
}

#[integration_test]
async fn nested_test_never_ends(aws: &Aws) -> Result<()> {
    require_nested();
    write_account(aws)?;
    let payments = aws.create_topic(&aws.name("payments")).await?;
    payments.observe().await?;
    tokio::time::sleep(Duration::from_mins(10)).await;
    Ok(())
}

#[integration_test(timeout = "3m")]
async fn resources_of_a_killed_run_are_removed_by_the_sweep(moto: &SharedMoto, dir: TempDir) -> Result<()> {
    #[arrange]
    let url = format!("http://key:s3cret@{}", moto.place()?);
    let killed = KilledRun { folder: dir.path(), variable: "ITEST_AWS_URL", url: &url };

    #[act]
    let mut command = killed.command(&["aws::nested_test_never_ends"])?;
    let child = command.env(ACCOUNT_FILE, dir.join("account")).spawn()?;
    let account = async || std::fs::read_to_string(dir.join("account")).unwrap_or_default();
    let account = eventually(account).within(Duration::from_secs(20)).until(|account| account.len() == 12).await?;
    let resources = async || moto.resources(&account).await.unwrap_or_default();
    eventually(resources).within(Duration::from_secs(10)).equals([1, 1, 1, 0]).await?;
    killed.kill(child)?;
    // Without the URL, the sweep says what it needs, and the resources remain in the ledger.
    let without_url = killed.command(&["--sweep"])?.env_remove("ITEST_AWS_URL").stderr(Stdio::piped()).output()?;
    let message = String::from_utf8_lossy(&without_url.stderr).into_owned();
    assert!(message.contains("set ITEST_AWS_URL to this server, and run with --sweep"), "{message}");
    assert_eq!(moto.resources(&account).await?, [1, 1, 1, 0]);
    let swept = tokio::process::Command::from(killed.command(&["--sweep"])?).status().await?;

    #[assert]
    assert!(swept.success(), "{swept}");
    assert_eq!(moto.resources(&account).await?, [0; 4]);
    Ok(())
}

#[integration_test]
async fn server_that_is_not_for_tests_is_refused() -> Result<()> {
    let refusal =
        async |url: &str| run_nested("aws::nested_test_makes_one_of_everything", &[("ITEST_AWS_URL", url)]).await;
    let aws = refusal("https://key:s3cret@amazonaws.com?region=eu-west-1").await?;
    aws.assert_red().assert_contains("set ITEST_AWS_ALLOW=amazonaws.com/*");
    assert!(!aws.text.contains("s3cret"), "{}", aws.text);
    refusal("nonsense s3cret").await?.assert_red().assert_contains("ITEST_AWS_URL is no URL of AWS");
    refusal("http://key:s3cret@127.0.0.1:1")
        .await?
        .assert_red()
        .assert_contains("cannot call GetCallerIdentity at 127.0.0.1:1");
    Ok(())
}

#[integration_test]
async fn nested_test_kills_the_server(aws: &Aws) -> Result<()> {
    require_nested();
    let script = "import os, urllib.request\n\
                  port = os.environ['AWS_ENDPOINT_URL'].rsplit(':')[-1]\n\
                  for process in filter(str.isdigit, os.listdir('/proc')):\n    \
                      try: line = open(f'/proc/{process}/cmdline').read().split('\\0')\n    \
                      except OSError: continue\n    \
                      if port in line and any('moto_server' in word for word in line): os.kill(int(process), 9)\n";
    boto3(script, aws).await?;
    Ok(())
}

#[integration_test(timeout = "3m")]
async fn server_that_ends_fails_its_test_and_is_replaced() -> Result<()> {
    require_moto();
    let run = run(
        "aws::nested_test_kills",
        &["aws::nested_consumer", "--jobs", "1"],
        &[("ITEST_PYTHON", &python::interpreter())],
    )
    .await?;
    run.assert_red()
        .assert_contains("the private moto server of this run has ended while the test used it")
        .assert_contains("1 passed; 1 failed");
    Ok(())
}
