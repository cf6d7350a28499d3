//! After every generated history, the next test sees a cluster as if it were new: 100 histories, because the clients of librdkafka
//! wait for more than a second in each.

use std::time::Duration;

use itest::TestInfo;
use itest::prelude::*;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, FutureProducer, FutureRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::bus::{Bus, config};
use crate::generated::{Action, History, Way};

/// What clients do. The first word is the request.
const STATEMENTS: &[((), &[&str])] = &[(
    (),
    &[
        "produce $n",
        "produce $n",
        "tombstone $n",
        "produce-elsewhere $n",
        "commit $n",
        "commit-elsewhere $n",
        "join $n",
        "transaction $n",
        "open-transaction $n",
        "metadata $n",
    ],
)];

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The client of a history.
struct Client {
    servers: String,
    topic: String,
    prefix: String,
    producer: FutureProducer,
}

impl Client {
    /// A request of a history. Errors are ignored, because many requests are wrong after others.
    fn request(&self, statement: &str) -> Result<()> {
        let (request, number) = statement.split_once(' ').ok_or("a statement has two words")?;
        let elsewhere = format!("elsewhere-{number}");
        match request {
            "produce" => self.produce(&self.topic, number, Some("v")),
            "tombstone" => self.produce(&self.topic, number, None),
            "produce-elsewhere" => self.produce(&elsewhere, number, Some("v")),
            "commit" => self.commit(&format!("{}group-{number}", self.prefix), &self.topic),
            "commit-elsewhere" => self.commit(&format!("group-{number}"), &elsewhere),
            "join" => {
                let consumer = self.consumer(&format!("{}group-{number}", self.prefix))?;
                consumer.subscribe(&[&self.topic])?;
                consumer.poll(Duration::from_millis(30));
                Ok(())
            }
            "transaction" | "open-transaction" => {
                let id = format!("id-{number}");
                let producer: BaseProducer = config(&self.servers).set("transactional.id", id).create()?;
                producer.init_transactions(TIMEOUT)?;
                producer.begin_transaction()?;
                producer.send(BaseRecord::to(&self.topic).key("k").payload("v")).map_err(|(error, _)| error)?;
                producer.flush(TIMEOUT)?;
                if request == "transaction" {
                    producer.commit_transaction(TIMEOUT)?;
                }
                Ok(())
            }
            _ => {
                // The request creates the topic.
                self.producer.client().fetch_metadata(Some(&elsewhere), TIMEOUT)?;
                Ok(())
            }
        }
    }

    fn produce(&self, topic: &str, key: &str, value: Option<&str>) -> Result<()> {
        let record = FutureRecord::to(topic).key(key);
        let record = if let Some(value) = value { record.payload(value) } else { record };
        drop(self.producer.send_result(record).map_err(|(error, _)| error)?);
        Ok(self.producer.flush(TIMEOUT)?)
    }

    fn commit(&self, group: &str, topic: &str) -> Result<()> {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, 0, Offset::Offset(1))?;
        Ok(self.consumer(group)?.commit(&offsets, CommitMode::Sync)?)
    }

    fn consumer(&self, group: &str) -> Result<BaseConsumer> {
        Ok(config(&self.servers).set("group.id", group).set("allow.auto.create.topics", "true").create()?)
    }
}

/// Runs an action, whose last clients may still be active when the test ends.
async fn run(Action { way, statements }: &Action, events: &Kafka, bus: &Bus, topic: &str) {
    let (servers, prefix) = (events.bootstrap_servers().to_owned(), events.prefix().to_owned());
    let client = Client { servers, topic: topic.to_owned(), prefix, producer: bus.producer.clone() };
    let statements = statements.clone();
    let running = tokio::task::spawn_blocking(move || {
        for statement in &statements {
            let _ = client.request(statement);
        }
    });
    if !matches!(way, Way::Late | Way::Separate) {
        let _ = running.await;
    }
}

/// What a client sees of the cluster: its topics, and the offsets of the groups.
async fn seen(events: &Kafka, bus: &Bus) -> Result<Vec<String>> {
    let producer = bus.producer.clone();
    let metadata = tokio::task::spawn_blocking(move || producer.client().fetch_metadata(None, TIMEOUT)).await??;
    let mut seen: Vec<String> =
        metadata.topics().iter().map(|topic| topic.name().replace(events.prefix(), "")).collect();
    for number in 1..=5 {
        let offsets = events.group(&format!("group-{number}")).offsets("history").await?;
        seen.push(format!("{number}: {offsets:?}"));
    }
    Ok(seen)
}

#[integration_test(tags("histories"))]
async fn cluster_is_new_after_any_history(
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] tens: u64,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] ones: u64,
    events: &Kafka,
    bus: &Bus,
    info: &TestInfo,
) -> Result<()> {
    let number = 10 * tens + ones;
    let topic = events.topic("history").await?;
    let new = (1..=5).map(|number| format!("{number}: [GroupOffset {{ partition: 0, committed: None, end: 0 }}]"));
    let expected: Vec<String> = std::iter::once("history".to_owned()).chain(new).collect();
    assert_eq!(seen(events, bus).await?, expected, "{events:?} differs from a new cluster");
    let history = History::draw(info.seed().0, number, STATEMENTS, |_, ()| true);
    for action in &history.actions {
        run(action, events, bus, &topic).await;
    }
    // If the next test fails, the output of this test shows the history before it.
    history.show(number, &format!("{events:?}"));
    Ok(())
}
