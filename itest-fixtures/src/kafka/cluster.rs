//! A cluster: its brokers, and the requests that any of them answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use itest_runtime::Error;

use super::api_key::ApiKey;
use super::code::ErrorCode;
use super::connection::Connection;
use super::endpoint::{Bootstrap, Endpoint};
use super::fields::{Request, Response};
use crate::failure::with_action;

/// How long a cluster may take until a new topic or a new leader can be used.
const READY_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause between two attempts.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A client of a cluster. Clones share its connections.
#[derive(Debug, Clone)]
pub(super) struct Cluster(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bootstrap: Bootstrap,
    /// The connections that no request uses. A request takes one out, so two requests at the same time have two connections.
    idle: Mutex<HashMap<Endpoint, Vec<Connection>>>,
}

/// What a broker says about the cluster.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) brokers: Vec<Broker>,
    controller: i32,
    pub(super) topics: Vec<TopicMetadata>,
}

#[derive(Debug)]
pub(super) struct Broker {
    id: i32,
    pub(super) endpoint: Endpoint,
}

#[derive(Debug)]
pub(super) struct TopicMetadata {
    pub(super) code: ErrorCode,
    pub(super) name: String,
    pub(super) partitions: Vec<PartitionMetadata>,
}

#[derive(Debug)]
pub(super) struct PartitionMetadata {
    code: ErrorCode,
    pub(super) number: i32,
    leader: i32,
}

/// The topics that a request for metadata asks for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Topics<'t> {
    All,
    /// This topic, if it exists.
    Existing(&'t str),
    /// This topic, which the cluster creates by its rules if it does not exist.
    Created(&'t str),
}

/// The brokers that lead the partitions of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leader {
    pub(super) partition: i32,
    pub(super) endpoint: Endpoint,
}

impl Cluster {
    pub(super) fn new(bootstrap: Bootstrap) -> Self {
        Self(Arc::new(Shared { bootstrap, idle: Mutex::default() }))
    }

    pub(super) fn bootstrap(&self) -> &Bootstrap {
        &self.0.bootstrap
    }

    /// A new connection to a broker.
    ///
    /// # Errors
    ///
    /// When the broker cannot be reached, or refuses the login.
    pub(super) async fn connect(&self, endpoint: &Endpoint) -> Result<Connection, Error> {
        Connection::open(endpoint, self.0.bootstrap.login.as_ref()).await
    }

    /// A connection to the first broker of the URL that can be reached.
    ///
    /// # Errors
    ///
    /// When none of them can be reached. The error is that of the last one.
    pub(super) async fn connect_to_any(&self) -> Result<Connection, Error> {
        let mut last = Error::new("the URL names no broker");
        for server in &self.0.bootstrap.servers {
            match self.connection(server).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn connection(&self, endpoint: &Endpoint) -> Result<Connection, Error> {
        let idle = self.idle().get_mut(endpoint).and_then(Vec::pop);
        match idle {
            Some(connection) => Ok(connection),
            None => self.connect(endpoint).await,
        }
    }

    /// Returns a connection on which every request was answered.
    pub(super) fn give_back(&self, connection: Connection) {
        self.idle().entry(connection.endpoint().clone()).or_default().push(connection);
    }

    /// Closes all connections that no request uses.
    pub(super) fn close(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Endpoint, Vec<Connection>>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request to a broker.
    ///
    /// # Errors
    ///
    /// When the broker does not support the request, or does not answer.
    pub(super) async fn request(&self, endpoint: &Endpoint, api: ApiKey, request: Request) -> Result<Vec<u8>, Error> {
        let mut connection = self.connection(endpoint).await?;
        let response = connection.request(api, request, Duration::ZERO).await?;
        self.give_back(connection);
        Ok(response)
    }

    /// Asks any broker about the cluster.
    ///
    /// # Errors
    ///
    /// When no broker can be reached.
    pub(super) async fn metadata(&self, topics: Topics<'_>) -> Result<Metadata, Error> {
        let request = Request::default();
        let request = match topics {
            Topics::All => request.null_array().i8(0),
            Topics::Existing(topic) => request.array([topic], Request::string).i8(0),
            Topics::Created(topic) => request.array([topic], Request::string).i8(1),
        };
        let mut connection = self.connect_to_any().await?;
        let response = connection.request(ApiKey::Metadata, request, Duration::ZERO).await?;
        self.give_back(connection);
        Metadata::read(&response).ok_or_else(|| incomplete(ApiKey::Metadata))
    }

    /// The leaders of all partitions of a topic, when each has one.
    ///
    /// # Errors
    ///
    /// When the topic does not exist, or a partition has no leader within 5 seconds.
    pub(super) async fn leaders(&self, topic: &str) -> Result<Vec<Leader>, Error> {
        let began = Instant::now();
        loop {
            let metadata = self.metadata(Topics::Existing(topic)).await?;
            match metadata.leaders(topic) {
                Ok(leaders) => return Ok(leaders),
                Err(code) if code.is_temporary() && began.elapsed() < READY_TIMEOUT => {
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
                Err(code) => return Err(with_action(&format!("use the topic {topic}"), &code.to_string())),
            }
        }
    }

    /// The broker that leads a partition.
    ///
    /// # Errors
    ///
    /// As for [`Cluster::leaders`], and when there is no such partition.
    pub(super) async fn leader(&self, topic: &str, partition: i32) -> Result<Endpoint, Error> {
        let leaders = self.leaders(topic).await?;
        let count = leaders.len();
        let leader = leaders.into_iter().find(|leader| leader.partition == partition);
        leader.map(|leader| leader.endpoint).ok_or_else(|| {
            let reason = format!("it has {count} partitions, numbered from 0");
            with_action(&format!("use partition {partition} of the topic {topic}"), &reason)
        })
    }

    /// The broker that creates and deletes topics.
    ///
    /// # Errors
    ///
    /// When the cluster has none.
    pub(super) async fn controller(&self) -> Result<Endpoint, Error> {
        let Metadata { brokers, controller, .. } = self.metadata(Topics::All).await?;
        // A cluster without the role names no broker, and each one takes these requests.
        let named = brokers.iter().find(|broker| broker.id == controller).or(brokers.first());
        named.map(|broker| broker.endpoint.clone()).ok_or_else(|| Error::new("the cluster of Kafka has no broker"))
    }

    /// Repeats an operation while the answer of the cluster is temporary.
    ///
    /// # Errors
    ///
    /// The last code, as an error with this action.
    pub(super) async fn retry<T, F: Future<Output = Result<Answer<T>, Error>>>(
        &self,
        action: &str,
        attempt: impl Fn() -> F,
    ) -> Result<T, Error> {
        let began = Instant::now();
        loop {
            match attempt().await? {
                Answer::Done(value) => return Ok(value),
                Answer::Refused(code) if code.is_temporary() && began.elapsed() < READY_TIMEOUT => {
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
                Answer::Refused(code) => return Err(with_action(action, &code.to_string())),
            }
        }
    }
}

/// The answer of a broker to a request.
#[derive(Debug)]
pub(super) enum Answer<T> {
    Done(T),
    Refused(ErrorCode),
}

impl<T> Answer<T> {
    /// The value, unless the code is one of an error.
    pub(super) fn new(code: ErrorCode, value: T) -> Self {
        if code == ErrorCode::NONE { Self::Done(value) } else { Self::Refused(code) }
    }
}

impl Metadata {
    fn read(response: &[u8]) -> Option<Self> {
        let mut fields = Response::new(response);
        let _throttle = fields.i32()?;
        let brokers = fields.array(|fields| {
            let (id, host, port, _rack) = (fields.i32()?, fields.string()?, fields.i32()?, fields.string()?);
            Some(Broker { id, endpoint: Endpoint { host, port: u16::try_from(port).ok()? } })
        })?;
        let (_cluster, controller) = (fields.string()?, fields.i32()?);
        let topics = fields.array(|fields| {
            let (code, name, _is_internal) = (ErrorCode(fields.i16()?), fields.string()?, fields.i8()?);
            let partitions = fields.array(|fields| {
                let (code, number, leader) = (ErrorCode(fields.i16()?), fields.i32()?, fields.i32()?);
                let (_replicas, _in_sync) = (fields.array(Response::i32)?, fields.array(Response::i32)?);
                Some(PartitionMetadata { code, number, leader })
            })?;
            Some(TopicMetadata { code, name, partitions })
        })?;
        Some(Self { brokers, controller, topics })
    }

    fn leaders(&self, topic: &str) -> Result<Vec<Leader>, ErrorCode> {
        let topic = self.topics.iter().find(|known| known.name == topic);
        let TopicMetadata { code, partitions, .. } = topic.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        code.check()?;
        let leader = |partition: &PartitionMetadata| {
            let broker = self.brokers.iter().find(|broker| broker.id == partition.leader);
            let endpoint = broker.map(|broker| broker.endpoint.clone());
            // A partition whose replicas are partly missing has a leader in spite of its code.
            let endpoint = endpoint.ok_or(partition.code.check().err().unwrap_or(ErrorCode(5)))?;
            Ok(Leader { partition: partition.number, endpoint })
        };
        if partitions.is_empty() {
            return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        }
        partitions.iter().map(leader).collect()
    }
}

/// The error for a response that does not have the fields of its version.
pub(super) fn incomplete(api: ApiKey) -> Error {
    with_action(&format!("read the response to {api} of Kafka"), "it is incomplete")
}
