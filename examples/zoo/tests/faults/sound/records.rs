//! Messages that count as sent or stored only when they are.

use itest::prelude::*;
use itest::request;
use reqwest::Client;
use serde_json::Value;
use sqlx::{Error, PgPool};

use crate::fixtures::clients::{bounded_client, within};
use crate::fixtures::ledger::Ledger;
use crate::fixtures::records::{Inbox, Outbox};
use crate::fixtures::third_parties::Events;

/// Sends an event.
async fn publish(client: &Client, url: &str, payload: String) -> Result<()> {
    let request = client.post(format!("{url}/events")).body(payload);
    let _accepted: Value = request.send().await?.error_for_status()?.json().await?;
    Ok(())
}

/// Publishes the next message, and marks it afterwards. After an error it may be published again.
async fn publish_and_mark(outbox: &Outbox, client: &Client, url: &str) -> Result<()> {
    let next = "SELECT id, payload FROM outbox WHERE NOT sent ORDER BY id LIMIT 1";
    let (id, payload): (i64, String) = within(sqlx::query_as(next).fetch_one(&outbox.pool)).await?;
    publish(client, url, payload).await?;
    let mark = sqlx::query("UPDATE outbox SET sent = true WHERE id = $1").bind(id);
    within(mark.execute(&outbox.pool)).await?;
    Ok(())
}

#[integration_test]
async fn message_is_marked_after_it_is_published(outbox: &Outbox, events: &StandIn<Events>) -> Result<()> {
    #[arrange]
    events.when(request::post("/events")).essential().reply(outbox.publish());
    let client = bounded_client()?;

    #[act]
    let published = publish_and_mark(outbox, &client, &events.url()).await;

    #[assert]
    assert!(published.is_ok());
    Ok(())
}

/// Publishes the next message in the transaction that marks it, so that no other instance publishes it as well.
async fn publish_in_a_transaction(outbox: &Outbox, client: &Client, url: &str) -> Result<()> {
    let mut transaction = within(outbox.pool.begin()).await?;
    let next = "SELECT id, payload FROM outbox WHERE NOT sent ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED";
    let (id, payload): (i64, String) = within(sqlx::query_as(next).fetch_one(&mut *transaction)).await?;
    publish(client, url, payload).await?;
    let mark = sqlx::query("UPDATE outbox SET sent = true WHERE id = $1").bind(id);
    within(mark.execute(&mut *transaction)).await?;
    within(transaction.commit()).await
}

#[integration_test]
async fn message_is_locked_while_it_is_published(outbox: &Outbox, events: &StandIn<Events>) -> Result<()> {
    #[arrange]
    events.when(request::post("/events")).essential().reply(outbox.publish());
    let client = bounded_client()?;

    #[act]
    let published = publish_in_a_transaction(outbox, &client, &events.url()).await;

    #[assert]
    assert!(published.is_ok());
    Ok(())
}

/// Receives an event, and returns the status of the answer. The sender sends the event again unless it gets 200.
async fn receive(inbox: &Inbox, event: i64) -> u16 {
    let insert = sqlx::query("INSERT INTO event (id) VALUES ($1)").bind(event);
    if within(insert.execute(&inbox.pool)).await.is_err() {
        return 503;
    }
    inbox.acknowledge(event);
    200
}

#[integration_test]
async fn event_is_acknowledged_after_it_is_stored(inbox: &Inbox) {
    #[act]
    let status = receive(inbox, 7).await;

    #[assert]
    assert_eq!(status, 200);
}

/// The sender of the event sends it again after an error, and the service ignores events that it has stored.
#[integration_test]
async fn event_is_stored_once(inbox: &Inbox) -> Result<()> {
    #[act]
    let insert = || sqlx::query("INSERT INTO event (id) VALUES (7) ON CONFLICT DO NOTHING").execute(&inbox.pool);
    if within(insert()).await.is_err() {
        within(insert()).await?;
    }
    inbox.acknowledge(7);

    #[assert]
    assert!(!inbox.pool.is_closed());
    Ok(())
}

/// Takes the next message off the table, in one statement.
async fn take_next(pool: &PgPool) -> Result<String, Error> {
    let take = "DELETE FROM outbox WHERE id = (SELECT min(id) FROM outbox WHERE NOT sent) RETURNING payload";
    sqlx::query_scalar(take).fetch_one(pool).await
}

#[integration_test]
async fn taken_message_is_returned(ledger: &Ledger) -> Result<()> {
    #[act]
    let payload = within(take_next(&ledger.0)).await?;

    #[assert]
    assert_eq!(payload, "order 1 is paid");
    Ok(())
}
