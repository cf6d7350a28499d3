//! Writes records to the partitions of a topic, and reads them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use itest_runtime::Error;

use super::api_key::ApiKey;
use super::batch::{self, AbortedTransaction, LogRecord, RecordContent};
use super::cluster::{Answer, Cluster, incomplete};
use super::code::ErrorCode;
use super::connection::Connection;
use super::endpoint::Endpoint;
use super::fields::{Request, Response};
use crate::failure::with_action;

/// How long the replicas of a partition may take to confirm a record.
const CONFIRMATION_TIMEOUT_MS: i32 = 5000;

/// The most bytes of a response to one fetch. A larger record is returned nevertheless.
const MAX_FETCH_BYTES: i32 = 16 << 20;

/// A position in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) partition: i32,
    pub(super) offset: i64,
}

/// What a fetch has returned of one partition.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) partition: i32,
    pub(super) code: ErrorCode,
    /// The offset after the last record.
    pub(super) end: i64,
    /// The offset of the first record of a transaction that is open, or the end.
    pub(super) stable_end: i64,
    pub(super) records: Vec<LogRecord>,
    /// The offset from which the next fetch reads, or `None` if this one has returned nothing.
    pub(super) next_offset: Option<i64>,
}

/// Writes a record, and returns its offset when all replicas in sync have it.
///
/// # Errors
///
/// When the partition does not exist, or its leader does not accept the record.
pub(super) async fn produce(
    cluster: &Cluster,
    topic: &str,
    partition: i32,
    record: &RecordContent,
) -> Result<i64, Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let batch = &batch::encode(record, i64::try_from(now.as_millis()).unwrap_or_default());
    cluster
        .retry(&format!("publish on the topic {topic} of Kafka"), move || async move {
            let leader = cluster.leader(topic, partition).await?;
            let in_partition = |request: Request, partition| request.i32(partition).bytes(batch);
            let in_topic = |request: Request, topic| request.string(topic).array([partition], in_partition);
            // No transaction, and the confirmation of all replicas in sync.
            let request =
                Request::default().null_string().i16(-1).i32(CONFIRMATION_TIMEOUT_MS).array([topic], in_topic);
            let response = cluster.request(&leader, ApiKey::Produce, request).await?;
            let (code, offset) = produced(&response).ok_or_else(|| incomplete(ApiKey::Produce))?;
            Ok(Answer::new(code, offset))
        })
        .await
}

fn produced(response: &[u8]) -> Option<(ErrorCode, i64)> {
    let mut fields = Response::new(response);
    let (_topics, _topic, _partitions, _partition) = (fields.i32()?, fields.string()?, fields.i32()?, fields.i32()?);
    Some((ErrorCode(fields.i16()?), fields.i64()?))
}

/// Reads the committed records of a topic from these positions. The broker waits for records, at most this time.
///
/// # Errors
///
/// When the broker does not answer, or a record cannot be read.
pub(super) async fn fetch(
    connection: &mut Connection,
    topic: &str,
    positions: &[Position],
    wait: Duration,
) -> Result<Vec<Fetched>, Error> {
    let wait_ms = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    let in_partition = |request: Request, Position { partition, offset }: Position| {
        request.i32(partition).i64(offset).i32(MAX_FETCH_BYTES)
    };
    let in_topic = |request: Request, topic| request.string(topic).array(positions.iter().copied(), in_partition);
    // A consumer, and only committed records.
    let request = Request::default().i32(-1).i32(wait_ms).i32(1).i32(MAX_FETCH_BYTES).i8(1).array([topic], in_topic);
    let response = connection.request(ApiKey::Fetch, request, wait).await?;
    let partitions = fetched(&response).ok_or_else(|| incomplete(ApiKey::Fetch))?;
    partitions.into_iter().map(|partition| partition.read(topic)).collect()
}

/// The bytes that a fetch has returned of one partition.
struct Unread<'b> {
    partition: i32,
    code: ErrorCode,
    end: i64,
    stable_end: i64,
    aborted: Vec<AbortedTransaction>,
    batches: &'b [u8],
}

impl Unread<'_> {
    fn read(self, topic: &str) -> Result<Fetched, Error> {
        let Self { partition, code, end, stable_end, aborted, batches } = self;
        let batches = batch::decode(batches, &aborted)
            .map_err(|reason| with_action(&format!("read the topic {topic} of Kafka"), &reason))?;
        let (records, next_offset) = (batches.records, batches.next_offset);
        Ok(Fetched { partition, code, end, stable_end, records, next_offset })
    }
}

fn fetched(response: &[u8]) -> Option<Vec<Unread<'_>>> {
    let mut fields = Response::new(response);
    let (_throttle, topics) = (fields.i32()?, fields.i32()?);
    if topics == 0 {
        return Some(Vec::new());
    }
    let _topic = fields.string()?;
    fields.array(|fields| {
        let (partition, code, end, stable_end) =
            (fields.i32()?, ErrorCode(fields.i16()?), fields.i64()?, fields.i64()?);
        let aborted =
            fields.array(|fields| Some(AbortedTransaction { producer: fields.i64()?, first_offset: fields.i64()? }))?;
        Some(Unread { partition, code, end, stable_end, aborted, batches: fields.bytes()? })
    })
}

/// The offsets after the last records of some partitions, which this broker leads.
///
/// # Errors
///
/// When the broker does not answer.
pub(super) async fn ends(
    cluster: &Cluster,
    leader: &Endpoint,
    topic: &str,
    partitions: &[i32],
) -> Result<Vec<Position>, Error> {
    const LATEST: i64 = -1;
    let in_partition = |request: Request, partition| request.i32(partition).i64(LATEST);
    let in_topic = |request: Request, topic| request.string(topic).array(partitions.iter().copied(), in_partition);
    let request = Request::default().i32(-1).array([topic], in_topic);
    let response = cluster.request(leader, ApiKey::ListOffsets, request).await?;
    let mut fields = Response::new(&response);
    let mut read = || {
        let (_topics, _topic) = (fields.i32()?, fields.string()?);
        fields.array(|fields| {
            let (partition, _code, _timestamp, offset) = (fields.i32()?, fields.i16()?, fields.i64()?, fields.i64()?);
            Some(Position { partition, offset })
        })
    };
    read().ok_or_else(|| incomplete(ApiKey::ListOffsets))
}
