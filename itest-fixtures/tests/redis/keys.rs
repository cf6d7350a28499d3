//! What a test does with the fixture: URL, client, connection and keys.

use std::time::Duration;

use itest::prelude::*;
use itest::redis::{AsyncCommands, Client, Redis, cmd};

#[integration_test]
async fn server_is_empty_for_every_test(#[values(1, 2, 3, 4, 5, 6)] _again: u32, redis: &Redis) -> Result<()> {
    redis.key("cart:1").read().await?.assert_missing();
    let mut connection = redis.connection().await?;
    let _: () = connection.set("cart:1", "book").await?;
    redis.key("cart:1").read().await?.assert_text("book").assert_persistent();
    Ok(())
}

#[integration_test]
async fn url_opens_the_database_of_the_test(redis: &Redis) -> Result<()> {
    let mut own = Client::open(redis.url())?.get_multiplexed_async_connection().await?;
    let _: () = own.set("cart:1", "book").await?;
    redis.key("cart:1").read().await?.assert_text("book");
    assert!(redis.url().contains(&format!(":{}/{}", redis.port(), redis.database())), "the URL has another port");
    let mut other = redis.client().get_multiplexed_async_connection().await?;
    assert!(other.exists::<_, bool>("cart:1").await?);
    Ok(())
}

#[integration_test]
async fn key_is_read_with_its_type_and_its_time_to_live(redis: &Redis) -> Result<()> {
    let mut connection = redis.connection().await?;
    let _: () = connection.set_ex("session:1", r#"{"user": {"name": "Ada"}}"#, 60).await?;
    let session = redis.key("session:1").read().await?;
    session.assert_kind("string").assert_json("/user/name", "Ada");
    session.assert_ttl(Duration::from_secs(50)..=Duration::from_mins(1));
    let _: () = connection.hset("user:1", "name", "Ada").await?;
    let _: () = connection.rpush("queue", &["a", "b"]).await?;
    let _: () = connection.sadd("tags", "new").await?;
    let _: () = connection.zadd("scores", "Ada", 3).await?;
    for (key, kind) in [("user:1", "hash"), ("queue", "list"), ("tags", "set"), ("scores", "zset")] {
        redis.key(key).read().await?.assert_kind(kind).assert_persistent();
    }
    assert!(redis.key("queue").exists().await?);
    assert!(!redis.key("queue:2").exists().await?);
    Ok(())
}

#[integration_test]
async fn two_fixtures_of_one_test_do_not_share_keys(first: Redis, second: Redis) -> Result<()> {
    for redis in [&first, &second] {
        redis.key("cart:1").read().await?.assert_missing();
        let mut connection = redis.connection().await?;
        let _: () = connection.set("cart:1", "book").await?;
    }
    Ok(())
}

#[integration_test]
fn debug_output_of_the_fixture_contains_no_password(redis: &Redis) {
    let text = format!("{redis:?} {:?}", redis.key("cart:1"));
    assert!(redis.password().is_none_or(|password| !text.contains(&password)), "the output contains the password");
    assert!(text.contains(&format!("database: {}", redis.database())), "{text}");
}

#[integration_test]
async fn test_that_writes_100000_keys_leaves_none(#[values(1, 2)] _again: u32, redis: &Redis) -> Result<()> {
    let mut connection = redis.connection().await?;
    let size: u64 = cmd("DBSIZE").query_async(&mut connection).await?;
    assert_eq!(size, 0);
    let script = "for i = 1, 100000 do redis.call('SET', 'key:' .. i, i) end return redis.call('DBSIZE')";
    let size: u64 = cmd("EVAL").arg(script).arg(0).query_async(&mut connection).await?;
    assert_eq!(size, 100_000);
    Ok(())
}
