//! The subscriptions of one client. Some of them end by themselves, after a number of messages.

use std::collections::HashMap;

/// The subscriptions of one connection that have not ended, by their ids.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(HashMap<String, Subscription>);

#[derive(Debug, Default)]
struct Subscription {
    /// How many messages the server has delivered for it.
    delivered: u64,
    /// The number of messages after which the server ends it.
    max_messages: Option<u64>,
}

/// What has happened to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Lasts,
    Ended,
}

impl Subscriptions {
    /// Notes a new subscription.
    pub(super) fn add(&mut self, id: &str) {
        self.0.entry(id.to_owned()).or_default();
    }

    /// Notes that the client ends a subscription: now, or when it has got this many messages since its beginning.
    pub(super) fn end(&mut self, id: &str, max_messages: Option<u64>) -> Change {
        match (self.0.get_mut(id), max_messages) {
            (Some(subscription), Some(max)) if subscription.delivered < max => {
                subscription.max_messages = Some(max);
                Change::Lasts
            }
            _ => {
                self.0.remove(id);
                Change::Ended
            }
        }
    }

    /// Counts a message that the server delivers for a subscription.
    pub(super) fn count_message(&mut self, id: &str) -> Change {
        let Some(subscription) = self.0.get_mut(id) else { return Change::Lasts };
        subscription.delivered += 1;
        if subscription.max_messages.is_none_or(|max| subscription.delivered < max) {
            return Change::Lasts;
        }
        self.0.remove(id);
        Change::Ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscription_ends_after_its_number_of_messages_and_earlier_ones_count() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.add("1");
        assert_eq!(subscriptions.count_message("1"), Change::Lasts);
        assert_eq!(subscriptions.end("1", Some(3)), Change::Lasts);
        assert_eq!(subscriptions.count_message("1"), Change::Lasts);
        assert_eq!(subscriptions.count_message("1"), Change::Ended);
    }

    #[test]
    fn subscription_ends_at_once_without_a_number_and_with_a_number_that_is_reached() {
        for max_messages in [None, Some(0), Some(1)] {
            let mut subscriptions = Subscriptions::default();
            subscriptions.add("1");
            subscriptions.count_message("1");
            assert_eq!(subscriptions.end("1", max_messages), Change::Ended, "{max_messages:?}");
        }
    }

    #[test]
    fn message_of_an_unknown_subscription_ends_nothing() {
        let mut subscriptions = Subscriptions::default();
        assert_eq!(subscriptions.count_message("1"), Change::Lasts);
    }
}
