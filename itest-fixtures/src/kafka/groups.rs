//! The consumer groups of a cluster: their committed offsets, their members, and their removal.

use itest_runtime::Error;

use super::api_key::ApiKey;
use super::cluster::{Answer, Cluster, Topics, incomplete};
use super::code::ErrorCode;
use super::endpoint::Endpoint;
use super::fields::{Request, Response};
use super::log::Position;

/// The type of key of a request for the coordinator of a group.
const GROUP: i8 = 0;

/// The broker that coordinates a group.
async fn coordinator(cluster: &Cluster, group: &str) -> Result<Endpoint, Error> {
    cluster
        .retry(&format!("find the coordinator of the group {group} of Kafka"), move || async move {
            let mut connection = cluster.connect_to_any().await?;
            let request = Request::default().string(group).i8(GROUP);
            let response = connection.request(ApiKey::FindCoordinator, request, std::time::Duration::ZERO).await?;
            cluster.give_back(connection);
            let mut fields = Response::new(&response);
            let mut read = || {
                let (_throttle, code, _message) = (fields.i32()?, ErrorCode(fields.i16()?), fields.string()?);
                let (_id, host, port) = (fields.i32()?, fields.string()?, fields.i32()?);
                Some(Answer::new(code, Endpoint { host, port: u16::try_from(port).unwrap_or_default() }))
            };
            read().ok_or_else(|| incomplete(ApiKey::FindCoordinator))
        })
        .await
}

/// The offsets that a group has committed for partitions of a topic. Partitions for which it has committed none are left out.
///
/// # Errors
///
/// When the coordinator does not answer.
pub(super) async fn committed(
    cluster: &Cluster,
    group: &str,
    topic: &str,
    partitions: &[i32],
) -> Result<Vec<Position>, Error> {
    let action = format!("read the offsets of the group {group} of Kafka");
    cluster
        .retry(&action, move || async move {
            let coordinator = coordinator(cluster, group).await?;
            let in_topic =
                |request: Request, topic| request.string(topic).array(partitions.iter().copied(), Request::i32);
            let request = Request::default().string(group).array([topic], in_topic);
            let response = cluster.request(&coordinator, ApiKey::OffsetFetch, request).await?;
            let (positions, code) = offsets(&response).ok_or_else(|| incomplete(ApiKey::OffsetFetch))?;
            Ok(Answer::new(code, positions))
        })
        .await
}

fn offsets(response: &[u8]) -> Option<(Vec<Position>, ErrorCode)> {
    let mut fields = Response::new(response);
    let topics = fields.array(|fields| {
        let _topic = fields.string()?;
        fields.array(|fields| {
            let (partition, offset, _metadata, code) = (fields.i32()?, fields.i64()?, fields.string()?, fields.i16()?);
            Some((Position { partition, offset }, ErrorCode(code)))
        })
    })?;
    let partitions: Vec<_> = topics.into_iter().flatten().collect();
    let group = ErrorCode(fields.i16()?);
    let code = partitions.iter().map(|(_, code)| *code).find(|code| code.check().is_err()).unwrap_or(group);
    let committed = partitions.into_iter().map(|(position, _)| position).filter(|position| position.offset >= 0);
    Some((committed.collect(), code))
}

/// The number of members of a group. A group that does not exist has none.
///
/// # Errors
///
/// When the coordinator does not answer, or the cluster does not support the request.
pub(super) async fn members(cluster: &Cluster, group: &str) -> Result<usize, Error> {
    cluster
        .retry(&format!("count the members of the group {group} of Kafka"), move || async move {
            let coordinator = coordinator(cluster, group).await?;
            let request = Request::default().array([group], Request::string);
            let response = cluster.request(&coordinator, ApiKey::DescribeGroups, request).await?;
            let (code, members) = described(&response).ok_or_else(|| incomplete(ApiKey::DescribeGroups))?;
            let is_unknown = code == ErrorCode::GROUP_ID_NOT_FOUND;
            Ok(if is_unknown { Answer::Done(0) } else { Answer::new(code, members) })
        })
        .await
}

fn described(response: &[u8]) -> Option<(ErrorCode, usize)> {
    let mut fields = Response::new(response);
    let (_throttle, _groups, code, _group) = (fields.i32()?, fields.i32()?, ErrorCode(fields.i16()?), fields.string()?);
    let (_state, _protocol_type, _protocol) = (fields.string()?, fields.string()?, fields.string()?);
    let members = fields.array(|fields| {
        let (_member, _client, _host) = (fields.string()?, fields.string()?, fields.string()?);
        let (_metadata, _assignment) = (fields.bytes()?, fields.bytes()?);
        Some(())
    })?;
    Some((code, members.len()))
}

/// The groups whose names begin so. A cluster without the request has none.
///
/// # Errors
///
/// When a broker does not answer.
pub(super) async fn with_prefix(cluster: &Cluster, prefix: &str) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    // Each broker lists the groups that it coordinates.
    for broker in cluster.metadata(Topics::All).await?.brokers {
        let connection = cluster.connect(&broker.endpoint).await?;
        if !connection.supports(ApiKey::ListGroups) {
            continue;
        }
        cluster.give_back(connection);
        let response = cluster.request(&broker.endpoint, ApiKey::ListGroups, Request::default()).await?;
        let mut fields = Response::new(&response);
        let mut read = || {
            let (_throttle, _code) = (fields.i32()?, fields.i16()?);
            fields.array(|fields| {
                let (group, _protocol_type) = (fields.string()?, fields.string()?);
                Some(group)
            })
        };
        names.extend(read().ok_or_else(|| incomplete(ApiKey::ListGroups))?);
    }
    names.retain(|name| name.starts_with(prefix));
    Ok(names)
}

/// Removes a group with its committed offsets. It is no error if it does not exist, or still has members: a group without committed offsets ends with its
/// last member, and the offsets of deleted topics are removed with them.
///
/// # Errors
///
/// When the coordinator refuses it.
pub(super) async fn delete(cluster: &Cluster, group: &str) -> Result<(), Error> {
    cluster
        .retry(&format!("delete the group {group} of Kafka"), move || async move {
            let coordinator = coordinator(cluster, group).await?;
            let request = Request::default().array([group], Request::string);
            let response = cluster.request(&coordinator, ApiKey::DeleteGroups, request).await?;
            let mut fields = Response::new(&response);
            let mut read = || {
                let (_throttle, _groups, _group) = (fields.i32()?, fields.i32()?, fields.string()?);
                Some(ErrorCode(fields.i16()?))
            };
            let code = read().ok_or_else(|| incomplete(ApiKey::DeleteGroups))?;
            let is_gone = matches!(code, ErrorCode::GROUP_ID_NOT_FOUND | ErrorCode::NON_EMPTY_GROUP);
            Ok(if is_gone { Answer::Done(()) } else { Answer::new(code, ()) })
        })
        .await
}
