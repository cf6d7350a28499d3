//! A virtual host, which tests use one after the other.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use itest_runtime::Error;
use serde_json::{Value, json};

use super::management::{Management, segment};
use crate::service::Login;
use crate::service::password::Password;

/// The beginning of the names of virtual hosts and their users.
pub(super) const PREFIX: &str = "itest-";

/// How long the server may take to remove the queues of connections that have ended.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The pause between two checks whether they are removed.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// The most queues that are removed one by one. With more of them, the virtual host is replaced by a new one.
const MAX_QUEUES: usize = 50;

/// A virtual host, and the user of the same name. The user may do everything in this virtual host, and nothing elsewhere.
#[derive(Debug)]
pub(super) struct VirtualHost {
    name: String,
    password: Password,
    /// The definitions that each test begins with.
    definitions: Value,
}

/// How a virtual host is after it was cleaned.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cleaned {
    Clean,
    /// It cannot be cleaned, for this reason.
    Dirty(String),
}

impl VirtualHost {
    /// The beginning of the names of a worker's virtual hosts.
    pub(super) fn new_prefix() -> String {
        let number = RandomState::new().hash_one(std::process::id());
        format!("{PREFIX}{}-{number:016x}-", std::process::id())
    }

    /// Makes a virtual host and its user on the server.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub(super) async fn make(name: String, management: &mut Management) -> Result<Self, Error> {
        let password = Password::random()?;
        management.put(&format!("/vhosts/{name}"), &json!({})).await?;
        // With this tag, the user may also define policies of its virtual host.
        let user = json!({ "password": password.expose(), "tags": "policymaker" });
        management.put(&format!("/users/{name}"), &user).await?;
        let everything = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        management.put(&format!("/permissions/{name}/{name}"), &everything).await?;
        Ok(Self { name, password, definitions: Value::Null })
    }

    /// The same virtual host, in which each test begins with the definitions that are there now.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(super) async fn with_present_definitions(self, management: &mut Management) -> Result<Self, Error> {
        let definitions = self.read_definitions(management).await?;
        Ok(Self { definitions, ..self })
    }

    /// The name of the virtual host, and of its user.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The login of a test.
    pub(super) fn login(&self) -> Login {
        Login { user: self.name.clone(), password: Some(self.password.expose().to_owned()) }
    }

    /// The password of the user.
    pub(super) fn password(&self) -> &str {
        self.password.expose()
    }

    /// Removes the virtual host and its user.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(super) async fn remove(&self, management: &mut Management) -> Result<(), Error> {
        remove_virtual_host(management, &self.name).await
    }

    /// Removes what a test has left, and restores the definitions that each test begins with.
    ///
    /// Every queue is removed, also one of the definitions: a new queue has neither a message nor a consumer, whatever the connections that are ending still do.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(super) async fn clean(&self, management: &mut Management) -> Result<Cleaned, Error> {
        let began = Instant::now();
        loop {
            let queues = self.queues(management).await?;
            // The server removes the exclusive queues of a connection soon after its end.
            if queues.iter().all(|queue| queue["exclusive"] != true) {
                if queues.len() > MAX_QUEUES {
                    return Ok(Cleaned::Dirty(format!("a test has left {} queues", queues.len())));
                }
                for queue in &queues {
                    self.remove_item(management, "queues", queue).await?;
                }
                break;
            }
            if began.elapsed() > DISCONNECT_TIMEOUT {
                return Ok(Cleaned::Dirty("connections of a test are still open".to_owned()));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        let present = self.read_definitions(management).await?;
        for kind in ["exchanges", "policies"] {
            for added in added(&present, &self.definitions, kind) {
                self.remove_item(management, kind, added).await?;
            }
        }
        let lists = |definitions: &Value| definitions.as_object().is_some_and(|lists| lists.values().any(is_filled));
        if lists(&self.definitions) {
            management.post(&format!("/definitions/{}", self.name), &self.definitions).await?;
        } else if !lists(&present) {
            return Ok(Cleaned::Clean);
        }
        // itest removes only queues, exchanges and policies one by one, so any other change is still there.
        let is_clean = self.read_definitions(management).await? == self.definitions;
        Ok(if is_clean { Cleaned::Clean } else { Cleaned::Dirty("a test has changed its definitions".to_owned()) })
    }

    /// The queues, also those that end with a connection.
    async fn queues(&self, management: &mut Management) -> Result<Vec<Value>, Error> {
        let path = format!("/queues/{}?disable_stats=true&columns=name,exclusive,arguments", self.name);
        Ok(match management.get(&path).await? {
            Value::Array(queues) => queues,
            _ => Vec::new(),
        })
    }

    async fn remove_item(&self, management: &mut Management, kind: &str, item: &Value) -> Result<(), Error> {
        let name = item["name"].as_str().unwrap_or_default();
        management.delete(&format!("/{kind}/{}/{}", self.name, segment(name))).await
    }

    /// The exchanges, queues, bindings, policies and parameters, each list in an order of its own that is always the same.
    async fn read_definitions(&self, management: &mut Management) -> Result<Value, Error> {
        let mut definitions = management.get(&format!("/definitions/{}", self.name)).await?;
        if let Some(lists) = definitions.as_object_mut() {
            for list in lists.values_mut().filter_map(Value::as_array_mut) {
                list.sort_by_cached_key(Value::to_string);
            }
        }
        Ok(definitions)
    }

    /// The names of the queues that may contain dead letters: all queues if one of them has a dead letter exchange, and none otherwise.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(super) async fn queues_for_dead_letters(&self, management: &mut Management) -> Result<Vec<String>, Error> {
        let definitions = self.read_definitions(management).await?.to_string();
        if !definitions.contains("dead-letter-exchange") {
            return Ok(Vec::new());
        }
        let queues = self.queues(management).await?.into_iter();
        let lasting = queues.filter(|queue| queue["exclusive"] != true);
        Ok(lasting.filter_map(|queue| queue["name"].as_str().map(str::to_owned)).collect())
    }

    /// The first messages of a queue. They stay in it, in their order.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(super) async fn peek(&self, management: &mut Management, queue: &str) -> Result<Vec<Value>, Error> {
        const MAX_MESSAGES: u32 = 1000;
        let path = format!("/queues/{}/{}/get", self.name, segment(queue));
        let request = json!({ "count": MAX_MESSAGES, "ackmode": "ack_requeue_true", "encoding": "base64" });
        Ok(match management.post(&path, &request).await? {
            Some(Value::Array(messages)) => messages,
            // The queue was deleted meanwhile.
            _ => Vec::new(),
        })
    }
}

/// Removes the virtual hosts whose names begin so, and their users.
///
/// # Errors
///
/// When the server does not answer.
pub(super) async fn remove_virtual_hosts(management: &mut Management, prefix: &str) -> Result<(), Error> {
    // A user is made after its virtual host, and removed after it.
    let mut names = BTreeSet::new();
    for list in ["/vhosts?columns=name", "/users?columns=name"] {
        let items = management.get(list).await?;
        let items = items.as_array().into_iter().flatten().filter_map(|item| item["name"].as_str());
        names.extend(items.filter(|name| name.starts_with(prefix)).map(str::to_owned));
    }
    for name in names {
        remove_virtual_host(management, &name).await?;
    }
    Ok(())
}

/// Removes a virtual host and its user. It is no error if they do not exist.
async fn remove_virtual_host(management: &mut Management, name: &str) -> Result<(), Error> {
    management.delete(&format!("/vhosts/{name}")).await?;
    management.delete(&format!("/users/{name}")).await
}

/// The items of a list that are in the present definitions only.
fn added<'v>(present: &'v Value, original: &Value, list: &str) -> impl Iterator<Item = &'v Value> {
    let original = original[list].as_array().cloned().unwrap_or_default();
    let present = present[list].as_array().map(Vec::as_slice).unwrap_or_default();
    present.iter().filter(move |item| !original.contains(item))
}

fn is_filled(list: &Value) -> bool {
    list.as_array().is_some_and(|list| !list.is_empty())
}
