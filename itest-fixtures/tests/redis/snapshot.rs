//! What a test can see of its Redis.

use std::collections::BTreeMap;
use std::time::Duration;

use itest::prelude::*;
use itest::redis::{MultiplexedConnection, RedisResult, Value, cmd};

/// The time from which a new server logs a command as slow. A command may be slow because the machine is busy, but a faster one is in the log
/// only if a test has changed the setting.
const SLOW_MICROS: u64 = 10_000;

/// How long a client with an old password may stay connected.
const REFUSAL_TIMEOUT: Duration = Duration::from_millis(500);

/// Everything that a test can see, by name.
pub(crate) type Snapshot = BTreeMap<String, String>;

/// The properties that differ between two snapshots.
pub(crate) fn differences(fresh: &Snapshot, current: &Snapshot) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = fresh.keys().chain(current.keys()).collect();
    let shown = |snapshot: &Snapshot, name: &str| snapshot.get(name).cloned().unwrap_or_else(|| "-".to_owned());
    names
        .into_iter()
        .filter(|name| fresh.get(*name) != current.get(*name))
        .map(|name| format!("{name}: {} instead of {}", shown(current, name), shown(fresh, name)))
        .collect()
}

/// Takes a snapshot of the database of a test.
pub(crate) async fn snapshot_of_database(connection: &mut MultiplexedConnection) -> RedisResult<Snapshot> {
    let mut keys: Vec<String> = cmd("KEYS").arg("*").query_async(connection).await?;
    keys.sort();
    Ok([("keys".to_owned(), keys.join(" "))].into())
}

/// Takes a snapshot of the whole server of a test.
pub(crate) async fn snapshot_of_server(connection: &mut MultiplexedConnection) -> RedisResult<Snapshot> {
    let info: String = cmd("INFO").arg("everything").query_async(connection).await?;
    let mut snapshot = Snapshot::new();
    for (name, value) in info.lines().filter_map(|line| line.split_once(':')) {
        if is_stable(name) {
            // The calls of a command come first, and then the time that they took.
            let value = if name.starts_with("cmdstat_") { value.split(',').next().unwrap_or_default() } else { value };
            snapshot.insert(format!("info {name}"), value.to_owned());
        }
    }
    snapshot.insert("info connected_clients".to_owned(), lasting_connections(connection).await);
    let settings: BTreeMap<String, String> = cmd("CONFIG").arg("GET").arg("*").query_async(connection).await?;
    snapshot.extend(settings.into_iter().map(|(name, value)| (format!("setting {name}"), value)));
    let users: Vec<String> = cmd("ACL").arg("LIST").query_async(connection).await?;
    // Each test has another password.
    let users =
        users.iter().map(|user| user.split(' ').filter(|word| !word.starts_with('#')).collect::<Vec<_>>().join(" "));
    snapshot.insert("users".to_owned(), users.collect::<Vec<_>>().join("; "));
    for (name, command) in [
        ("functions", ["FUNCTION", "LIST"].as_slice()),
        ("scripts", &["SCRIPT", "EXISTS", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"]),
        ("latency", &["LATENCY", "LATEST"]),
        ("channels", &["PUBSUB", "CHANNELS"]),
        ("modules", &["MODULE", "LIST"]),
        ("role", &["ROLE"]),
    ] {
        let value: Value = cmd(command[0]).arg(&command[1..]).query_async(connection).await?;
        snapshot.insert(name.to_owned(), format!("{value:?}"));
    }
    let slow: Vec<Vec<Value>> = cmd("SLOWLOG").arg("GET").query_async(connection).await?;
    let fast = slow
        .iter()
        .filter(|entry| matches!(entry.get(2), Some(Value::Int(micros)) if micros.unsigned_abs() < SLOW_MICROS));
    snapshot.insert("fast commands in the slow log".to_owned(), fast.count().to_string());
    // A server that is paused for writes does not answer this.
    let () = cmd("SET").arg("itest").arg("1").query_async(connection).await?;
    let () = cmd("DEL").arg("itest").query_async(connection).await?;
    Ok(snapshot)
}

/// The number of connections. A client that outlives its test may be connected for the moment until its old password is refused, so the number is read
/// again while it is too large.
async fn lasting_connections(connection: &MultiplexedConnection) -> String {
    // The connection of itest, and the one of the test.
    const OF_CLEAN_SERVER: &str = "2";
    let read = async || {
        let info: RedisResult<String> = cmd("INFO").arg("clients").query_async(&mut connection.clone()).await;
        let info = info.unwrap_or_default();
        let number = info.lines().find_map(|line| line.strip_prefix("connected_clients:"));
        number.unwrap_or_default().to_owned()
    };
    match eventually(read).within(REFUSAL_TIMEOUT).equals(OF_CLEAN_SERVER.to_owned()).await {
        Ok(_) => OF_CLEAN_SERVER.to_owned(),
        Err(_) => read().await,
    }
}

/// Whether a property of `INFO` does not depend on time, memory, or the commands of the snapshot itself.
fn is_stable(name: &str) -> bool {
    const STABLE: [&str; 19] = [
        "blocked_clients",
        "tracking_clients",
        "pubsub_clients",
        "maxmemory",
        "maxmemory_policy",
        "number_of_cached_scripts",
        "number_of_functions",
        "number_of_libraries",
        "rdb_last_bgsave_status",
        "aof_enabled",
        "aof_last_write_status",
        "role",
        "connected_slaves",
        "repl_backlog_active",
        "expired_keys",
        "evicted_keys",
        "keyspace_hits",
        "pubsub_channels",
        "pubsub_patterns",
    ];
    // A client that outlives its test may try to log in with its old password. The next test can count that, and nothing else.
    const REFUSED_LOGIN: &str = "cmdstat_auth";
    STABLE.contains(&name) || name.starts_with("db") || name.starts_with("cmdstat_") && name != REFUSED_LOGIN
}
