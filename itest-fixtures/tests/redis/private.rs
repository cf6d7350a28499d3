//! Changes of a private server do not reach the next test.

use std::sync::{Mutex, PoisonError};

use itest::prelude::*;
use itest::redis::{AsyncCommands, Client, ErrorKind, Redis, RedisResult, cmd};

/// Skips a test on a server that other tests use too.
fn require_private(redis: &Redis) {
    if redis.database() != 0 {
        skip!("the server is shared");
    }
}

/// The many cases of this test follow each other on the same servers, so each one checks that the changes of an earlier one are gone.
#[integration_test]
#[case::setting("CONFIG SET notify-keyspace-events KEA")]
#[case::full_memory("CONFIG SET maxmemory 1")]
#[case::user("ACL SETUSER ann on >secret +@all ~*")]
#[case::function("FUNCTION LOAD #!lua_name=itest\nredis.register_function('f',function(keys,args)return(1)end)")]
#[case::script("SCRIPT LOAD return(1)")]
#[case::pause_of_writes("CLIENT PAUSE 100000 WRITE")]
#[case::pause_of_all("CLIENT PAUSE 100000 ALL")]
#[case::replica("REPLICAOF 127.0.0.1 1")]
#[case::other_password("CONFIG SET requirepass other")]
#[case::no_port("CONFIG SET port 0")]
#[case::no_rights("ACL SETUSER default -@all")]
#[case::killed_connections("CLIENT KILL TYPE normal SKIPME no")]
#[case::reset_statistics("CONFIG RESETSTAT")]
#[case::hidden_by_reset_statistics(
    "EVAL redis.call('CONFIG','SET','notify-keyspace-events','KEA');redis.call('CONFIG','RESETSTAT');redis.pcall('CLIENT','NO-EVICT','ON');redis.pcall('SLOWLOG','HELP') 0"
)]
#[case::hidden_by_refused_command("CONFIG SET notify-keyspace-events KEA & CONFIG RESETSTAT & SLOWLOG HELP")]
async fn change_of_the_server_is_undone_for_the_next_test(
    #[case] statement: &str,
    #[values(1, 2)] _again: u32,
    redis: &Redis,
) -> Result<()> {
    require_private(redis);
    let mut connection = redis.connection().await?;
    let events: (String, String) =
        cmd("CONFIG").arg("GET").arg("notify-keyspace-events").query_async(&mut connection).await?;
    assert_eq!(events.1, "");
    let users: Vec<String> = cmd("ACL").arg("USERS").query_async(&mut connection).await?;
    assert_eq!(users, ["default", "itest"]);
    let functions: Vec<itest::redis::Value> = cmd("FUNCTION").arg("LIST").query_async(&mut connection).await?;
    assert_eq!(functions, []);
    let _: () = connection.set("writable", 1).await?;
    for statement in statement.split(" & ") {
        let mut words = statement.split(' ');
        let _: RedisResult<()> =
            cmd(words.next().unwrap_or_default()).arg(words.collect::<Vec<_>>()).exec_async(&mut connection).await;
    }
    Ok(())
}

/// The client of the last test in this worker.
static EARLIER: Mutex<Option<Client>> = Mutex::new(None);

#[integration_test]
async fn client_that_outlives_its_test_cannot_write_for_the_next_one(
    #[values(1, 2, 3)] _again: u32,
    redis: &Redis,
) -> Result<()> {
    require_private(redis);
    let earlier = EARLIER.lock().unwrap_or_else(PoisonError::into_inner).replace(redis.client());
    if let Some(earlier) = earlier {
        let refused = earlier.get_multiplexed_async_connection().await.err().map(|error| error.kind());
        assert_eq!(refused, Some(ErrorKind::AuthenticationFailed));
    }
    Ok(())
}

#[integration_test]
async fn blocked_client_of_a_test_is_gone_for_the_next_one(
    #[values(1, 2, 3)] _again: u32,
    redis: &Redis,
) -> Result<()> {
    let mut connection = redis.connection().await?;
    let _: () = connection.rpush("queue", "a").await?;
    let length: u64 = connection.llen("queue").await?;
    assert_eq!(length, 1, "a client of an earlier test has taken the element");
    let _: () = connection.del("queue").await?;
    let mut blocked = redis.connection().await?;
    let wait = async move { cmd("BLPOP").arg("queue").arg(0).exec_async(&mut blocked).await };
    assert!(tokio::time::timeout(std::time::Duration::from_millis(5), wait).await.is_err());
    Ok(())
}
