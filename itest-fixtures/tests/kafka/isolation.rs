//! Tests with the same names of topics and groups do not see each other.

use itest::prelude::*;

use crate::bus::{Bus, commit, next};

/// The cases run in parallel and one after the other, in any order.
#[integration_test]
#[case::first(1)]
#[case::second(2)]
#[case::third(3)]
#[case::fourth(4)]
async fn topic_and_group_with_the_names_of_another_test_are_empty(
    #[case] number: u32,
    events: &Kafka,
    bus: &Bus,
) -> Result<()> {
    #[arrange]
    let topic = events.topic("orders").await?;
    let group = events.group("billing");
    let offsets = group.offsets("orders").await?;
    assert!(offsets.iter().all(|offset| offset.committed.is_none() && offset.end == 0), "{offsets:?}");

    #[act]
    for _ in 0..number {
        bus.send(&topic, "k", &number.to_string()).await?;
    }
    let consumer = bus.subscribe(&topic, group.name())?;
    for _ in 0..number {
        next(&consumer).await?;
    }
    commit(&consumer)?;

    #[assert]
    let records = events.expect("orders").exactly(usize::try_from(number)?).await?;
    assert!(records.iter().all(|record| record.text() == number.to_string()));
    group.expect_consumed("orders").await?;
    Ok(())
}
