//! The outbox: events are written in the transaction that they announce, and published afterwards, at least once.

use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use tokio::time::{sleep, timeout};

use crate::background::StopSignal;
use crate::broker::Publisher;
use crate::defect::Defect;
use crate::event::{Envelope, Event};
use crate::program::log;

/// How long publishing the pending events may take.
const RELAY_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Broker(#[from] lapin::Error),
    #[error("the broker refuses an event")]
    Refused,
    #[error("{RELAY_TIMEOUT:?} were not enough")]
    Timeout(#[from] tokio::time::error::Elapsed),
}

/// Writes an event into the outbox of a service, as a part of the caller's transaction.
pub(crate) async fn write(transaction: &mut PgConnection, service: &str, event: &Event) -> Result<(), sqlx::Error> {
    let number: i64 = sqlx::query_scalar("SELECT nextval(pg_get_serial_sequence('outbox', 'id'))")
        .fetch_one(&mut *transaction)
        .await?;
    let envelope = Envelope { id: format!("{service}-{number}"), event: event.clone() };
    let body = serde_json::to_string(&envelope).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let insert = sqlx::query("INSERT INTO outbox (id, topic, body) VALUES ($1, $2, $3)");
    insert.bind(number).bind(event.topic()).bind(body).execute(transaction).await?;
    Ok(())
}

/// Publishes the events of an outbox until the service stops.
pub(crate) struct Relay {
    pub(crate) pool: PgPool,
    pub(crate) service: &'static str,
    pub(crate) url: String,
    /// The pause between two reads of the outbox. The relay polls, so it also publishes what an instance that crashed has left.
    pub(crate) pause: Duration,
    pub(crate) defect: Option<Defect>,
}

impl Relay {
    pub(crate) async fn run(self, mut stop: StopSignal) {
        let mut publisher = None;
        loop {
            let outcome = timeout(RELAY_TIMEOUT, self.publish_pending(&mut publisher)).await;
            if let Err(error) = outcome.map_err(RelayError::from).and_then(|result| result) {
                log(format_args!("{}: the outbox waits: {error}", self.service));
                close(publisher.take()).await;
            }
            if stop.unless_stopped(sleep(self.pause)).await.is_none() {
                break;
            }
        }
        close(publisher).await;
    }

    async fn publish_pending(&self, publisher: &mut Option<Publisher>) -> Result<(), RelayError> {
        let pending = sqlx::query_scalar("SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)");
        if !pending.fetch_one(&self.pool).await? {
            return Ok(());
        }
        let publisher = match publisher {
            Some(publisher) => publisher,
            none => none.insert(Publisher::connect(&self.url).await?),
        };
        let mut transaction = self.pool.begin().await?;
        let pending: Vec<(i64, String, String)> = sqlx::query_as(
            "SELECT id, topic, body FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED",
        )
        .fetch_all(&mut *transaction)
        .await?;
        let marked: Vec<i64> = pending.iter().map(|(number, ..)| *number).collect();
        let mark = sqlx::query("UPDATE outbox SET published_at = now() WHERE id = ANY($1)");
        mark.bind(marked).execute(&mut *transaction).await?;
        if self.defect == Some(Defect::PublishedWithoutConfirmation) {
            transaction.commit().await?;
            transaction = self.pool.begin().await?;
        }
        for (number, topic, body) in &pending {
            let confirmation = publisher.publish(topic, &format!("{}-{number}", self.service), body).await?;
            if confirmation.is_nack() {
                return Err(RelayError::Refused);
            }
        }
        // If the commit is lost, the events are published again: consumers recognize them by their ids.
        transaction.commit().await?;
        Ok(())
    }
}

async fn close(publisher: Option<Publisher>) {
    if let Some(publisher) = publisher {
        publisher.close().await;
    }
}
