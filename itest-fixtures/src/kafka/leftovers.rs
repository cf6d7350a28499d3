//! What the code under test leaves on its topics: open transactions, and records that a group has not consumed.

use std::time::Duration;

use itest_runtime::{Error, TestInfo};

use super::access::Access;
use super::consumer_group::{ConsumerGroup, GroupOffset};
use super::log::{Position, ends, fetch};

/// Adds a warning for each topic with an open transaction, and for each group that has begun to consume a topic and has not committed all of it.
///
/// # Errors
///
/// When the cluster does not answer.
pub(super) async fn warn_of_leftovers(
    access: &Access,
    topics: &[String],
    groups: &[ConsumerGroup],
    info: &TestInfo,
) -> Result<(), Error> {
    for topic in topics {
        if has_open_transaction(access, topic).await? {
            info.warn(format!(
                "a transaction of the code under test on the topic {topic} of Kafka is neither committed nor aborted, so consumers do not \
                 get its records"
            ));
        }
        for group in groups {
            let offsets = group.offsets(topic).await?;
            let has_begun = offsets.iter().any(|offset| offset.committed.is_some());
            let lag: u64 = offsets.iter().map(GroupOffset::lag).sum();
            if has_begun && lag > 0 {
                let name = access.names.short(group.name());
                info.warn(format!("the group {name} has not committed {lag} records of the topic {topic} of Kafka"));
            }
        }
    }
    Ok(())
}

/// Whether a transaction on a topic is open: the broker returns a stable end that is before the end.
async fn has_open_transaction(access: &Access, topic: &str) -> Result<bool, Error> {
    let (cluster, topic) = (&access.cluster, access.names.full(topic)?);
    for leader in cluster.leaders(&topic).await? {
        let partition = leader.partition;
        let offset = ends(cluster, &leader.endpoint, &topic, &[partition]).await?.first().map_or(0, |end| end.offset);
        let mut connection = cluster.connect(&leader.endpoint).await?;
        let at_end = [Position { partition, offset }];
        let fetched = fetch(&mut connection, &topic, &at_end, Duration::ZERO).await?;
        if fetched.iter().any(|fetched| fetched.stable_end < fetched.end) {
            return Ok(true);
        }
    }
    Ok(false)
}
