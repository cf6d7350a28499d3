//! Tests that use services: private servers of their workers, and a mail server in their process.
//!
//! RabbitMQ takes no part, because a private one starts more slowly than the time limit of a setup allows. The leftover matrix contains it.

use itest::prelude::*;
use itest::redis::{AsyncCommands, Redis};

use crate::clients::{begin_mail, make_stream, retain_message};
use crate::surroundings::note;

use super::wait_a_moment;

/// Writes a key, and reads it again.
pub(crate) async fn use_redis(redis: &Redis) -> Result<()> {
    note("redis");
    let mut connection = redis.connection().await?;
    let _: () = connection.set("thing", 1).await?;
    wait_a_moment().await;
    let thing: u32 = connection.get("thing").await?;
    assert_eq!(thing, 1);
    Ok(())
}

#[integration_test]
async fn has_a_redis(redis: &Redis, #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _n: u32) -> Result<()> {
    use_redis(redis).await
}

#[integration_test]
async fn has_a_stream_of_nats(nats: &Nats, #[values(0, 1, 2, 3, 4, 5)] _n: u32) -> Result<()> {
    note("nats");
    let _stream = make_stream(nats).await?;
    wait_a_moment().await;
    Ok(())
}

#[integration_test]
async fn retains_a_message_of_mqtt(mqtt: &Mqtt, #[values(0, 1, 2, 3, 4, 5)] _n: u32) -> Result<()> {
    note("mqtt");
    let _client = retain_message(mqtt).await?;
    wait_a_moment().await;
    Ok(())
}

#[integration_test]
async fn begins_a_mail(mailbox: &Mailbox, #[values(0, 1, 2, 3, 4, 5)] _n: u32) -> Result<()> {
    note("mailbox");
    let _client = begin_mail(mailbox).await?;
    wait_a_moment().await;
    Ok(())
}

#[integration_test]
async fn has_every_service(
    redis: &Redis,
    nats: &Nats,
    mqtt: &Mqtt,
    mailbox: &Mailbox,
    #[values(0, 1, 2, 3)] _n: u32,
) -> Result<()> {
    let _clients = (make_stream(nats).await?, retain_message(mqtt).await?, begin_mail(mailbox).await?);
    use_redis(redis).await
}
