//! Reads the topics of a test, so that the test sees each record that the code under test publishes.
//!
//! The reader is no member of a group and commits nothing, so the code under test gets every record.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use itest_runtime::{Error, Teardown};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::batch::LogRecord;
use super::cluster::{Cluster, Leader};
use super::code::ErrorCode;
use super::connection::Connection;
use super::endpoint::Endpoint;
use super::log::{Fetched, Position, fetch};
use super::names::Names;
use super::own_records::{OwnRecords, Place};
use crate::messages::{Content, Messages, Record, RecordValue};

/// How long a broker waits for records before it answers. The mock cluster answers no earlier, even if there is a record.
const FETCH_WAIT: Duration = Duration::from_millis(10);

/// How long a topic may be unreadable before the test fails. A cluster that chooses another leader takes less.
const LOSS_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause after an error.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(20);

/// The reader of a test's topics.
#[derive(Debug, Clone)]
pub(super) struct Observer {
    context: Context,
    readers: Arc<Mutex<JoinSet<()>>>,
    stopping: watch::Receiver<()>,
}

/// What each reader uses.
#[derive(Debug, Clone)]
struct Context {
    cluster: Cluster,
    names: Names,
    messages: Messages,
    own: OwnRecords,
}

/// A reader of one topic.
struct Reader {
    context: Context,
    /// The full name of the topic.
    topic: String,
    positions: Vec<Position>,
    stopping: watch::Receiver<()>,
}

/// Whether a reader has read everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    AtEnd,
    Behind,
}

impl Observer {
    /// An observer, which reads until the teardown of the test. Then it reads what is still in the logs, and stops.
    pub(super) fn start(
        cluster: Cluster,
        names: Names,
        messages: Messages,
        own: OwnRecords,
        teardown: &Teardown,
    ) -> Self {
        let (running, stopping) = watch::channel(());
        let readers: Arc<Mutex<JoinSet<()>>> = Arc::default();
        let stopped = Arc::clone(&readers);
        teardown.defer("read the topics of Kafka to their ends", async move {
            // The readers stop when the sender is dropped.
            drop(running);
            let mut readers = std::mem::take(&mut *stopped.lock().unwrap_or_else(PoisonError::into_inner));
            while let Some(reader) = readers.join_next().await {
                reader.map_err(Error::from)?;
            }
            Ok::<_, Error>(())
        });
        Self { context: Context { cluster, names, messages, own }, readers, stopping }
    }

    /// Reads a topic from its beginning.
    ///
    /// # Errors
    ///
    /// When a partition of the topic has no leader.
    pub(super) async fn observe(&self, topic: &str) -> Result<(), Error> {
        let leaders = self.context.cluster.leaders(topic).await?;
        let positions = leaders.iter().map(|leader| Position { partition: leader.partition, offset: 0 }).collect();
        let (context, stopping) = (self.context.clone(), self.stopping.clone());
        let reader = Reader { context, topic: topic.to_owned(), positions, stopping };
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).spawn(reader.run(leaders));
        Ok(())
    }
}

impl Reader {
    /// Reads until the test is torn down. A topic that cannot be read fails the test, because its expectations would mean nothing.
    async fn run(mut self, mut leaders: Vec<Leader>) {
        let mut readable = Instant::now();
        loop {
            let error = match self.read(&leaders, &mut readable).await {
                Ok(()) => return,
                Err(error) => error,
            };
            if readable.elapsed() > LOSS_TIMEOUT || self.is_stopping() {
                return self.context.messages.fail(&error);
            }
            tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            if let Ok(current) = self.context.cluster.leaders(&self.topic).await {
                leaders = current;
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.has_changed().is_err()
    }

    /// Reads from these leaders until the test is torn down and everything is read. `readable` is the last time at which the topic could be read.
    async fn read(&mut self, leaders: &[Leader], readable: &mut Instant) -> Result<(), Error> {
        let mut endpoints: Vec<&Endpoint> = leaders.iter().map(|leader| &leader.endpoint).collect();
        endpoints.dedup();
        let mut connections = Vec::new();
        for endpoint in endpoints {
            connections.push(self.context.cluster.connect(endpoint).await?);
        }
        loop {
            // The last round begins when the test is torn down, so it sees everything that the code under test has published.
            let is_last = self.is_stopping();
            let mut progress = Progress::AtEnd;
            for connection in &mut connections {
                if self.read_from(connection, leaders).await? == Progress::Behind {
                    progress = Progress::Behind;
                }
            }
            *readable = Instant::now();
            if is_last && progress == Progress::AtEnd {
                return Ok(());
            }
        }
    }

    /// Reads once from the partitions that a broker leads.
    async fn read_from(&mut self, connection: &mut Connection, leaders: &[Leader]) -> Result<Progress, Error> {
        let is_led = |position: &Position| {
            let mut leaders = leaders.iter().filter(|leader| leader.endpoint == *connection.endpoint());
            leaders.any(|leader| leader.partition == position.partition)
        };
        let positions: Vec<_> = self.positions.iter().filter(|position| is_led(position)).copied().collect();
        let mut progress = Progress::AtEnd;
        for fetched in fetch(connection, &self.topic, &positions, FETCH_WAIT).await? {
            if self.note(fetched).await? == Progress::Behind {
                progress = Progress::Behind;
            }
        }
        Ok(progress)
    }

    /// Notes the records of one partition.
    async fn note(&mut self, fetched: Fetched) -> Result<Progress, Error> {
        let Fetched { partition, code, stable_end, records, next_offset, .. } = fetched;
        let Some(position) = self.positions.iter_mut().find(|position| position.partition == partition) else {
            return Ok(Progress::AtEnd);
        };
        if code == ErrorCode::OFFSET_OUT_OF_RANGE {
            // The code under test has deleted records, or the topic.
            position.offset = stable_end.max(0);
            return Ok(Progress::AtEnd);
        }
        code.check().map_err(|code| Error::new(format!("cannot read the topic {} of Kafka: {code}", self.topic)))?;
        let begin = position.offset;
        position.offset = next_offset.unwrap_or(begin);
        let progress = if position.offset < stable_end { Progress::Behind } else { Progress::AtEnd };
        if !records.is_empty() {
            self.context.own.settle(&self.topic).await;
        }
        // A batch may begin before the position.
        for record in records.into_iter().filter(|record| record.offset >= begin) {
            let place = Place { topic: self.topic.clone(), partition, offset: record.offset };
            if !self.context.own.contains(&place) {
                self.context.messages.note_publication(self.content(partition, record), None);
            }
        }
        Ok(progress)
    }

    fn content(&self, partition: i32, record: LogRecord) -> Content {
        let LogRecord { offset, content } = record;
        let value = if content.value.is_some() { RecordValue::Present } else { RecordValue::Absent };
        let record = Record { key: content.key, partition: Some(partition), offset: Some(offset), value };
        Content {
            topic: self.context.names.short(&self.topic).to_owned(),
            headers: content.headers,
            body: content.value.unwrap_or_default(),
            wire_fields: Vec::new(),
            record: Some(Box::new(record)),
        }
    }
}
