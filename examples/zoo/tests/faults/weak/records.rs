//! Messages that count as sent or stored too early, and a lock that an error leaves.

use itest::prelude::*;
use itest::request;
use reqwest::Client;
use serde_json::Value;
use sqlx::PgPool;

use crate::fixtures::clients::{bounded_client, within};
use crate::fixtures::database::{ProxiedPool, SecondPool};
use crate::fixtures::records::{Inbox, Outbox};
use crate::fixtures::third_parties::Events;

/// Publishes the next message. It counts as sent before it is sent.
async fn publish_next(outbox: &Outbox, client: &Client, url: &str) -> Result<()> {
    let next = "UPDATE outbox SET sent = true WHERE id = (SELECT min(id) FROM outbox WHERE NOT sent) RETURNING payload";
    let payload: String = within(sqlx::query_scalar(next).fetch_one(&outbox.pool)).await?;
    let request = client.post(format!("{url}/events")).body(payload);
    let _accepted: Value = request.send().await?.error_for_status()?.json().await?;
    Ok(())
}

#[integration_test]
async fn message_is_published(outbox: &Outbox, events: &StandIn<Events>) -> Result<()> {
    #[arrange]
    events.when(request::post("/events")).reply(outbox.publish());
    let client = bounded_client()?;

    #[act]
    let published = publish_next(outbox, &client, &events.url()).await;

    #[assert]
    assert!(published.is_ok());
    Ok(())
}

/// Receives an event, and returns the status of the answer. The sender gets 200 although the event may not be stored.
async fn receive(inbox: &Inbox, event: i64) -> u16 {
    let insert = sqlx::query("INSERT INTO event (id) VALUES ($1)").bind(event);
    let _ = within(insert.execute(&inbox.pool)).await;
    inbox.acknowledge(event);
    200
}

#[integration_test]
async fn event_is_acknowledged(inbox: &Inbox) {
    #[act]
    let status = receive(inbox, 7).await;

    #[assert]
    assert_eq!(status, 200);
}

/// Migrates the database under a lock of the session. After an error, the connection goes back to the pool with the lock.
async fn migrate(pool: &PgPool) -> Result<()> {
    let mut connection = pool.acquire().await?;
    sqlx::query("SELECT pg_advisory_lock(7)").execute(&mut *connection).await?;
    let insert = sqlx::query("INSERT INTO applied_migration (version) VALUES (1)");
    within(insert.execute(&mut *connection)).await?;
    within(sqlx::query("SELECT pg_advisory_unlock(7)").execute(&mut *connection)).await?;
    Ok(())
}

/// Another replica, which waits until no migration is running.
struct Replica<'p>(&'p SecondPool);

impl Replica<'_> {
    async fn wait_for_migrations(&self) -> Result<()> {
        sqlx::query("SELECT pg_advisory_xact_lock(7)").execute(&self.0.0).await?;
        Ok(())
    }
}

#[integration_test]
async fn replica_waits_for_the_migration(leader: &ProxiedPool, second: &SecondPool) -> Result<()> {
    #[arrange]
    let replica = Replica(second);

    #[act]
    let migrated = migrate(&leader.0).await;
    replica.wait_for_migrations().await?;

    #[assert]
    assert!(migrated.is_ok());
    Ok(())
}
