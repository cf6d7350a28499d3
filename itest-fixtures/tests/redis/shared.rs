//! Tests on a server that the workers of several runs share: leases of numbered databases.

use itest::prelude::*;
use itest::redis::{AsyncCommands, MultiplexedConnection, Redis, cmd};

use crate::nested::{require_nested, run};
use crate::shared_server::SharedServer;
use crate::workers::run_histories;

async fn select(connection: &mut MultiplexedConnection, database: u32) -> Result<()> {
    Ok(cmd("SELECT").arg(database).exec_async(connection).await?)
}

/// The number of keys of each database, such as `db1:keys=1`.
async fn databases_with_keys(connection: &mut MultiplexedConnection) -> Result<Vec<String>> {
    let info: String = cmd("INFO").arg("keyspace").query_async(connection).await?;
    Ok(info
        .lines()
        .filter(|line| line.starts_with("db"))
        .filter_map(|line| Some(line.split(',').next()?.to_owned()))
        .collect())
}

#[integration_test]
async fn tests_on_a_shared_server_lease_databases_and_leave_nothing(server: SharedServer) -> Result<()> {
    let run = run("keys::", &[], &[("ITEST_REDIS_URL", &server.url)]).await?;
    run.assert_green().assert_contains("(from ITEST_REDIS_URL), a database for each test");
    let left = databases_with_keys(&mut server.connection().await?).await?;
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

#[integration_test]
async fn histories_on_a_shared_server_leave_the_database_clean(server: SharedServer, dir: &TempDir) -> Result<()> {
    let run = run_histories("histories::nested_history", &[("ITEST_REDIS_URL", &server.url)], dir).await?;
    run.assert_green().assert_contains("400 passed");
    let left = databases_with_keys(&mut server.connection().await?).await?;
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

#[integration_test]
async fn database_with_keys_of_others_is_neither_leased_nor_flushed(server: SharedServer) -> Result<()> {
    let mut connection = server.connection().await?;
    for database in [1, 3] {
        select(&mut connection, database).await?;
        let _: () = connection.set("theirs", "value").await?;
    }
    let refused = run("keys::", &[], &[("ITEST_REDIS_URL", &server.url)]).await?;
    refused
        .assert_red()
        .assert_contains("its database 1 contains a key that itest has not written. If the server is for tests, set ITEST_REDIS_ALLOW=127.0.0.1/0");
    let allowed = [("ITEST_REDIS_URL", server.url.as_str()), ("ITEST_REDIS_ALLOW", "127.0.0.1/0")];
    run("keys::", &[], &allowed).await?.assert_green();
    for database in [1, 3] {
        select(&mut connection, database).await?;
        assert!(connection.exists::<_, bool>("theirs").await?);
    }
    let left = databases_with_keys(&mut connection).await?;
    assert_eq!(left, ["db1:keys=1", "db3:keys=1"]);
    Ok(())
}

#[integration_test]
async fn lease_of_a_dead_owner_is_taken_over(teardown: &Teardown) -> Result<()> {
    let server = SharedServer::start(&["--databases", "2"], teardown).await?;
    let mut connection = server.connection().await?;
    let _: () = connection.hset("itest:leases", 1, "itest-owner-1-dead").await?;
    select(&mut connection, 1).await?;
    let _: () = connection.set("cart:1", "of the dead owner").await?;
    run("keys::server_is_empty", &["--jobs", "1"], &[("ITEST_REDIS_URL", &server.url)]).await?.assert_green();
    // The first connection was ended, because it used the database that was taken over.
    let left = databases_with_keys(&mut server.connection().await?).await?;
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

#[integration_test]
async fn lease_of_an_owner_that_is_alive_is_never_taken_over(teardown: &Teardown) -> Result<()> {
    let server = SharedServer::start(&["--databases", "2"], teardown).await?;
    let mut connection = server.connection().await?;
    let () = cmd("CLIENT").arg("SETNAME").arg("itest-owner-1-alive").exec_async(&mut connection).await?;
    let _: () = connection.hset("itest:leases", 1, "itest-owner-1-alive").await?;
    let run = run("keys::debug_output", &["--jobs", "1"], &[("ITEST_REDIS_URL", &server.url)]).await?;
    run.assert_red().assert_contains("became free within 20s").assert_contains("or raise `databases`");
    run.assert_contains("itest: waiting for a free database of Redis");
    let owner: String = connection.hget("itest:leases", 1).await?;
    assert_eq!(owner, "itest-owner-1-alive");
    Ok(())
}

#[integration_test]
async fn tests_wait_for_a_database_if_there_are_fewer_than_workers(teardown: &Teardown) -> Result<()> {
    let server = SharedServer::start(&["--databases", "2"], teardown).await?;
    let run = run("keys::server_is_empty", &["--jobs", "4"], &[("ITEST_REDIS_URL", &server.url)]).await?;
    run.assert_green().assert_contains("6 passed");
    Ok(())
}

#[integration_test]
async fn nested_worker_crashes(redis: &Redis) -> Result<()> {
    require_nested();
    let _: () = redis.connection().await?.set("key", "value").await?;
    std::process::abort();
}

#[integration_test]
async fn database_of_a_worker_that_crashes_is_flushed(server: SharedServer) -> Result<()> {
    run("shared::nested_worker_crashes", &[], &[("ITEST_REDIS_URL", &server.url)]).await?.assert_red();
    let mut connection = server.connection().await?;
    let left = databases_with_keys(&mut connection).await?;
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

#[integration_test]
#[case::flushall(&["FLUSHALL"])]
#[case::config(&["CONFIG", "SET", "maxmemory", "1"])]
#[case::other_database(&["SELECT", "0"])]
#[case::swapped_databases(&["SWAPDB", "0", "1"])]
#[case::shutdown(&["SHUTDOWN"])]
#[case::user(&["ACL", "SETUSER", "ann"])]
async fn nested_test_changes_the_server(#[case] command: &[&str], redis: &Redis) -> Result<()> {
    require_nested();
    Ok(cmd(command[0]).arg(&command[1..]).exec_async(&mut redis.connection().await?).await?)
}

#[integration_test]
async fn change_of_a_shared_server_is_refused_in_its_test(server: SharedServer) -> Result<()> {
    let run = run("shared::nested_test_changes", &[], &[("ITEST_REDIS_URL", &server.url)]).await?;
    run.assert_red().assert_contains("0 passed; 6 failed").assert_contains("NoPerm");
    let users: Vec<String> = cmd("ACL").arg("USERS").query_async(&mut server.connection().await?).await?;
    assert_eq!(users, ["default"]);
    Ok(())
}

/// A user of the URL that may not create users: the test logs in as this user.
async fn url_of_simple_user(server: &SharedServer) -> Result<String> {
    let user = ["SETUSER", "ann", "on", ">s3cret", "~*", "&*", "+@all", "-acl", "+acl|whoami", "+acl|dryrun"];
    let () = cmd("ACL").arg(&user).exec_async(&mut server.connection().await?).await?;
    Ok(server.url.replace("redis://", "redis://ann:s3cret@"))
}

#[integration_test]
async fn user_that_may_not_create_users_is_the_user_of_the_tests(server: SharedServer) -> Result<()> {
    let url = url_of_simple_user(&server).await?;
    run("keys::", &[], &[("ITEST_REDIS_URL", &url)]).await?.assert_green();
    let left = databases_with_keys(&mut server.connection().await?).await?;
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

#[integration_test]
async fn flushall_of_a_user_with_all_rights_fails_its_test(server: SharedServer) -> Result<()> {
    let url = url_of_simple_user(&server).await?;
    let run = run("shared::nested_test_changes_the_server::flushall", &[], &[("ITEST_REDIS_URL", &url)]).await?;
    run.assert_red().assert_contains(
        "another client, execute FLUSHALL, or was the server restarted? Use FLUSHDB on a server that tests share",
    );
    Ok(())
}
