//! The subscriptions of all tapped clients.

/// The name of a subscription: the number of its connection, and its name in this connection.
type Key = (u64, String);

/// The current subscriptions, each with its pattern.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Vec<(Key, String)>);

impl Subscriptions {
    pub(super) fn add(&mut self, connection: u64, id: String, pattern: String) {
        self.0.push(((connection, id), pattern));
    }

    pub(super) fn remove(&mut self, connection: u64, id: &str) {
        self.0.retain(|(key, _)| !(key.0 == connection && key.1 == id));
    }

    pub(super) fn remove_connection(&mut self, connection: u64) {
        self.0.retain(|(key, _)| key.0 != connection);
    }

    /// The patterns of all subscriptions.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, pattern)| pattern.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscription_ends_alone_or_with_its_connection() {
        let mut subscriptions = Subscriptions::default();
        for (connection, id, pattern) in [(1, "1", "a"), (1, "2", "b"), (2, "1", "c")] {
            subscriptions.add(connection, id.to_owned(), pattern.to_owned());
        }
        subscriptions.remove(1, "1");
        assert_eq!(subscriptions.patterns().collect::<Vec<_>>(), ["b", "c"]);
        subscriptions.remove_connection(1);
        assert_eq!(subscriptions.patterns().collect::<Vec<_>>(), ["c"]);
    }
}
