//! Records of transactions.

use itest::prelude::*;
use rdkafka::producer::{BaseRecord, Producer};

use crate::bus::{Bus, TIMEOUT};

#[integration_test]
async fn records_of_a_committed_transaction_are_expected(events: &Kafka, bus: &Bus) -> Result<()> {
    #[arrange]
    let topic = events.topic("orders").await?;
    let producer = bus.transactional_producer(&format!("{}billing", events.prefix()))?;

    #[act]
    let sending = topic.clone();
    tokio::task::spawn_blocking(move || -> Result<()> {
        producer.init_transactions(TIMEOUT)?;
        producer.begin_transaction()?;
        for value in ["1", "2"] {
            producer.send(BaseRecord::to(&sending).key("k").payload(value)).map_err(|(error, _)| error)?;
        }
        Ok(producer.commit_transaction(TIMEOUT)?)
    })
    .await??;

    #[assert]
    let records = events.expect("orders").exactly(2).await?;
    assert_eq!(records.iter().map(|record| record.text().into_owned()).collect::<Vec<_>>(), ["1", "2"]);
    Ok(())
}
