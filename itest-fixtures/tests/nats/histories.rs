//! After every generated history, the next test gets a NATS server as if it were new: 400 histories.

use std::sync::OnceLock;
use std::time::Duration;

use async_nats::Client;
use itest::TestInfo;
use itest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::generated::{Action, History, Way};
use crate::reuse::assert_servers_were_reused;
use crate::workers::{note_worker, run_histories};

/// Requests of clients. `|` begins the body, whose length is written into the frame.
const STATEMENTS: &[((), &[&str])] = &[(
    (),
    &[
        "PUB a|hi",
        "PUB a _INBOX.reply|hi",
        "SUB a $n",
        "SUB a workers $n",
        "SUB a.* workers $n",
        "SUB > $n",
        "SUB _INBOX.reply $n",
        "UNSUB $n",
        "UNSUB $n 2",
        "PING",
        "PUB $JS.API.STREAM.CREATE.S$n|{\"name\":\"S$n\",\"subjects\":[\"s$n.*\"]}",
        "PUB $JS.API.STREAM.CREATE.M$n|{\"name\":\"M$n\",\"subjects\":[\"m$n.*\"],\"storage\":\"memory\"}",
        "PUB $JS.API.STREAM.CREATE.ALL|{\"name\":\"ALL\",\"subjects\":[\"a\"]}",
        "PUB $JS.API.STREAM.CREATE.KV_b|{\"name\":\"KV_b\",\"subjects\":[\"$KV.b.>\"],\"max_msgs_per_subject\":1}",
        "PUB $JS.API.STREAM.DELETE.S$n|",
        "PUB $JS.API.CONSUMER.DURABLE.CREATE.S$n.c|{\"stream_name\":\"S$n\",\"config\":{\"durable_name\":\"c\",\"ack_policy\":\"explicit\"}}",
        "PUB $JS.API.CONSUMER.MSG.NEXT.S$n.c _INBOX.reply|{\"batch\":1}",
        "PUB s$n.x|1",
        "PUB m$n.x|1",
        "PUB $KV.b.key|1",
        "PUB $SYS.REQ.USER.INFO _INBOX.reply|",
        "PUB too.long -1|",
        "nonsense",
    ],
)];

/// The subjects on which a server may have subscribers.
const SUBJECTS: [&str; 8] = ["a", "a.b", "_INBOX.reply", "s1.x", "s3.x", "m1.x", "m5.x", "$KV.b.key"];

/// How long an action may take, because the server does not answer everything.
const ACTION_TIMEOUT: Duration = Duration::from_millis(20);

/// How long a subscriber may take to answer. A server without subscribers answers at once, unless the machine is busy.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// What clients see of a new server, taken by the first test of this worker.
static NEW_SUBSCRIBERS: OnceLock<Vec<String>> = OnceLock::new();

/// What `JetStream` has on a new server, taken by the first test of this worker that requests it.
static NEW_JETSTREAM: OnceLock<Vec<String>> = OnceLock::new();

fn frame(statement: &str) -> String {
    match statement.split_once('|') {
        Some((line, body)) => format!("{line} {}\r\n{body}\r\n", body.len()),
        None => format!("{statement}\r\n"),
    }
}

async fn connect(events: &Nats) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(events.address()).await?;
    stream.write_all(b"CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n").await?;
    Ok(stream)
}

async fn send(stream: &mut TcpStream, statements: &[String]) {
    for statement in statements {
        let _ = stream.write_all(frame(statement).as_bytes()).await;
    }
    // The answers are read, because a server ends a connection whose client does not read.
    let _ = tokio::time::timeout(Duration::from_millis(2), stream.read(&mut [0; 4096])).await;
}

async fn run(Action { way, statements }: &Action, events: &Nats) {
    let Ok(mut one) = connect(events).await else { return };
    match way {
        Way::Pool | Way::Connection | Way::Committed | Way::RolledBack => send(&mut one, statements).await,
        // The connection stays open.
        Way::Separate => {
            send(&mut one, statements).await;
            std::mem::forget(one);
        }
        Way::Two => {
            let Ok(mut other) = connect(events).await else { return };
            send(&mut one, statements).await;
            send(&mut other, statements).await;
        }
        Way::Late => {
            let (address, statements) = (events.address(), statements.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                let Ok(mut late) = TcpStream::connect(address).await else { return };
                send(&mut late, &statements).await;
            });
        }
    }
}

/// The answers of subscribers on each subject. A server without subscribers answers itself.
async fn subscribers(client: &Client) -> Vec<String> {
    let mut seen = Vec::new();
    for subject in SUBJECTS {
        let request = async_nats::Request::new().timeout(Some(ANSWER_TIMEOUT));
        let answer = client.send_request(subject.to_owned(), request).await;
        seen.push(format!("{subject}: {:?}", answer.map(|answer| answer.payload).map_err(|error| error.kind())));
    }
    seen
}

/// What `JetStream` has.
async fn jetstream(client: &Client) -> Result<Vec<String>> {
    let mut seen = Vec::new();
    for subject in ["$JS.API.STREAM.NAMES", "$JS.API.INFO"] {
        let answer = client.request(subject.to_owned(), "".into()).await?;
        let mut answer: serde_json::Value = serde_json::from_slice(&answer.payload)?;
        // This question is counted as well.
        answer["api"] = serde_json::Value::Null;
        seen.push(format!("{subject}: {answer}"));
    }
    Ok(seen)
}

#[integration_test(tags("histories"))]
async fn nested_history(
    #[values(0, 1, 2, 3)] hundreds: u64,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] tens: u64,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] ones: u64,
    events: &Nats,
    info: &TestInfo,
) -> Result<()> {
    note_worker()?;
    let number = 100 * hundreds + 10 * tens + ones;
    let client = async_nats::connect(events.url()).await?;
    let current = subscribers(&client).await;
    let new = NEW_SUBSCRIBERS.get_or_init(|| current.clone());
    assert_eq!(new, &current, "{events:?} differs from a new server");
    // After a request to JetStream, the server is replaced. So only some tests send it before their history.
    if number.is_multiple_of(4) {
        let current = jetstream(&client).await?;
        let new = NEW_JETSTREAM.get_or_init(|| current.clone());
        assert_eq!(new, &current, "{events:?} differs from a new server");
    }
    client.drain().await?;
    let history = History::draw(info.seed().0, number, STATEMENTS, |_, ()| true);
    for action in &history.actions {
        let _ = tokio::time::timeout(ACTION_TIMEOUT, run(action, events)).await;
    }
    // If the next test fails, the output of this test shows the history before it.
    history.show(number, &format!("{events:?}"));
    Ok(())
}

#[integration_test(timeout = "5m")]
async fn server_is_clean_after_any_history(dir: &TempDir) -> Result<()> {
    let run = run_histories("histories::nested_history", &[("ITEST_NATS", "programs")], dir).await?;
    run.assert_green().assert_contains("400 passed");
    assert_servers_were_reused(&run, 50)
}
