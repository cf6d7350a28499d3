//! Tests that end their process while they use services.

use std::time::Duration;

use itest::prelude::*;
use itest::redis::Redis;

use crate::clients::{make_stream, retain_message};
use crate::green::services::use_redis;

#[integration_test(tags("red"))]
async fn aborts_with_services(redis: &Redis, nats: &Nats, mqtt: &Mqtt, #[values(0, 1)] _n: u32) -> Result<()> {
    let _clients = (make_stream(nats).await?, retain_message(mqtt).await?);
    use_redis(redis).await?;
    std::process::abort();
}

#[integration_test(tags("red"), timeout = "20ms")]
async fn blocks_with_services(redis: &Redis, _nats: &Nats, _mailbox: &Mailbox, #[values(0, 1)] _n: u32) {
    assert!(redis.port() > 0);
    std::thread::sleep(Duration::from_mins(1));
}
