//! After every generated history, the next test gets a virtual host as if it were new: 400 histories.

use std::sync::OnceLock;
use std::time::Duration;

use itest::TestInfo;
use itest::prelude::*;
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    ExchangeBindOptions, ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ExchangeKind};

use crate::bus::{Bus, ShopTopology};
use crate::generated::{Action, History, Way};
use crate::workers::{note_worker, run_histories};

/// Requests of clients: the request, and its names.
const STATEMENTS: &[((), &[&str])] = &[(
    (),
    &[
        "queue q$n",
        "queue payments",
        "durable d$n",
        "exclusive e$n",
        "auto-delete a$n",
        "quorum u$n",
        "stream s$n",
        "dead-letters l$n",
        "expiring x$n",
        "unnamed",
        "delete-queue q$n",
        "delete-queue payments",
        "purge q$n",
        "topic t$n",
        "fanout f$n",
        "headers h$n",
        "delete-exchange t$n",
        "delete-exchange shop",
        "bind q$n t$n",
        "bind q$n f$n",
        "bind q$n shop",
        "bind d$n amq.topic",
        "bind-exchange f$n t$n",
        "publish q$n",
        "publish d$n",
        "publish payments",
        "publish u$n",
        "publish-to t$n order.paid",
        "publish-to f$n any",
        "publish-to shop order.paid",
        "consume q$n",
        "consume d$n",
        "consume payments",
        "get q$n",
        "get payments",
        "confirm",
        "transaction",
        "prefetch",
        "policy p$n",
        "close-channel",
    ],
)];

/// How long an action may take, because the server does not answer everything.
const ACTION_TIMEOUT: Duration = Duration::from_millis(300);

/// What a client sees of a new virtual host, found by the first test of this worker.
static FRESH: OnceLock<Vec<String>> = OnceLock::new();

async fn send(channel: &Channel, statement: &str) -> lapin::Result<()> {
    let mut words = statement.split(' ');
    let (verb, name, second) =
        (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let none = FieldTable::default;
    let with = |key: &'static str, value: AMQPValue| {
        let mut arguments = FieldTable::default();
        arguments.insert(key.into(), value);
        arguments
    };
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let typed = |name: &'static str| with("x-queue-type", AMQPValue::LongString(name.into()));
    let declare = async |options: QueueDeclareOptions, arguments: FieldTable| {
        channel.queue_declare(name.into(), options, arguments).await.map(drop)
    };
    let publish = async |exchange: &str, key: &str| {
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        channel.basic_publish(exchange.into(), key.into(), options, b"x", properties).await?.await.map(drop)
    };
    let exchange =
        async |kind| channel.exchange_declare(name.into(), kind, ExchangeDeclareOptions::default(), none()).await;
    match verb {
        "queue" => declare(QueueDeclareOptions::default(), none()).await,
        "durable" => declare(durable, none()).await,
        "exclusive" => declare(QueueDeclareOptions { exclusive: true, ..Default::default() }, none()).await,
        "auto-delete" => declare(QueueDeclareOptions { auto_delete: true, ..Default::default() }, none()).await,
        "quorum" => declare(durable, typed("quorum")).await,
        "stream" => declare(durable, typed("stream")).await,
        "dead-letters" => declare(durable, with("x-dead-letter-exchange", AMQPValue::LongString("".into()))).await,
        "expiring" => declare(durable, with("x-expires", AMQPValue::LongInt(1))).await,
        "unnamed" => channel.queue_declare("".into(), QueueDeclareOptions::default(), none()).await.map(drop),
        "delete-queue" => channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.map(drop),
        "purge" => channel.queue_purge(name.into(), QueuePurgeOptions::default()).await.map(drop),
        "topic" => exchange(ExchangeKind::Topic).await,
        "fanout" => exchange(ExchangeKind::Fanout).await,
        "headers" => exchange(ExchangeKind::Headers).await,
        "delete-exchange" => channel.exchange_delete(name.into(), ExchangeDeleteOptions::default()).await,
        "bind" => {
            let options = QueueBindOptions::default();
            channel.queue_bind(name.into(), second.into(), "order.*".into(), options, none()).await
        }
        "bind-exchange" => {
            let options = ExchangeBindOptions::default();
            channel.exchange_bind(name.into(), second.into(), "order.*".into(), options, none()).await
        }
        "publish" => publish("", name).await,
        "publish-to" => publish(name, second).await,
        "consume" => {
            let options = BasicConsumeOptions::default();
            channel.basic_consume(name.into(), "".into(), options, none()).await.map(std::mem::forget)
        }
        "get" => channel.basic_get(name.into(), BasicGetOptions::default()).await.map(drop),
        "confirm" => channel.confirm_select(ConfirmSelectOptions::default()).await,
        "transaction" => channel.tx_select().await,
        "prefetch" => channel.basic_qos(1, BasicQosOptions::default()).await,
        "close-channel" => channel.close(200, "".into()).await,
        _ => Ok(()),
    }
}

/// Asks the management API as the user of the test. One process asks for all paths.
async fn ask_api(events: &Rabbit<ShopTopology>, paths: &[String], arguments: &[&str]) -> Result<String> {
    let urls = paths.iter().map(|path| format!("{}/api/{path}", events.management_url()));
    let output = tokio::process::Command::new("curl").arg("-s").args(arguments).args(urls).output().await?;
    Ok(String::from_utf8(output.stdout)?)
}

async fn define_policy(events: &Rabbit<ShopTopology>, name: &str) {
    let body = r#"{"pattern":"^q","definition":{"max-length":1}}"#;
    let path = format!("policies/{}/{name}", events.virtual_host());
    let _ = ask_api(events, &[path], &["-X", "PUT", "-H", "content-type: application/json", "-d", body]).await;
}

async fn send_all(connection: &Connection, statements: &[String], events: &Rabbit<ShopTopology>) {
    let Ok(mut channel) = connection.create_channel().await else { return };
    for statement in statements {
        if let Some(name) = statement.strip_prefix("policy ") {
            define_policy(events, name).await;
        } else if send(&channel, statement).await.is_err() {
            // The server has closed the channel.
            let Ok(other) = connection.create_channel().await else { return };
            channel = other;
        }
    }
}

async fn run(Action { way, statements }: &Action, events: &Rabbit<ShopTopology>) {
    let Ok(one) = Bus::connect(events.url()).await else { return };
    match way {
        Way::Pool | Way::Connection | Way::Committed => {
            send_all(&one.connection, statements, events).await;
            let _ = one.connection.close(200, "".into()).await;
        }
        Way::RolledBack => send_all(&one.connection, statements, events).await,
        // The connection stays open.
        Way::Separate => {
            send_all(&one.connection, statements, events).await;
            std::mem::forget(one);
        }
        Way::Two => {
            let Ok(other) = Bus::connect(events.url()).await else { return };
            let both = (send_all(&one.connection, statements, events), send_all(&other.connection, statements, events));
            tokio::join!(both.0, both.1);
        }
        Way::Late => {
            let statements: Vec<String> =
                statements.iter().filter(|text| !text.starts_with("policy")).cloned().collect();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                for statement in statements {
                    let _ = send(&one.channel, &statement).await;
                }
            });
        }
    }
}

/// What a client sees: what is defined, and where messages go.
async fn seen(events: &Rabbit<ShopTopology>) -> Result<Vec<String>> {
    let bus = Bus::connect(events.url()).await?;
    let mut seen = Vec::new();
    let paths =
        ["queues/{}?disable_stats=true&columns=name", "exchanges/{}?columns=name", "bindings/{}", "policies/{}"];
    let paths = paths.map(|path| path.replace("{}", events.virtual_host()));
    let answers = ask_api(events, &paths, &[]).await?;
    seen.push(answers.replace("},{", "}\n{").replace(['[', ']'], "\n").replace(events.virtual_host(), "…"));
    bus.confirm().await?;
    events.allow_unroutable("#");
    for (exchange, key) in [("shop", "order.paid"), ("shop", "other"), ("amq.topic", "order.paid"), ("", "payments")] {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = bus.channel.basic_publish(exchange.into(), key.into(), options, b"x", BasicProperties::default());
        let routed = sent.await?.await?.take_message().is_none();
        seen.push(format!("{exchange}/{key} is routed: {routed}"));
    }
    let mut count = 0;
    while let Some(message) = bus.channel.basic_get("payments".into(), BasicGetOptions { no_ack: true }).await? {
        count += 1;
        seen.push(format!("message {count}: redelivered {}", message.delivery.redelivered));
    }
    bus.connection.close(200, "".into()).await?;
    Ok(seen)
}

#[integration_test(tags("histories"))]
async fn nested_history(
    #[values(0, 1, 2, 3)] hundreds: u64,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] tens: u64,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] ones: u64,
    events: &Rabbit<ShopTopology>,
    info: &TestInfo,
) -> Result {
    note_worker()?;
    events.lenient();
    let number = 100 * hundreds + 10 * tens + ones;
    let current = seen(events).await?;
    let fresh = FRESH.get_or_init(|| current.clone());
    assert_eq!(fresh, &current, "{events:?} differs from a new virtual host");
    let history = History::draw(info.seed().0, number, STATEMENTS, |_, ()| true);
    for action in &history.actions {
        let _ = tokio::time::timeout(ACTION_TIMEOUT, run(action, events)).await;
    }
    // If the next test fails, the output of this test shows the history before it.
    history.show(number, &format!("{events:?}"));
    Ok(())
}

#[integration_test(timeout = "10m")]
async fn virtual_host_is_clean_after_any_history(dir: &TempDir) -> Result {
    let run = run_histories("histories::nested_history", &[], dir).await?;
    run.assert_green().assert_contains("400 passed");
    assert!(!run.text.contains("is replaced by a new one"), "{}", run.text);
    Ok(())
}
