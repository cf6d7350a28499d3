//! What the clients of a test may have left on the broker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::service::ExclusiveUse;

/// What the clients of a test may have left on the broker. The readers of all connections write to it.
///
/// A trace is noted when the tap reads what a client sends, even if a fault then prevents that the server gets it. Topics and client ids are
/// never removed from the traces, so a server counts as clean only if no client can have changed it.
#[derive(Debug, Default)]
pub(super) struct Traces {
    state: Mutex<State>,
    /// The exclusive use of a shared server, in whose file the changes are noted for the case that this process dies.
    exclusive: Option<Arc<ExclusiveUse>>,
}

/// A change of a shared server, as a line in the file of its lock.
#[derive(Debug, Serialize, Deserialize)]
enum Change<'c> {
    #[serde(borrow)]
    Retained(std::borrow::Cow<'c, str>),
    #[serde(borrow)]
    Session(std::borrow::Cow<'c, str>),
}

#[derive(Debug, Default)]
struct State {
    /// The topics whose messages the server keeps for later subscribers.
    retained: BTreeSet<String>,
    /// The clients whose sessions the server keeps, and their subscriptions.
    sessions: BTreeMap<String, BTreeSet<String>>,
    /// The connections that the server has not closed yet.
    open_connections: usize,
    has_unreadable_connection: bool,
    /// Whether a change of a shared server could not be noted in the file of its lock.
    has_unnoted_change: bool,
}

/// What must be removed from a shared server after the test.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) sessions: Vec<String>,
    pub(super) retained: Vec<String>,
}

impl Traces {
    /// The traces on a shared server, with those that an owner has left whose process died.
    pub(super) fn on_shared_server(exclusive: Arc<ExclusiveUse>) -> Self {
        let mut state = State::default();
        // A line may be incomplete if the process died while it wrote the line. The server did not get that change.
        for change in exclusive.leftovers().iter().filter_map(|line| serde_json::from_str(line).ok()) {
            match change {
                Change::Retained(topic) => drop(state.retained.insert(topic.into_owned())),
                Change::Session(client_id) => drop(state.sessions.entry(client_id.into_owned()).or_default()),
            }
        }
        Self { state: Mutex::new(state), exclusive: Some(exclusive) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a change of a shared server outside of this process, before the server gets the change.
    fn note(&self, change: &Change<'_>) {
        let Some(exclusive) = &self.exclusive else { return };
        let noted = serde_json::to_string(change).is_ok_and(|line| exclusive.note(&line).is_ok());
        if !noted {
            self.state().has_unnoted_change = true;
        }
    }

    pub(super) fn note_open_connection(&self) {
        self.state().open_connections += 1;
    }

    /// Notes that the server has closed a connection, so it has processed everything that came through it.
    pub(super) fn note_closed_connection(&self) {
        let mut state = self.state();
        state.open_connections = state.open_connections.saturating_sub(1);
    }

    /// Notes that a client has sent something that itest cannot read.
    pub(super) fn note_unreadable_connection(&self) {
        self.state().has_unreadable_connection = true;
    }

    pub(super) fn note_retained(&self, topic: &str) {
        if self.state().retained.insert(topic.to_owned()) {
            self.note(&Change::Retained(topic.into()));
        }
    }

    pub(super) fn note_session(&self, client_id: &str) {
        let is_new = !self.state().sessions.contains_key(client_id);
        if is_new {
            self.note(&Change::Session(client_id.into()));
            self.state().sessions.entry(client_id.to_owned()).or_default();
        }
    }

    /// Notes that a client has a new session, without the subscriptions of an earlier one.
    pub(super) fn forget_subscriptions(&self, client_id: &str) {
        if let Some(filters) = self.state().sessions.get_mut(client_id) {
            filters.clear();
        }
    }

    pub(super) fn note_subscription(&self, client_id: &str, filter: &str) {
        if let Some(filters) = self.state().sessions.get_mut(client_id) {
            filters.insert(filter.to_owned());
        }
    }

    pub(super) fn note_unsubscription(&self, client_id: &str, filter: &str) {
        if let Some(filters) = self.state().sessions.get_mut(client_id) {
            filters.remove(filter);
        }
    }

    /// The subscriptions in the session that the server has kept for a client.
    pub(super) fn subscriptions_of(&self, client_id: &str) -> Vec<String> {
        self.state().sessions.get(client_id).into_iter().flatten().cloned().collect()
    }

    /// What is left on the server, or may be left. `None` if nothing is.
    pub(super) fn leftover(&self) -> Option<&'static str> {
        let state = self.state();
        if let Some(doubt) = state.doubt() {
            Some(doubt)
        } else if !state.sessions.is_empty() {
            Some("a client of a test has a session that outlasts its connection")
        } else if !state.retained.is_empty() {
            Some("a test has retained messages")
        } else {
            None
        }
    }

    /// The reason why itest cannot know what is left on the server. `None` if it knows.
    pub(super) fn doubt(&self) -> Option<&'static str> {
        self.state().doubt()
    }

    /// What must be removed from a shared server after the test.
    pub(super) fn changes(&self) -> Changes {
        let state = self.state();
        let sessions = state.sessions.keys().cloned().collect();
        Changes { sessions, retained: state.retained.iter().cloned().collect() }
    }
}

impl State {
    fn doubt(&self) -> Option<&'static str> {
        if self.has_unreadable_connection {
            Some("a client of a test has sent something that is not MQTT 3.1, 3.1.1 or 5")
        } else if self.open_connections > 0 {
            Some("connections of a test are still open")
        } else if self.has_unnoted_change {
            Some("a change of the server could not be written to the file of its lock, so recovery would not know it")
        } else {
            None
        }
    }
}
