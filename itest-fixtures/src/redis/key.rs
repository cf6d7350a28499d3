//! A key of a test's Redis, and the value that it had when it was read.

use std::fmt;
use std::ops::RangeBounds;
use std::panic::Location;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Client, RedisResult, Value};
use serde_json::Value as Json;

use itest_runtime::__private::redacted;
use itest_runtime::Error;

use super::connection::connect_client;
use crate::failure::failed_to;
use crate::shown::shown_text;

/// A key of a test's Redis. [`Redis::key`](super::Redis::key) creates it.
#[must_use = "a key is read by `.read().await`"]
pub struct Key {
    client: Client,
    name: String,
}

impl Key {
    pub(super) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Reads type, value and time to live of the key, as they are now.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached.
    #[track_caller]
    pub fn read(&self) -> impl Future<Output = Result<StoredValue, Error>> + Send {
        let caller = Location::caller();
        async move { self.try_read().await.map_err(|error| Error::at(error.to_string(), caller)) }
    }

    /// Whether the key exists now.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached.
    #[track_caller]
    pub fn exists(&self) -> impl Future<Output = Result<bool, Error>> + Send {
        let read = self.read();
        async move { Ok(read.await?.exists()) }
    }

    async fn try_read(&self) -> Result<StoredValue, Error> {
        let mut connection = connect_client(&self.client).await?;
        let read = read(&mut connection, &self.name).await;
        read.map_err(|error| failed_to(&format!("read the key {:?} of Redis", redacted(&self.name)), &error))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client is left out, because it contains a password.
        formatter.debug_tuple("Key").field(&redacted(&self.name)).finish()
    }
}

async fn read(connection: &mut MultiplexedConnection, name: &str) -> RedisResult<StoredValue> {
    let (kind, ttl): (String, i64) =
        ::redis::pipe().cmd("TYPE").arg(name).cmd("PTTL").arg(name).query_async(connection).await?;
    let command = match kind.as_str() {
        "string" => ::redis::cmd("GET").arg(name).clone(),
        "hash" => ::redis::cmd("HGETALL").arg(name).clone(),
        "list" => ::redis::cmd("LRANGE").arg(name).arg(0).arg(-1).clone(),
        "set" => ::redis::cmd("SMEMBERS").arg(name).clone(),
        "zset" => ::redis::cmd("ZRANGE").arg(name).arg(0).arg(-1).arg("WITHSCORES").clone(),
        _ => ::redis::cmd("EXISTS").arg(name).clone(),
    };
    let value = command.query_async(connection).await?;
    // The key may have expired between the two steps.
    let kind = Some(kind).filter(|kind| kind != "none" && value != Value::Nil);
    let ttl = u64::try_from(ttl).ok().map(Duration::from_millis);
    Ok(StoredValue { key: name.to_owned(), kind, value, ttl })
}

/// What a key contained when it was read.
#[derive(Debug, Clone)]
pub struct StoredValue {
    key: String,
    kind: Option<String>,
    value: Value,
    ttl: Option<Duration>,
}

impl StoredValue {
    /// Whether the key existed.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.kind.is_some()
    }

    /// The type as Redis names it: `string`, `hash`, `list`, `set`, `zset` or `stream`.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// The time that remained until the key expired, or `None` if it did not expire.
    #[must_use]
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// The text of a string, or `None` if the key did not exist, had another type, or its value was not UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match (&self.value, self.kind()) {
            (Value::BulkString(bytes), Some("string")) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The value as the server has returned it, for types other than `string`: the fields of a hash, or the elements of a list or a set. The
    /// entries of a stream are not read.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The JSON in a string, or `None` if it was no JSON.
    #[must_use]
    pub fn json(&self) -> Option<Json> {
        serde_json::from_str(self.text()?).ok()
    }
}

#[expect(clippy::must_use_candidate, reason = "an assertion returns the value only for further assertions")]
impl StoredValue {
    /// Fails unless the key existed.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the key.
    #[track_caller]
    pub fn assert_exists(&self) -> &Self {
        assert!(self.exists(), "expected that the key exists\n{self}");
        self
    }

    /// Fails if the key existed.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the key and its value.
    #[track_caller]
    pub fn assert_missing(&self) -> &Self {
        assert!(!self.exists(), "expected that the key does not exist\n{self}");
        self
    }

    /// Fails unless the key had this type: `string`, `hash`, `list`, `set`, `zset` or `stream`.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the key and its value.
    #[track_caller]
    pub fn assert_kind(&self, expected: &str) -> &Self {
        assert!(self.kind() == Some(expected), "expected the type {expected}\n{self}");
        self
    }

    /// Fails unless the key was a string with this text.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the key and its value.
    #[track_caller]
    pub fn assert_text(&self, expected: &str) -> &Self {
        assert!(self.text() == Some(expected), "expected the text {:?}\n{self}", redacted(expected));
        self
    }

    /// Fails unless the key was a string with JSON that has this value at a pointer, such as `/items/0`. The empty pointer is the whole value.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the key and its value.
    #[track_caller]
    pub fn assert_json(&self, pointer: &str, expected: impl Into<Json>) -> &Self {
        let expected = expected.into();
        let json = self.json();
        let actual = json.as_ref().and_then(|json| json.pointer(pointer));
        assert!(
            actual == Some(&expected),
            "expected {} at {pointer:?} in the JSON of the key\n{self}",
            redacted(&expected.to_string())
        );
        self
    }

    /// Fails unless the key expires.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the key and its value.
    #[track_caller]
    pub fn assert_expires(&self) -> &Self {
        assert!(self.exists() && self.ttl.is_some(), "expected a key that expires\n{self}");
        self
    }

    /// Fails unless the time to live of the key was in this range when it was read.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the key and its value.
    #[track_caller]
    pub fn assert_ttl(&self, expected: impl RangeBounds<Duration> + fmt::Debug) -> &Self {
        let is_expected = self.ttl.is_some_and(|ttl| expected.contains(&ttl));
        assert!(is_expected, "expected a time to live of {expected:?}\n{self}");
        self
    }

    /// Fails unless the key exists and does not expire.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the key and its value.
    #[track_caller]
    pub fn assert_persistent(&self) -> &Self {
        assert!(self.exists() && self.ttl.is_none(), "expected a key that does not expire\n{self}");
        self
    }
}

/// The most characters of a value in a message.
const MAX_SHOWN: usize = 2_000;

impl fmt::Display for StoredValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "key {:?}: ", redacted(&self.key))?;
        let Some(kind) = self.kind() else { return formatter.write_str("it does not exist") };
        match self.ttl {
            Some(ttl) => write!(formatter, "{kind}, expires in {ttl:.1?}")?,
            None => write!(formatter, "{kind}, does not expire")?,
        }
        let value = match self.text() {
            Some(text) => text.to_owned(),
            None => format!("{:?}", self.value),
        };
        let shown = shown_text(&value, MAX_SHOWN);
        let rest = if value.chars().nth(MAX_SHOWN).is_some() { " …" } else { "" };
        write!(formatter, "\n{shown}{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(value: Value, kind: &str, ttl: Option<Duration>) -> StoredValue {
        StoredValue { key: "cart:1".to_owned(), kind: Some(kind.to_owned()), value, ttl }
    }

    fn message(fail: impl FnOnce() + std::panic::UnwindSafe) -> String {
        *std::panic::catch_unwind(fail).unwrap_err().downcast::<String>().unwrap()
    }

    #[test]
    fn each_assertion_passes_for_its_value_and_fails_for_another_one() {
        let text =
            stored(Value::BulkString(br#"{"items": ["book"]}"#.to_vec()), "string", Some(Duration::from_secs(9)));
        let list = stored(Value::Array(vec![Value::Int(1)]), "list", None);
        let missing = StoredValue { kind: None, value: Value::Nil, ..list.clone() };
        text.assert_exists()
            .assert_kind("string")
            .assert_text(r#"{"items": ["book"]}"#)
            .assert_json("/items/0", "book");
        text.assert_expires().assert_ttl(Duration::from_secs(5)..Duration::from_secs(10));
        list.assert_persistent().assert_kind("list");
        missing.assert_missing();
        let failing: [&(dyn Fn() + std::panic::RefUnwindSafe); 10] = [
            &|| drop(missing.assert_exists().clone()),
            &|| drop(text.assert_missing().clone()),
            &|| drop(text.assert_kind("hash").clone()),
            &|| drop(text.assert_text("book").clone()),
            &|| drop(text.assert_json("/items/0", "pen").clone()),
            &|| drop(list.assert_json("", 1).clone()),
            &|| drop(list.assert_expires().clone()),
            &|| drop(text.assert_ttl(Duration::ZERO..Duration::from_secs(5)).clone()),
            &|| drop(text.assert_persistent().clone()),
            &|| drop(missing.assert_persistent().clone()),
        ];
        for fail in failing {
            let message = message(fail);
            assert!(message.starts_with("expected ") && message.contains("key \"cart:1\": "), "{message}");
        }
    }

    #[test]
    fn failed_assertion_does_not_show_a_secret() {
        let text = stored(Value::BulkString(br#"{"password": "s3cret"}"#.to_vec()), "string", None);
        let message = message(|| drop(text.assert_json("/password", "0ther").clone()));
        assert!(!message.contains("s3cret") && message.contains("***"), "{message}");
    }
}
