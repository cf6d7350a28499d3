//! The consumer groups of a test.

use itest::prelude::*;
use rdkafka::Message as _;

use crate::bus::{Bus, commit, next};

#[integration_test]
async fn group_has_consumed_a_topic_when_it_has_committed_all_its_records(events: &Kafka, bus: &Bus) -> Result<()> {
    #[arrange]
    let topic = events.topic("orders").partitions(2).await?;
    let group = events.group("billing");
    for number in 0..6 {
        events.publish("orders").key(format!("{number}")).text(number.to_string()).await?;
    }
    let consumer = bus.subscribe(&topic, group.name())?;

    #[act]
    let before = group.lag("orders").await?;
    for _ in 0..6 {
        next(&consumer).await?;
    }
    let not_committed = group.lag("orders").await?;
    commit(&consumer)?;

    #[assert]
    assert_eq!((before, not_committed), (6, 6));
    group.expect_consumed("orders").await?;
    let offsets = group.offsets("orders").await?;
    assert!(offsets.iter().all(|offset| offset.committed == Some(offset.end)), "{offsets:?}");
    assert_eq!(offsets.iter().map(|offset| offset.end).sum::<i64>(), 6);
    Ok(())
}

#[integration_test]
async fn two_groups_get_each_record_and_members_of_one_group_share_them(events: &Kafka, bus: &Bus) -> Result<()> {
    #[arrange]
    let topic = events.topic("orders").await?;
    let billing = bus.subscribe(&topic, events.group("billing").name())?;
    let dispatch = bus.subscribe(&topic, events.group("dispatch").name())?;

    #[act]
    events.publish("orders").text("7").await?;

    #[assert]
    assert_eq!(next(&billing).await?.payload(), Some(&b"7"[..]));
    assert_eq!(next(&dispatch).await?.payload(), Some(&b"7"[..]));
    Ok(())
}

#[integration_test]
async fn group_of_a_cluster_that_cannot_count_members_is_an_error(events: &Kafka) -> Result<()> {
    let error = events.group("billing").expect_consumers(1).await.err().ok_or("there is no error")?.to_string();
    assert!(error.contains("does not support the request DescribeGroups in version 1"), "{error}");
    Ok(())
}
