//! The properties of a shared server that decide whether tests can use it.

use std::collections::BTreeMap;

use ::redis::aio::MultiplexedConnection;

use itest_runtime::Error;

use super::version::Version;
use crate::failure::failed_to;

/// The lowest version of a shared server.
const MIN_VERSION: Version = Version { major: 6, minor: 2 };

/// The properties of a server, from its `INFO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    values: BTreeMap<String, String>,
    /// The number of keys of each database that has any.
    pub(super) keys: BTreeMap<u32, u64>,
}

impl Facts {
    /// Queries the properties.
    ///
    /// # Errors
    ///
    /// When the user of the URL may not use `INFO`.
    pub(super) async fn query(connection: &mut MultiplexedConnection) -> Result<Self, Error> {
        let info: String = ::redis::cmd("INFO")
            .query_async(connection)
            .await
            .map_err(|error| failed_to("query the properties of Redis with INFO", &error))?;
        Ok(Self::parse(&info))
    }

    fn parse(info: &str) -> Self {
        let lines = info.lines().filter_map(|line| line.split_once(':'));
        let values: BTreeMap<_, _> = lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let keys = values.iter().filter_map(|(name, value)| {
            let database = name.strip_prefix("db")?.parse().ok()?;
            let keys = value.strip_prefix("keys=")?.split(',').next()?.parse().ok()?;
            Some((database, keys))
        });
        let keys = keys.collect();
        Self { values, keys }
    }

    fn value(&self, name: &str) -> &str {
        self.values.get(name).map(String::as_str).unwrap_or_default()
    }

    fn number(&self, name: &str) -> u64 {
        self.value(name).parse().unwrap_or_default()
    }

    /// The product and its version.
    pub(super) fn product(&self) -> String {
        match self.value("valkey_version") {
            "" => format!("Redis {}", self.value("redis_version")),
            version => format!("Valkey {version}"),
        }
    }

    /// Why tests cannot use the server, with the remedy, or `None` if they can.
    pub(super) fn refusal(&self) -> Option<String> {
        let version = self.value("redis_version");
        if Version::parse(version).is_none_or(|version| version < MIN_VERSION) {
            return Some(format!(
                "has the version {version}, and itest needs at least {MIN_VERSION}: upgrade the server"
            ));
        }
        match self.value("redis_mode") {
            "cluster" => {
                let remedy = "use a server without cluster mode";
                return Some(format!("is a cluster, which has no numbered databases to isolate tests with: {remedy}"));
            }
            "sentinel" => return Some("is a sentinel, which holds no data: use the URL of its master".to_owned()),
            _ => {}
        }
        if self.value("role") == "slave" {
            let (host, port) = (self.value("master_host"), self.value("master_port"));
            return Some(format!(
                "is a replica, which tests cannot write to: use the URL of its master, {host}:{port}"
            ));
        }
        let (limit, used) = (self.number("maxmemory"), self.number("used_memory"));
        if limit > 0 && used >= limit && self.value("maxmemory_policy") == "noeviction" {
            return Some(format!("is full: it uses {used} of {limit} bytes; remove data, or raise its maxmemory"));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n\r\n# Memory\r\nused_memory:100\r\nmaxmemory:0\r\n\
                        maxmemory_policy:noeviction\r\n# Replication\r\nrole:master\r\n# Keyspace\r\ndb0:keys=3,expires=0\r\ndb12:keys=1,expires=1\r\n";

    #[test]
    fn keys_are_counted_for_each_database() {
        let facts = Facts::parse(GOOD);
        assert_eq!(facts.keys, BTreeMap::from([(0, 3), (12, 1)]));
        assert_eq!((facts.product().as_str(), facts.refusal()), ("Redis 7.0.15", None));
    }

    #[test]
    fn unsuitable_server_is_refused_with_a_remedy() {
        for (from, to, expected) in [
            (
                "redis_version:7.0.15",
                "redis_version:6.0.16",
                "has the version 6.0.16, and itest needs at least 6.2: upgrade",
            ),
            ("redis_mode:standalone", "redis_mode:cluster", "use a server without cluster mode"),
            ("redis_mode:standalone", "redis_mode:sentinel", "use the URL of its master"),
            (
                "role:master",
                "role:slave\r\nmaster_host:db.test\r\nmaster_port:6380",
                "use the URL of its master, db.test:6380",
            ),
            ("maxmemory:0", "maxmemory:100", "is full: it uses 100 of 100 bytes"),
        ] {
            let info = GOOD.replace(from, to);
            assert_ne!(info, GOOD, "{from}");
            let refusal = Facts::parse(&info).refusal().unwrap_or_default();
            assert!(refusal.contains(expected), "{refusal}");
        }
    }
}
