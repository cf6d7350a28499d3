//! Creates and deletes topics.

use itest_runtime::Error;

use super::api_key::ApiKey;
use super::cluster::{Answer, Cluster, Topics, incomplete};
use super::code::ErrorCode;
use super::fields::{Request, Response};

/// How long the brokers may take to create or delete topics, before they answer.
const TIMEOUT_MS: i32 = 5000;

/// Creates a topic, and waits until each of its partitions has a leader. Without a number of partitions, it has one.
///
/// # Errors
///
/// When the cluster refuses the topic.
pub(super) async fn create(cluster: &Cluster, name: &str, partitions: Option<i32>) -> Result<(), Error> {
    let controller = cluster.controller().await?;
    let connection = cluster.connect(&controller).await?;
    if !connection.supports(ApiKey::CreateTopics) {
        return create_by_metadata(cluster, name, partitions).await;
    }
    cluster.give_back(connection);
    let action = format!("create the topic {name}");
    cluster
        .retry(&action, move || async move {
            // Topics are created by another broker after an election.
            let controller = cluster.controller().await?;
            // The replication factor of the cluster, no assignment of replicas, and no settings.
            let topic =
                |request: Request, name| request.string(name).i32(partitions.unwrap_or(1)).i16(-1).i32(0).i32(0);
            let request = Request::default().array([name], topic).i32(TIMEOUT_MS).i8(0);
            let response = cluster.request(&controller, ApiKey::CreateTopics, request).await?;
            let code = first_code(&response).ok_or_else(|| incomplete(ApiKey::CreateTopics))?;
            // An earlier attempt may have created it although it was answered with an error.
            Ok(if code == ErrorCode::TOPIC_ALREADY_EXISTS { Answer::Done(()) } else { Answer::new(code, ()) })
        })
        .await?;
    cluster.leaders(name).await.map(drop)
}

/// Creates a topic by asking for it, on a cluster without the request `CreateTopics`, such as librdkafka's mock cluster at a URL.
async fn create_by_metadata(cluster: &Cluster, name: &str, partitions: Option<i32>) -> Result<(), Error> {
    cluster.metadata(Topics::Created(name)).await?;
    let actual = i32::try_from(cluster.leaders(name).await?.len()).unwrap_or(i32::MAX);
    match partitions {
        Some(partitions) if partitions != actual => Err(Error::new(format!(
            "cannot create the topic {name} with {partitions} partitions: the cluster does not support CreateTopics, and gives each topic \
             {actual} partitions"
        ))),
        _ => Ok(()),
    }
}

/// The names of the topics that begin so.
///
/// # Errors
///
/// When no broker can be reached.
pub(super) async fn with_prefix(cluster: &Cluster, prefix: &str) -> Result<Vec<String>, Error> {
    let topics = cluster.metadata(Topics::All).await?.topics;
    Ok(topics.into_iter().map(|topic| topic.name).filter(|name| name.starts_with(prefix)).collect())
}

/// Deletes topics. It is no error if one of them does not exist.
///
/// # Errors
///
/// When the cluster refuses it.
pub(super) async fn delete(cluster: &Cluster, names: &[String]) -> Result<(), Error> {
    if names.is_empty() {
        return Ok(());
    }
    let action = format!("delete the topics {} of Kafka", names.join(", "));
    cluster
        .retry(&action, move || async move {
            let controller = cluster.controller().await?;
            let names = names.iter().map(String::as_str);
            let request = Request::default().array(names.collect::<Vec<_>>(), Request::string).i32(TIMEOUT_MS);
            let response = cluster.request(&controller, ApiKey::DeleteTopics, request).await?;
            let codes = codes(&response).ok_or_else(|| incomplete(ApiKey::DeleteTopics))?;
            let is_error =
                |code: &ErrorCode| *code != ErrorCode::NONE && *code != ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
            Ok(codes.into_iter().find(is_error).map_or(Answer::Done(()), Answer::Refused))
        })
        .await
}

fn first_code(response: &[u8]) -> Option<ErrorCode> {
    let mut fields = Response::new(response);
    let (_throttle, _count, _name) = (fields.i32()?, fields.i32()?, fields.string()?);
    fields.i16().map(ErrorCode)
}

fn codes(response: &[u8]) -> Option<Vec<ErrorCode>> {
    let mut fields = Response::new(response);
    let _throttle = fields.i32()?;
    fields.array(|topic| {
        let _name = topic.string()?;
        topic.i16().map(ErrorCode)
    })
}
